"""Signals and dead letters as Parquet files."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quant_core.cells import parquet_options, whole_file
from quant_core.live._messages import DEAD_LETTERS_SCHEMA, SIGNALS_SCHEMA
from quant_core.live._protocols import Silent

if TYPE_CHECKING:
    from types import TracebackType

    from quant_core.live._protocols import Telemetry

__all__ = ["ParquetSink"]

_SIGNALS, _DEAD, _METRICS = "signals.parquet", "dlq.parquet", "metrics.prom"
_GROUP_ROWS = 131_072


class ParquetSink:
    """Writes ``signals.parquet``, ``dlq.parquet`` and ``metrics.prom`` into a folder.

    Rows are written in groups of a fixed number, so memory is bounded and the bytes depend on the
    rows alone, not on how they were cut into batches. A thread writes one group while the next one
    comes together, so ticks do not wait for a file. The files get their names when the sink is
    closed, whole; where the ``with`` block raises they are removed. So nothing is durable before.

    Parameters
    ----------
    out : path-like
        The folder; it is created, and files of these names in it are replaced.
    telemetry : Telemetry, optional
        Where ``metrics.prom`` comes from; without figures there is no such file.
    group_rows : int
        Rows of a row group.

    Examples
    --------
    >>> with ParquetSink("out") as sink:  # doctest: +SKIP
    ...     sink.emit(outcome.signals, outcome.dead)
    """

    def __init__(
        self,
        out: str | Path,
        telemetry: Telemetry | None = None,
        *,
        group_rows: int = _GROUP_ROWS,
    ) -> None:
        self._out = Path(out)
        self._telemetry = telemetry if telemetry is not None else Silent()
        self._stack = ExitStack()
        self._signals, self._dead = (
            self._stack.enter_context(_GroupedFile(self._out / name, schema, group_rows))
            for name, schema in ((_SIGNALS, SIGNALS_SCHEMA), (_DEAD, DEAD_LETTERS_SCHEMA))
        )

    def emit(self, signals: pa.Table, dead: pa.Table) -> None:
        """Take signals and dead letters, tables of their schemas."""
        self._signals.add(signals)
        self._dead.add(dead)

    def flush(self) -> None:
        """Do nothing: a file is durable when it is whole, and it is whole when it is closed."""

    def close(self) -> None:
        """Give the files their names; doing so again does nothing."""
        self._stack.close()
        exposition = self._telemetry.exposition()
        if exposition:
            with whole_file(self._out / _METRICS) as unfinished:
                unfinished.write_bytes(exposition)

    def abort(self) -> None:
        """Remove what was written."""
        error = InterruptedError("the runner ended before its files were whole")
        self._stack.__exit__(type(error), error, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._stack.__exit__(kind, error, trace)


class _GroupedFile:
    """A Parquet file whose row groups have a fixed number of rows."""

    def __init__(self, path: Path, schema: pa.Schema, rows: int) -> None:
        self._whole = whole_file(path)
        self._schema, self._rows = schema, rows
        self._waiting: list[pa.Table] = []
        self._count = 0
        self._thread = ThreadPoolExecutor(1, "parquet")
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        unfinished = self._whole.__enter__()
        # A dictionary of ids, of which each is another one, is built only to be thrown away.
        text = [field.name for field in self._schema if pa.types.is_dictionary(field.type)]
        options = parquet_options(self._schema) | {"use_dictionary": text}
        self._writer = pq.ParquetWriter(unfinished, self._schema, **options)
        return self

    def add(self, table: pa.Table) -> None:
        if table.num_rows:
            self._waiting.append(table)
            self._count += table.num_rows
        while self._count >= self._rows:
            self._write(self._rows)

    def _write(self, rows: int) -> None:
        table = pa.concat_tables(self._waiting)
        group, rest = table.slice(0, rows), table.slice(rows)
        self._waiting = [rest] if rest.num_rows else []
        self._count = rest.num_rows
        self._settle()
        self._writing = self._thread.submit(self._write_group, group)

    def _write_group(self, group: pa.Table) -> None:
        self._writer.write_table(_canonical(group), row_group_size=self._rows)

    def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except BaseException as failure:
            self._end()
            self._whole.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._end()
        self._whole.__exit__(kind, error, trace)

    def _finish(self) -> None:
        if self._count:
            self._write(self._count)
        self._settle()

    def _end(self) -> None:
        self._thread.shutdown(wait=True)
        self._writer.close()


def _canonical(table: pa.Table) -> pa.Table:
    """Return a table whose dictionaries hold their values in the order of the rows, no others."""
    table = table.unify_dictionaries().combine_chunks()
    columns = [_ordered(column.chunk(0)) if _coded(column) else column for column in table.columns]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _coded(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_dictionary(column.type)) and column.num_chunks == 1


def _ordered(column: Any) -> pa.DictionaryArray:
    codes = column.indices.to_numpy(zero_copy_only=False)
    present = np.bincount(codes, minlength=len(column.dictionary)) > 0
    first = np.full(len(column.dictionary), len(codes))
    np.minimum.at(first, codes, np.arange(len(codes)))
    order = np.argsort(first, kind="stable")[: int(present.sum())]
    places = np.empty(len(column.dictionary), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return pa.DictionaryArray.from_arrays(
        pa.array(places[codes], pa.int32()), column.dictionary.take(pa.array(order))
    )
