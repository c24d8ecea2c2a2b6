"""Partitions as Parquet files in a folder: written whole or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from quant_core.cells._manifest import MANIFEST, Entry, change_manifest, read_manifest
from quant_core.cells._packed import Packs
from quant_core.errors import StoreError
from quant_core.objects import join, open_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from quant_core.objects import Version

__all__ = [
    "SUFFIX",
    "FolderStore",
    "PartitionStore",
    "Receipt",
    "parquet_bytes",
    "parquet_options",
    "read_parquet",
    "readable",
]

SUFFIX = ".parquet"
"""How the name of a partition's file ends."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of a written partition.

    Parameters
    ----------
    partition : str
        Name of the partition, ``/`` between its dimensions.
    path : str
        Where it lies.
    rows, size : int
        Rows of the table and bytes of the file.
    digest : str
        Digest of the file's bytes.
    """

    partition: str
    path: str
    rows: int
    size: int
    digest: str


class PartitionStore(Protocol):
    """A place that keeps one table a partition."""

    def read(self, partition: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Return the table of a partition, or None when it was never written."""
        ...

    def write(self, partition: str, table: pa.Table) -> Receipt:
        """Store the table of a partition, whole or not at all."""
        ...

    def partitions(self) -> list[str]:
        """Return the names of the stored partitions, sorted."""
        ...


def parquet_bytes(table: pa.Table) -> bytes:
    """Encode a table as Parquet; equal tables give equal bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **parquet_options(table.schema))
    return bytes(sink.getvalue())


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """Return how every Parquet file of ours is written.

    Text keeps its dictionary; on floats the writer builds one only to throw it away. Pages carry
    checksums: without them most flipped bits would read back as other numbers.
    """
    text = [field.name for field in schema if not pa.types.is_floating(field.type)]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": text,
        "write_page_checksum": True,
    }


def read_parquet(
    source: Any, columns: Sequence[str] | None = None, *, name: str | Path
) -> pa.Table:
    """Read a Parquet file of ours, its checksums verified.

    Parameters
    ----------
    source : path or file
        What to read.
    columns : sequence of str, optional
        The columns to read; all of them by default.
    name : str or pathlib.Path
        What messages call it.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    StoreError
        If the file is no readable Parquet.
    """
    with readable(name):
        wanted = list(columns) if columns else None
        return pq.read_table(source, columns=wanted, page_checksum_verification=True)


@contextmanager
def readable(name: str | Path) -> Iterator[None]:
    """Turn what pyarrow raises on a damaged file into a `StoreError` that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(
            f"{name}: expected a Parquet file, found what cannot be read as one ({error}); "
            "if it is damaged, delete it to have it computed again"
        ) from error


