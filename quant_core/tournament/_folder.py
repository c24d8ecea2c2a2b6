"""The output folder of a run: one Parquet file an asset, resumable while it is being made."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from quant_core.cells import (
    UNFINISHED,
    FolderStore,
    parquet_options,
    read_parquet,
    readable,
    whole_file,
)
from quant_core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from quant_core.cells import Receipt

__all__ = ["SingleFileStore", "alone_in", "read_table", "write_table"]

_PARTS = ".parts"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder for one run, and remove what a killed one left unfinished in it.

    Parameters
    ----------
    folder : pathlib.Path
        The folder; it exists.

    Raises
    ------
    StoreError
        If another run holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"{folder}: another run is writing here; wait for it, or choose another --out"
            ) from error
        for path in sorted(folder.rglob(f".*{UNFINISHED}")):
            path.unlink()
        yield
    finally:
        os.close(handle)


class SingleFileStore:
    """Partitions kept in one Parquet file, a row group each.

    While a run goes on, workers write partitions as files of their own beside it; they count
    before the row groups of the file. `assemble` folds them into a new file.

    Parameters
    ----------
    path : pathlib.Path
        The file; its table has a text column ``window`` whose first seven characters name the
        partition.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts = FolderStore(str(path.parent / _PARTS / path.stem), durable=False)

    def read(self, partition: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Return the table of a partition, or None when it was never written."""
        part = self._parts.read(partition, columns)
        if part is not None or not self._path.exists():
            return part
        stat = self._path.stat()
        file, groups = _opened(self._path, stat.st_mtime_ns, stat.st_size)
        if partition not in groups:
            return None
        with readable(self._path):
            return file.read_row_group(
                groups[partition], columns=list(columns) if columns else None
            )

    def write(self, partition: str, table: pa.Table) -> Receipt:
        """Store a partition beside the file, whole or not at all."""
        return self._parts.write(partition, table)

    def partitions(self) -> list[str]:
        """Return the names of the stored partitions, sorted."""
        names = set(self._parts.partitions())
        if self._path.exists():
            stat = self._path.stat()
            names.update(_opened(self._path, stat.st_mtime_ns, stat.st_size)[1])
        return sorted(names)

    def assemble(self, partitions: Sequence[str], schema: pa.Schema) -> None:
        """Make the file hold just these partitions, in this order.

        A file that already does is left alone.
        """
        if not self._parts.partitions() and self.partitions() == list(partitions):
            return
        with whole_file(self._path) as unfinished:
            options = parquet_options(schema)
            with pq.ParquetWriter(unfinished, schema, **options) as writer:
                for partition in partitions:
                    table = self.read(partition)
                    if table is None:
                        raise StoreError(f"{self._path}: partition {partition} is missing")
                    writer.write_table(table.combine_chunks(), row_group_size=table.num_rows or 1)
        _opened.cache_clear()
        parts = self._path.parent / _PARTS
        shutil.rmtree(parts / self._path.stem, ignore_errors=True)
        if parts.exists() and not any(parts.iterdir()):
            parts.rmdir()


@lru_cache(maxsize=4)
def _opened(path: Path, _modified: int, _size: int) -> tuple[pq.ParquetFile, dict[str, int]]:
    with readable(path):
        file = pq.ParquetFile(path, page_checksum_verification=True)
    column = file.schema_arrow.get_field_index("window")
    groups = {}
    for number in range(file.metadata.num_row_groups):
        statistics = file.metadata.row_group(number).column(column).statistics
        if statistics is None:
            raise StoreError(f"{path}: row group {number} has no statistics; delete the file")
        groups[str(statistics.min)[:7]] = number
    return file, groups


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table to a file, whole or not at all."""
    with whole_file(path) as unfinished:
        pq.write_table(table, unfinished, **parquet_options(table.schema))


def read_table(path: Path) -> pa.Table | None:
    """Return the table of a file, or None when there is no file.

    Raises
    ------
    StoreError
        If the file is no readable Parquet.
    """
    try:
        return read_parquet(path, name=path)
    except FileNotFoundError:
        return None
