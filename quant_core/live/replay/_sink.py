"""Signals and dead letters as Parquet files."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.parquet as pq

from quant_core.cells import parquet_options, whole_file
from quant_core.live._messages import DEAD_LETTERS_SCHEMA, SIGNALS_SCHEMA
from quant_core.live._protocols import Silent
from quant_core.live._signals import Signals

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from quant_core.live._protocols import Telemetry

__all__ = ["ParquetSink"]

_SIGNALS, _DEAD, _METRICS = "signals.parquet", "dlq.parquet", "metrics.prom"
_GROUP_ROWS = 131_072
_HANDED = 64
_WAITING_GROUPS = 4


class ParquetSink:
    """Writes ``signals.parquet``, ``dlq.parquet`` and ``metrics.prom`` into a folder.

    Rows are written in groups of a fixed number, so memory is bounded and the bytes depend on the
    rows alone, not on how they were cut into batches. A thread puts them together and writes them,
    so ticks do not wait for a file. The files get their names when the sink is
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
    ...     sink.emit(outcome.emitted, outcome.dead)
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
        signals = _GroupedFile(self._out / _SIGNALS, SIGNALS_SCHEMA, group_rows, _drawn)
        dead = _GroupedFile(self._out / _DEAD, DEAD_LETTERS_SCHEMA, group_rows, pa.concat_tables)
        self._signals = self._stack.enter_context(signals)
        self._dead = self._stack.enter_context(dead)

    def emit(self, signals: Signals, dead: pa.Table) -> None:
        """Take signals, and dead letters as a table of their schema."""
        self._signals.add(signals)
        self._dead.add(dead)

    @property
    def waiting(self) -> int:
        """Rows that the thread has still to take."""
        return self._signals.waiting + self._dead.waiting

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


class _GroupedFile[Piece: (Signals, pa.Table)]:
    """A Parquet file whose row groups have a fixed number of rows.

    Pieces are handed to a thread a few at a time, so that no step of it holds the interpreter for
    longer than a tick may wait, and what is not written yet is bounded. ``drawn`` makes a table of
    such a few.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        rows: int,
        drawn: Callable[[list[Piece]], pa.Table],
    ) -> None:
        self._whole = whole_file(path)
        self._schema, self._rows = schema, rows
        self._drawn: Callable[[list[Piece]], pa.Table] = drawn
        self._thread = ThreadPoolExecutor(1, "parquet")
        self._emitted: list[Piece] = []
        self._count = 0
        self._handed: deque[tuple[Future[None], int]] = deque()
        # The thread's own: what it took and has not written, less than a row group.
        self._pieces: list[pa.Table] = []
        self._held = 0

    def __enter__(self) -> Self:
        unfinished = self._whole.__enter__()
        # A dictionary of ids, of which each is another one, is built only to be thrown away.
        text = [field.name for field in self._schema if pa.types.is_dictionary(field.type)]
        options = parquet_options(self._schema) | {"use_dictionary": text}
        self._writer = pq.ParquetWriter(unfinished, self._schema, **options)
        return self

    def add(self, piece: Piece) -> None:
        if not piece.num_rows:
            return
        self._emitted.append(piece)
        self._count += piece.num_rows
        if len(self._emitted) >= _HANDED or self._count >= self._rows:
            self._hand_over()

    @property
    def waiting(self) -> int:
        return self._count + sum(rows for _, rows in self._handed)

    def _hand_over(self) -> None:
        self._handed.append((self._thread.submit(self._take, self._emitted), self._count))
        self._emitted, self._count = [], 0
        most = _WAITING_GROUPS * self._rows
        while self._handed and (self._handed[0][0].done() or self.waiting > most):
            self._handed.popleft()[0].result()

    def _take(self, pieces: list[Piece]) -> None:
        piece = self._drawn(pieces).unify_dictionaries().combine_chunks()
        self._pieces.append(_spelled(piece))
        self._held += piece.num_rows
        while self._held >= self._rows:
            self._write(self._rows)

    def _write(self, rows: int) -> None:
        table = pa.concat_tables(self._pieces)
        rest = table.slice(rows)
        self._pieces = [rest] if rest.num_rows else []
        self._held = rest.num_rows
        group = table.slice(0, rows).combine_chunks()
        self._writer.write_table(_coded(group, self._schema), row_group_size=self._rows)

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
        if self._emitted:
            self._hand_over()
        while self._handed:
            self._handed.popleft()[0].result()
        if self._held:
            self._write(self._held)

    def _end(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._writer.close()


def _drawn(batches: list[Signals]) -> pa.Table:
    return Signals.joined(batches).table()


def _spelled(table: pa.Table) -> pa.Table:
    """Return a table with texts in place of the codes of its dictionaries."""
    fields = [
        pa.field(one.name, one.type.value_type, one.nullable)
        if pa.types.is_dictionary(one.type)
        else one
        for one in table.schema
    ]
    return table.cast(pa.schema(fields))


def _coded(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return texts as dictionaries in the order of the rows: bytes that the rows decide."""
    columns = [
        column.dictionary_encode() if pa.types.is_dictionary(wanted.type) else column
        for column, wanted in zip(table.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)