class FolderStore:
    """Partitions of one asset below a folder, on a disk or an object store.

    A partition is a file of its own, or lies in the pack of its year; readers see no difference.
    In an object store a write replaces what this store has read, or nothing: where another writer
    was faster it raises `ConflictError`.

    Parameters
    ----------
    url : str
        A path, ``s3://bucket/prefix``, or any URL that fsspec opens.
    durable : bool
        Whether a partition on a local disk must survive a power cut once it is written.

    Examples
    --------
    >>> store = FolderStore("/tmp/lakehouse/weights_cube")  # doctest: +SKIP
    >>> store.write("us_equity/2007-01", table)  # doctest: +SKIP
    """

    def __init__(self, url: str, *, durable: bool = True) -> None:
        self._objects = open_objects(url, durable=durable)
        self._packs = Packs(self._objects)
        self._seen: dict[str, Version | None] = {}

    def path(self, partition: str) -> str:
        """Return where a partition lies that is a file of its own, there or not."""
        return self._objects.path(partition + SUFFIX)

    def version(self, partition: str) -> str | None:
        """Return what changes when a partition is written, without reading it, or None."""
        found = self._objects.version(partition + SUFFIX)
        if found is not None:
            return found.tag
        entry = self._packs.entry(partition)
        return None if entry is None else entry.digest

    def read(self, partition: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Return the table of a partition, or None when it was never written.

        Raises
        ------
        StoreError
            If the file is there but is no readable Parquet.
        """
        path = self.path(partition)
        if self._objects.local:
            try:
                with self._objects.open(partition + SUFFIX) as file:
                    return read_parquet(file, columns, name=path)
            except FileNotFoundError:
                found = self._packs.read(partition)
        else:
            found = self._found(partition)
        if found is None:
            return None
        return read_parquet(pa.BufferReader(found[0]), columns, name=path)

    def load(self, partition: str) -> tuple[pa.Table, str] | None:
        """Return the table of a partition and the digest of its bytes, or None."""
        found = self._found(partition)
        if found is None:
            return None
        return read_parquet(pa.BufferReader(found[0]), name=self.path(partition)), found[1]

    def write(self, partition: str, table: pa.Table) -> Receipt:
        """Store the table of a partition, whole or not at all.

        Raises
        ------
        ConflictError
            If the partition is in an object store and is no longer what this store has read.
        """
        name, data = partition + SUFFIX, parquet_bytes(table)
        objects = self._objects
        if objects.local:
            written = objects.put(name, data, seen=None)
        else:
            # Without an earlier look at it, the write is held against what is there right now.
            seen = self._seen.pop(name) if name in self._seen else objects.version(name)
            written = self._seen[name] = objects.put(name, data, seen=seen)
        return Receipt(partition, self.path(partition), table.num_rows, len(data), written.digest)

    def receipt(self, partition: str) -> Receipt | None:
        """Return the receipt of a stored partition, read from its bytes, or None."""
        found, path = self._found(partition), self.path(partition)
        if found is None:
            return None
        with readable(path):
            rows = pq.ParquetFile(pa.BufferReader(found[0])).metadata.num_rows
        return Receipt(partition, path, rows, len(found[0]), found[1])

    def book(self, receipts: Iterable[Receipt], *, code_version: str = "") -> None:
        """Record written partitions in the manifest of their folder.

        Parameters
        ----------
        receipts : iterable of Receipt
            What was written.
        code_version : str
            Version of the code that made it.
        """
        folders: dict[str, dict[str, Entry]] = {}
        for receipt in receipts:
            folder, name = _split(receipt.partition)
            entry = Entry(receipt.digest, receipt.rows, receipt.size, code_version)
            folders.setdefault(folder, {})[name] = entry
        for folder, entries in sorted(folders.items()):
            change_manifest(self._objects, folder, _booked(entries))

    def partitions(self) -> list[str]:
        """Return the names of the stored partitions, sorted.

        What the manifest of a folder names is there even where a list does not show it yet.
        """
        listed = list(self._objects.names())
        found = {name.removesuffix(SUFFIX) for name in listed if name.endswith(SUFFIX)}
        folders = {_split(name)[0] for name in (*listed, "") if _split(name)[1] in {MANIFEST, ""}}
        for folder in sorted(folders):
            entries = read_manifest(self._objects, folder).entries
            booked = {join(folder, name): entry for name, entry in entries.items()}
            found.update(
                name
                for name, entry in booked.items()
                if name not in found and (entry.pack or self._objects.version(name + SUFFIX))
            )
        return sorted(found)

    def delete(self, partition: str) -> None:
        """Remove a partition; one that is not there is no error."""
        folder, name = _split(partition)
        if name in read_manifest(self._objects, folder).entries:
            change_manifest(self._objects, folder, lambda found: _without(found, name))
            self._packs.forget()
        self._seen.pop(partition + SUFFIX, None)
        self._objects.remove(partition + SUFFIX)

    def _found(self, partition: str) -> tuple[bytes, str] | None:
        """Return the bytes of a partition and their digest."""
        name = partition + SUFFIX
        found = self._objects.read(name)
        if not self._objects.local:
            self._seen[name] = None if found is None else found[1]
        return self._packs.read(partition) if found is None else (found[0], found[1].digest)


def _split(partition: str) -> tuple[str, str]:
    folder, _, name = partition.rpartition("/")
    return folder, name


def _booked(entries: Mapping[str, Entry]) -> Callable[[Mapping[str, Entry]], Mapping[str, Entry]]:
    def change(found: Mapping[str, Entry]) -> Mapping[str, Entry]:
        return {**found, **{name: _kept(found.get(name), entry) for name, entry in entries.items()}}

    return change


def _kept(before: Entry | None, entry: Entry) -> Entry:
    """Return the new entry, or the one before where a pack already holds the same bytes."""
    packed = before is not None and before.pack and before.digest == entry.digest
    return before if packed and before is not None else entry


def _without(found: Mapping[str, Entry], name: str) -> Mapping[str, Entry]:
    return {key: entry for key, entry in found.items() if key != name}
