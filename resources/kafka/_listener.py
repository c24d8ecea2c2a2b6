"""What kafka-python calls when partitions come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kafka import TopicPartition

__all__ = ["Partitions", "listener"]


class Partitions(Protocol):
    """Who holds the partitions; called from the loop of the consumer, while a poll waits."""

    async def revoked(self, partitions: Iterable[int]) -> None:
        """Commit what is durable of partitions that are given up."""
        ...

    def assigned(self, partitions: Iterable[int]) -> None:
        """Take partitions."""
        ...

    def lost(self, partitions: Iterable[int]) -> None:
        """Forget partitions that others have already."""
        ...


def listener(holder: Partitions) -> Any:
    """Return the listener that tells ``holder``."""
    from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener

    class Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc] # kafka-python is untyped
        async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
            await holder.revoked([place.partition for place in revoked])

        async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
            holder.assigned([place.partition for place in assigned])

        async def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
            holder.lost([place.partition for place in lost])

    return Listener()
