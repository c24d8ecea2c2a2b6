"""Which partition a key belongs to, as the default partitioner says it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kafka.cluster import ClusterMetadata

__all__ = ["partitioner"]

_KEYS = 16_384


def partitioner() -> Any:
    """Return kafka-python's default partitioner, which hashes a key it has seen but once."""
    from kafka.partitioner import DefaultPartitioner, murmur2

    hashed = lru_cache(maxsize=_KEYS)(murmur2)

    class Partitioner(DefaultPartitioner):  # type: ignore[misc] # kafka-python is untyped
        def partition(
            self,
            topic: str,
            key: bytes | None,
            serialized_key: bytes | None,
            value: bytes,
            serialized_value: bytes,
            cluster: ClusterMetadata,
        ) -> Any:
            known = cluster.partitions_for_topic(topic) if serialized_key is not None else None
            if not known:
                return super().partition(
                    topic, key, serialized_key, value, serialized_value, cluster
                )
            return sorted(known)[(hashed(serialized_key) & 0x7FFFFFFF) % len(known)]

    return Partitioner()
