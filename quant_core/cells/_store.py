"""Partitions as Parquet files in a folder: written whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from quant_core.canonical import digest
from quant_core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "UNFINISHED",
    "FolderStore",
    "PartitionStore",
    "Receipt",
    "parquet_bytes",
    "parquet_options",
    "read_parquet",
    "readable",
    "whole_file",
]

_SUFFIX = ".parquet"
UNFINISHED = ".unfinished"
"""How the name of a file ends that is not whole yet."""


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


@contextmanager
def whole_file(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Write a local file under another name, and give it its own only when it is complete.

    Parameters
    ----------
    path : pathlib.Path
        The name the file gets at the end of the block; its folder is created.
    durable : bool
        Whether the file must survive a power cut from the end of the block on. A killed process
        loses nothing either way.

    Yields
    ------
    pathlib.Path
        The name to write to. It is removed when the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        yield unfinished
        if durable:
            _sync(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    if durable:
        _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FolderStore:
    """Partitions of one asset below a folder, on a disk or an object store.

    Parameters
    ----------
    url : str
        A path, or any URL that fsspec opens.
    durable : bool
        Whether a partition on a local disk must survive a power cut once it is written.

    Examples
    --------
    >>> store = FolderStore("/tmp/lakehouse/weights_cube")  # doctest: +SKIP
    >>> store.write("us_equity/2007-01", table)  # doctest: +SKIP
    """

    def __init__(self, url: str, *, durable: bool = True) -> None:
        self._durable = durable
        self._fs, root = fsspec.core.url_to_fs(url)
        self._root = root.rstrip("/")
        self._local = isinstance(self._fs, fsspec.implementations.local.LocalFileSystem)

    def path(self, partition: str) -> str:
        """Return where a partition lies, whether it is there or not."""
        return f"{self._root}/{partition}{_SUFFIX}"

    def read(self, partition: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Return the table of a partition, or None when it was never written.

        Raises
        ------
        StoreError
            If the file is there but is no readable Parquet.
        """
        path = self.path(partition)
        try:
            with self._fs.open(path, "rb") as file:
                return read_parquet(file, columns, name=path)
        except FileNotFoundError:
            return None

    def write(self, partition: str, table: pa.Table) -> Receipt:
        """Store the table of a partition, whole or not at all."""
        path, data = self.path(partition), parquet_bytes(table)
        if self._local:
            with whole_file(Path(path), durable=self._durable) as unfinished:
                unfinished.write_bytes(data)
        else:
            self._fs.pipe_file(path, data)
        return Receipt(partition, path, table.num_rows, len(data), digest(data))

    def receipt(self, partition: str) -> Receipt | None:
        """Return the receipt of a stored partition, read from its bytes, or None."""
        path = self.path(partition)
        try:
            data = self._fs.cat_file(path)
        except FileNotFoundError:
            return None
        with readable(path):
            rows = pq.ParquetFile(pa.BufferReader(data)).metadata.num_rows
        return Receipt(partition, path, rows, len(data), digest(data))

    def partitions(self) -> list[str]:
        """Return the names of the stored partitions, sorted."""
        # Not `exists`: it takes any exception for "no", an interrupt too.
        start = len(self._fs._strip_protocol(self._root)) + 1  # noqa: SLF001 - fsspec's own way
        found = (str(name)[start:] for name in self._fs.find(self._root))
        return sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX))

    def delete(self, partition: str) -> None:
        """Remove a partition; one that is not there is no error."""
        with suppress(FileNotFoundError):
            self._fs.rm_file(self.path(partition))
