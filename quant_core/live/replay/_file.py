"""One Parquet file of ticks, chunk by chunk."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quant_core.errors import DataError
from quant_core.live._messages import DeadLetter, TickBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ReplayFile"]

_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_TIME = pa.timestamp("ns", tz="UTC")
_PAYLOAD = 4096


class ReplayFile:
    """Ticks and malformed rows of a file, in the order of the file.

    Parameters
    ----------
    given : str
        A path or an fsspec URL, possibly ``NAME=FILE``.
    place : int
        Place among the files: the partition of its ticks.
    chunk : int
        Rows read at one time.
    """

    def __init__(self, given: str, place: int, chunk: int) -> None:
        name, _, path = given.rpartition("=")
        self.path, self._place = path, place
        self._name = name or PurePosixPath(path).stem
        self._handle, self._file = _opened(path)
        self._required, self._columns = self._wanted()
        self._batches: Iterator[pa.RecordBatch] = self._file.iter_batches(
            chunk, columns=self._columns
        )
        self._row = 0
        self._latest = np.iinfo(np.int64).min
        self._codes: dict[str, int] = {}

    def _wanted(self) -> tuple[list[str], list[str]]:
        schema = self._file.schema_arrow
        prices = [["price"], ["bid", "ask"]]
        chosen = next((found for found in prices if set(found) <= set(schema.names)), None)
        if "ts" not in schema.names or chosen is None:
            raise DataError(
                f"{self.path}: expected the columns ts and bid, ask, or ts and price; found "
                f"{', '.join(schema.names)}"
            )
        kind = schema.field("ts").type
        if not (pa.types.is_timestamp(kind) or pa.types.is_int64(kind)):
            raise DataError(
                f"{self.path}: ts: expected a timestamp or int64 nanoseconds, found {kind}"
            )
        extra = [name for name in ("bid", "ask", "size", "instrument") if name in schema.names]
        return chosen, list(dict.fromkeys(["ts", *chosen, *extra]))

    def read(self) -> tuple[TickBatch, np.ndarray, list[DeadLetter]] | None:
        """Return the next ticks, the instant that each is merged by, and malformed rows.

        The instant to merge by is the latest so far: a row whose ``ts`` goes back stays behind the
        one in front of it.
        """
        batch = next(self._batches, None)
        if batch is None:
            return None
        table = {name: batch.column(name) for name in self._columns}
        first, self._row = self._row, self._row + batch.num_rows
        wrong = np.zeros(batch.num_rows, dtype=bool)
        reasons: dict[int, tuple[str, str]] = {}
        ts = self._instants(table["ts"], reasons)
        numbers: dict[str, np.ndarray] = {
            name: self._numbers(name, table[name], reasons)
            for name in ("price", "bid", "ask", "size")
            if name in table
        }
        codes = self._instruments(table.get("instrument"), batch.num_rows, reasons)
        wrong[list(reasons)] = True
        letters = [self._letter(batch, first, row, *reasons[row]) for row in sorted(reasons)]
        ticks = self._ticks(ts, numbers, codes, first, ~wrong)
        merged = np.maximum.accumulate(np.maximum(ticks.ts, self._latest))
        if len(merged):
            self._latest = int(merged[-1])
        return ticks, merged, letters

    def _instants(self, column: pa.Array, reasons: dict[int, tuple[str, str]]) -> np.ndarray:
        self._missing("ts", column, reasons)
        if pa.types.is_timestamp(column.type):
            try:
                column = column.cast(pa.timestamp("ns", tz=column.type.tz))
            except pa.ArrowInvalid as error:
                raise DataError(
                    f"{self.path}: ts: expected instants between 1677 and 2262, found one that "
                    f"nanoseconds cannot hold ({error})"
                ) from error
        return _filled(column.cast(pa.int64()), 0)

    def _numbers(
        self, name: str, column: pa.Array, reasons: dict[int, tuple[str, str]]
    ) -> np.ndarray:
        if name in self._required:
            self._missing(name, column, reasons)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            good = pc.match_substring_regex(column, _NUMBER)
            for row in np.flatnonzero(~_filled(good, 1).astype(bool)):
                found = str(column[int(row)].as_py())[:80]
                reasons.setdefault(
                    int(row), ("malformed", f"{name}: expected a number, found {found!r}")
                )
            column = pc.if_else(good, pc.utf8_trim_whitespace(column), None)
        try:
            return _filled(column.cast(pa.float64(), safe=False), np.nan)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"{self.path}: {name}: expected numbers, found {column.type}"
            ) from error

    def _instruments(
        self, column: pa.Array | None, rows: int, reasons: dict[int, tuple[str, str]]
    ) -> np.ndarray:
        if column is None:
            return np.full(rows, self._codes.setdefault(self._name, len(self._codes)), np.int32)
        self._missing("instrument", column, reasons)
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        names = column.dictionary.cast(pa.string()).to_pylist()
        codes = [self._codes.setdefault(str(name), len(self._codes)) for name in names]
        places = np.array([*codes, 0], dtype=np.int32)
        found: np.ndarray = places[_filled(column.indices.cast(pa.int64()), len(codes))]
        return found

    def _missing(self, name: str, column: pa.Array, reasons: dict[int, tuple[str, str]]) -> None:
        if column.null_count:
            for row in np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)):
                reasons.setdefault(int(row), ("malformed", f"{name}: expected a value, found none"))

    def _letter(
        self, batch: pa.RecordBatch, first: int, row: int, reason: str, detail: str
    ) -> DeadLetter:
        payload = str({name: str(batch.column(name)[row]) for name in self._columns})
        return DeadLetter(
            f"replay/{self._place}/{first + row}", reason, detail, payload=payload[:_PAYLOAD]
        )

    def _ticks(
        self,
        ts: np.ndarray,
        numbers: dict[str, np.ndarray],
        codes: np.ndarray,
        first: int,
        good: np.ndarray,
    ) -> TickBatch:
        none = np.full(len(ts), np.nan)
        bid, ask = numbers.get("bid", none), numbers.get("ask", none)
        price = numbers["price"] if "price" in numbers else (bid + ask) / 2.0
        chosen = slice(None) if good.all() else good
        rows = np.arange(first, first + len(ts), dtype=np.int64)[chosen]
        return TickBatch(
            names=tuple(self._codes),
            instrument=codes[chosen],
            ts=ts[chosen],
            price=price[chosen],
            bid=bid[chosen],
            ask=ask[chosen],
            size=numbers.get("size", none)[chosen],
            partition=np.full(len(rows), self._place, dtype=np.int32),
            offset=rows,
            received=np.zeros(len(rows)),
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._handle.close()


def _opened(path: str) -> tuple[Any, pq.ParquetFile]:
    try:
        handle = fsspec.open(path, "rb").open()
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected a Parquet file of ticks, found no file") from error
    try:
        return handle, pq.ParquetFile(handle)
    except (pa.ArrowInvalid, OSError) as error:
        handle.close()
        raise DataError(
            f"{path}: expected a Parquet file of ticks, found what cannot be read as one ({error})"
        ) from error


def _filled(column: pa.Array, value: float) -> np.ndarray:
    full = column.fill_null(value) if column.null_count else column
    return np.asarray(full.to_numpy(zero_copy_only=False))
