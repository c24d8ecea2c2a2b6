"""The IO manager: a durable Parquet file, and a hot object beside it while Ray runs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg  # noqa: TID253 - an IO manager of the orchestrator
from pydantic import PrivateAttr

from quant_core.cells import Receipt
from quant_core.errors import MissingPartitionError, StoreError
from resources._final_errors import final_errors
from resources._hot_objects import HotObjects
from resources._partition_events import partition_events
from resources._partition_values import Partition, by_partition, reader, to_table
from resources._reach import own_months, reached
from resources.lakehouse import Lakehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from dagster import DagsterEvent

    from quant_core.cells import FolderStore

__all__ = ["Partition", "RayIOManager"]

_MIB = 2**20


class RayIOManager(dg.ConfigurableIOManager):
    """Store partitions as Parquet, and load them from Ray's object store where they are live.

    An output is a `pyarrow.Table`, a `ReturnsMatrix`, the `Receipt` of a worker that has already
    written the partition, a `Partition` that adds metadata to one of these, or a mapping of
    partition to any of them. Each partition of a run gets its own materialization event with the
    digest of its bytes as data version. An input is annotated `pyarrow.Table` or `ReturnsMatrix`
    (partitions concatenated in time order) or ``dict[str, pyarrow.Table]``.

    Parameters
    ----------
    lakehouse : str
        Root of the lakehouse; empty for the configured one.
    dimensions : list of str
        Order of partition dimensions in a path.
    hot_bytes : int
        Bound of the tables that are kept in Ray's object store.

    Notes
    -----
    A look-back may reach before a sleeve's first partition. Input metadata
    ``{"spans": {sleeve: [first, last]}}`` says where each sleeve's months begin and end; keys
    outside are left out, any other missing partition is an error. One mapping serves all sleeves;
    ``{"reach": {sleeve: [first, last]}}`` says which months, counted from its own, a sleeve's
    month reads.
    """

    lakehouse: str = ""
    dimensions: list[str] = ["sleeve", "strategy", "simulator", "month"]  # noqa: RUF012 - a field
    hot_bytes: int = 512 * _MIB

    _digests: dict[str, tuple[str, str]] = PrivateAttr(default_factory=dict)

    @cached_property
    def _hot(self) -> HotObjects:
        return HotObjects(self.hot_bytes)

    def handle_output(  # type: ignore[override] # Dagster also takes a generator of events
        self, context: dg.OutputContext, obj: Any
    ) -> Iterator[DagsterEvent]:
        """Write the partitions of an output, then report each of them.

        Raises
        ------
        dagster.Failure
            If the output is of a type that is not stored, has other partitions than the run, or
            a worker's partition is missing; not retried.
        StoreError
            If a receipt and its file disagree.
        """
        asset, store = _asset(context.asset_key), self.store(context.asset_key)
        places = self._places(context)
        with final_errors():
            found = by_partition(obj, list(places), asset=asset)
            written = {key: self.write(store, asset, places[key], found[key]) for key in places}
            store.book(written.values(), code_version=_code_version(context))
        yield from partition_events(context, found, written)

    def write(self, store: FolderStore, asset: str, place: str, partition: Partition) -> Receipt:
        """Write one partition, or verify the receipt of the worker that did."""
        value = partition.value
        if isinstance(value, Receipt):
            return _verified(store, asset, place, value)
        table = to_table(value)
        receipt = store.write(place, table)
        self._hot.put(asset, place, receipt.digest, table)
        self._digests[receipt.path] = store.version(place) or "", receipt.digest
        return receipt

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the partitions of an input, in time order.

        Raises
        ------
        dagster.Failure
            If a partition was never materialized, or the input is annotated with a type that is
            not stored; not retried.
        StoreError
            If a file cannot be read.
        """
        asset, store = _asset(context.asset_key), self.store(context.asset_key)
        places = self._places(context)
        facts = context.definition_metadata or {}
        inside = _inside(places, facts.get("spans"))
        if "reach" in facts:
            inside = reached(inside, facts["reach"], own_months(context))
        with final_errors():
            make = reader(context.dagster_type.typing_type, asset=asset)
            return make({key: self.read(store, asset, key, place) for key, place in inside.items()})

    def read(self, store: FolderStore, asset: str, key: str, place: str) -> pa.Table:
        """Read one partition: the live object if it is still the file's, else the file."""
        path, fingerprint = store.path(place), store.version(place)
        if fingerprint is None:
            raise _never(asset, key, path)
        known, content = self._digests.get(path, ("", ""))
        if known == fingerprint:
            table = self._hot.get(asset, place, content)
            if table is not None:
                return table
        loaded = parsed(store, place)
        if loaded is None:
            raise _never(asset, key, path)
        table, content = loaded
        self._hot.put(asset, place, content, table)
        self._digests[path] = fingerprint, content
        return table

    def store(self, asset: dg.AssetKey) -> FolderStore:
        """Return where the partitions of an asset lie."""
        return Lakehouse(self.lakehouse).store(*asset.path)

    def _places(self, context: dg.OutputContext | dg.InputContext) -> dict[str, str]:
        """Return where each partition lies, in the order of the places: Dagster's is random."""
        if not context.has_asset_partitions:
            return {"": "all"}
        order = {name: number for number, name in enumerate(self.dimensions)}
        places = {str(key): _place(key, order) for key in context.asset_partition_keys}
        return dict(sorted(places.items(), key=lambda item: item[1]))


def _asset(key: dg.AssetKey) -> str:
    return key.to_user_string()


def _place(key: str, order: Mapping[str, int]) -> str:
    if not isinstance(key, dg.MultiPartitionKey):
        return key
    parts = sorted(key.keys_by_dimension.items(), key=lambda part: order.get(part[0], -1))
    return "/".join(value for _, value in parts)


def _inside(places: Mapping[str, str], spans: Mapping[str, Sequence[str]] | None) -> dict[str, str]:
    if spans is None:
        return dict(places)
    found = {}
    for key, place in places.items():
        sleeve, _, month = place.partition("/")
        first, last = spans[sleeve]
        if first <= month <= last:
            found[key] = place
    return found


def _code_version(context: dg.OutputContext) -> str:
    layer = context.step_context.job_def.asset_layer
    return layer.get(context.asset_key).code_version or ""


def parsed(store: FolderStore, place: str) -> tuple[pa.Table, str] | None:
    """Return the table of a partition and the digest of its bytes, read from where it lies."""
    return store.load(place)


def _never(asset: str, key: str, path: str) -> MissingPartitionError:
    return MissingPartitionError(
        f"{asset}: partition {key} has never been materialized (no file {path}); "
        f"materialize it first"
    )


def _verified(store: FolderStore, asset: str, place: str, receipt: Receipt) -> Receipt:
    found = store.receipt(place)
    if found is None:
        raise MissingPartitionError(
            f"{asset}: a worker reported partition {place} as written to {receipt.path}, "
            f"but there is no file {store.path(place)}"
        )
    if found.digest != receipt.digest:
        raise StoreError(
            f"{found.path}: expected the content that the worker wrote (digest {receipt.digest}), "
            f"found another one ({found.digest}); did two runs write the partition at once?"
        )
    return found
