"""One materialization event a partition, with the version of its own content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg  # noqa: TID253 - events of the orchestrator
from dagster._core.events import (  # noqa: TID253 - as above
    DagsterEventBatchMetadata,
    generate_event_batch_id,
)

from resources.run_manifests import book_outputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quant_core.cells import Receipt
    from resources._partition_values import Partition

__all__ = ["DEFER_TAG", "partition_events"]

DEFER_TAG = "dagster/defer_asset_events"
"""Run tag: the materialization events come from us, not from Dagster."""

_DATA_VERSION_TAG = "dagster/data_version"
_CODE_VERSION_TAG = "dagster/code_version"
_BACKFILL_TAG = "dagster/backfill"
_DIMENSION_TAG = "dagster/partition"


def partition_events(
    context: dg.OutputContext, found: Mapping[str, Partition], written: Mapping[str, Receipt]
) -> Iterator[dg.DagsterEvent]:
    """Book and yield the event of every partition, and keep Dagster from adding its own.

    Dagster would give all partitions of a run one and the same data version. The run tag leaves
    the events to us. It is set in the memory of the executing run, so that runs started by hand,
    by a backfill and by a schedule all behave alike.

    Parameters
    ----------
    context : OutputContext
        The output that has been stored.
    found : mapping of str to Partition
        Partitions with their metadata, by key; the key of an unpartitioned asset is empty.
    written : mapping of str to Receipt
        Receipts of the files, in the order of the events.
    """
    step = context.step_context
    book_outputs(step.dagster_run.run_id, written.values())
    run_tags: dict[str, str] = step.dagster_run.tags  # type: ignore[assignment] # is a dict
    run_tags[DEFER_TAG] = "true"
    shared = {_BACKFILL_TAG: run_tags[_BACKFILL_TAG]} if _BACKFILL_TAG in run_tags else {}
    version = step.job_def.asset_layer.get(context.asset_key).code_version
    if version is not None:
        shared[_CODE_VERSION_TAG] = version
    keys = {str(key): key for key in context.asset_partition_keys} if "" not in written else {}
    batch, last = generate_event_batch_id(), len(written) - 1  # type: ignore[no-untyped-call]
    for number, (name, receipt) in enumerate(written.items()):
        event = _event(context.asset_key, keys.get(name), found[name], receipt, shared)
        yield dg.DagsterEvent.asset_materialization(
            step, event, DagsterEventBatchMetadata(batch, number == last)
        )


def _event(
    asset: dg.AssetKey,
    key: str | None,
    partition: Partition,
    receipt: Receipt,
    shared: Mapping[str, str],
) -> dg.AssetMaterialization:
    dimensions = key.keys_by_dimension if isinstance(key, dg.MultiPartitionKey) else {}
    tags = {f"{_DIMENSION_TAG}/{name}": value for name, value in dimensions.items()}
    facts: dict[str, Any] = {
        "dagster/row_count": receipt.rows,
        "bytes": receipt.size,
        "path": dg.MetadataValue.path(receipt.path),
    }
    return dg.AssetMaterialization(
        asset_key=asset,
        partition=key,
        metadata={**facts, **partition.metadata},
        tags={**shared, **tags, _DATA_VERSION_TAG: receipt.digest, **partition.tags},
    )
