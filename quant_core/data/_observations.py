"""Observations as found in a source, before any rule."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa

from quant_core.data._matrix import DATE_TYPE
from quant_core.data._texts import distinct_texts
from quant_core.errors import DataError

__all__ = ["Kind", "RawObservations"]

Kind = Literal["prices", "returns"]


@dataclass(frozen=True, slots=True)
class RawObservations:
    """A long table of observations, held in broadcast form.

    ``dates``, ``codes`` and ``rows`` broadcast against ``values``: a wide file of R rows and C
    symbols keeps its (R, C) block next to (R, 1) dates and (1, C) codes, a long one has C = 1.
    The contract sees one table either way, and a wide file is never unrolled.

    Parameters
    ----------
    kind : {"prices", "returns"}
        What the values are.
    origin : str
        Where they come from, for messages.
    symbols : tuple of str
        Names, sorted and unique; ``codes`` points into them.
    dates : numpy.ndarray of datetime64[us], shape (R, 1)
        UTC instants.
    codes : numpy.ndarray of int32, shape (R, 1) or (1, C)
        Number of the symbol; -1 where a long row names none.
    values : numpy.ndarray of float64, shape (R, C)
        Values as found; NaN where there is none.
    rows : numpy.ndarray of int32, shape (R, 1)
        Line of a text file, or row of a Parquet file, counted from 1.
    value_column : str
        Column that the values stand in; empty for a wide file, where it is the symbol's.
    row_word : str
        ``"line"`` or ``"row"``, what ``rows`` counts.
    unrolled : bool
        Whether a wide file has been turned into a row an observation.
    volume : numpy.ndarray of float64, shape (R, 1), or None
        What was traded, in units; NaN where unknown. Only a long source has one.
    """

    kind: Kind
    origin: str
    symbols: tuple[str, ...]
    dates: np.ndarray
    codes: np.ndarray
    values: np.ndarray = field(repr=False)
    rows: np.ndarray = field(repr=False)
    value_column: str = ""
    row_word: str = "row"
    unrolled: bool = False
    volume: np.ndarray | None = field(repr=False, default=None)

    @property
    def wide(self) -> bool:
        """Whether each column is a symbol, so that an empty cell is no observation."""
        return not self.value_column and not self.unrolled

    def present(self) -> np.ndarray:
        """Tell which cells are observations: non-empty cells if wide, every row if long."""
        return ~np.isnan(self.values) if self.wide else np.ones(self.values.shape, dtype=np.bool_)

    def between(self, start: np.datetime64 | None, end: np.datetime64 | None) -> Self:
        """Return the observations from ``start``, included, to ``end``, excluded."""
        dates = self.dates[:, 0]
        keep = np.ones(len(dates), dtype=np.bool_)
        if start is not None:
            keep &= dates >= start
        if end is not None:
            keep &= dates < end
        return self if bool(keep.all()) else self.at_rows(keep)

    def without(self, symbols: tuple[str, ...]) -> Self:
        """Return the observations of all other symbols.

        Raises
        ------
        DataError
            If one of ``symbols`` is not there.
        """
        missing = [name for name in symbols if name not in self.symbols]
        if missing:
            raise DataError(
                f"{self.origin}: data.exclude names {', '.join(missing)}, which the file does not "
                "hold; correct the name or remove it"
            )
        kept = [number for number, name in enumerate(self.symbols) if name not in symbols]
        place = np.full(len(self.symbols) + 1, -1, dtype=np.int32)
        place[kept] = np.arange(len(kept), dtype=np.int32)
        stays = np.isin(self.codes, [-1, *kept])
        slim = replace(
            self,
            symbols=tuple(self.symbols[number] for number in kept),
            codes=place[self.codes],
        )
        if self.wide:
            columns = stays[0]
            return replace(slim, codes=slim.codes[:, columns], values=self.values[:, columns])
        return slim.at_rows(stays[:, 0])

    def followed_by(self, later: Self) -> Self:
        """Return these observations and then those of a later stretch of the same source, long."""
        first, second = (part.to_table() for part in (self, later))
        joined = pa.concat_tables([first, second], promote_options="none").unify_dictionaries()
        return self.from_table(joined)

    def months(self) -> list[str]:
        """Return the calendar months that hold a row, as sorted ``YYYY-MM``."""
        return [str(month) for month in np.unique(self.dates.astype("datetime64[M]"))]

    def to_table(self) -> pa.Table:
        """Return the long table: ``date, symbol, value, row``, one row an observation.

        A source with volumes adds ``volume``.

        The schema metadata carry what `from_table` needs to continue. Symbols without an
        observation stay in the dictionary of ``symbol``.
        """
        at, column = np.nonzero(self.present())
        codes = np.broadcast_to(self.codes, self.values.shape)[at, column]
        symbol = pa.DictionaryArray.from_arrays(
            pa.array(codes, mask=codes < 0), pa.array(self.symbols, pa.string())
        )
        dates = pa.array(self.dates[at, 0], pa.timestamp("us")).cast(DATE_TYPE)
        value = pa.array(self.values[at, column], from_pandas=True)
        names = ["date", "symbol", "value", "row"]
        table = pa.table(
            [dates, symbol, value, pa.array(self.rows[at, 0], pa.int32())], names=names
        )
        if self.volume is not None:
            volume = pa.array(self.volume[at, 0], from_pandas=True)
            table = table.append_column("volume", volume)
        return table.replace_schema_metadata(
            {
                "kind": self.kind,
                "origin": self.origin,
                "value_column": self.value_column,
                "row_word": self.row_word,
            }
        )

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Read observations back from the table that `to_table` made; they are long now.

        Raises
        ------
        DataError
            If the table was not made by `to_table`.
        """
        meta = {key.decode(): text.decode() for key, text in (table.schema.metadata or {}).items()}
        if meta.get("kind") not in {"prices", "returns"}:
            raise DataError(
                "raw observations: the table does not say whether it holds prices or returns"
            )
        symbols, codes = encode(table["symbol"])
        return cls(
            kind="prices" if meta["kind"] == "prices" else "returns",
            origin=meta["origin"],
            symbols=symbols,
            dates=table["date"].cast(pa.timestamp("us")).to_numpy().reshape(-1, 1),
            codes=codes.reshape(-1, 1),
            values=table["value"].to_numpy().astype(np.float64).reshape(-1, 1),
            rows=table["row"].to_numpy().reshape(-1, 1),
            value_column=meta["value_column"],
            row_word=meta["row_word"],
            unrolled=True,
            volume=_numbers(table["volume"]) if "volume" in table.column_names else None,
        )

    def at_rows(self, keep: np.ndarray) -> Self:
        """Return the rows that a boolean array of shape (R,) marks."""
        codes = self.codes if self.wide else self.codes[keep]
        return replace(
            self,
            dates=self.dates[keep],
            codes=codes,
            values=self.values[keep],
            rows=self.rows[keep],
            volume=None if self.volume is None else self.volume[keep],
        )

    def numbered(self, row_word: str) -> Self:
        """Return the observations as a source by itself: rows from 1, its own symbols alone.

        Parameters
        ----------
        row_word : str
            What its rows are called in messages.
        """
        rows = np.arange(1, len(self.dates) + 1, dtype=np.int32).reshape(-1, 1)
        return replace(self._named_alone(), rows=rows, row_word=row_word)

    def _named_alone(self) -> Self:
        if not self.wide:
            return self.observed()
        seen = self.present().any(axis=0)
        return self.without(tuple(self.symbols[code] for code in self.codes[0][~seen]))

    def observed(self) -> Self:
        """Return the same observations without the symbols that a long source names nowhere."""
        if self.wide:
            return self
        there = np.zeros(len(self.symbols) + 1, dtype=np.bool_)
        there[self.codes] = True
        kept = np.flatnonzero(there[:-1])
        if len(kept) == len(self.symbols):
            return self
        place = np.full(len(there), -1, dtype=np.int32)
        place[kept] = np.arange(len(kept), dtype=np.int32)
        names = tuple(self.symbols[number] for number in kept)
        return replace(self, symbols=names, codes=place[self.codes])


def _numbers(column: pa.ChunkedArray[Any]) -> np.ndarray:
    values: np.ndarray = column.to_numpy().astype(np.float64)
    return values.reshape(-1, 1)


def encode(column: pa.ChunkedArray[Any]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return sorted names and the code of each row, -1 for an empty name."""
    texts, indices = distinct_texts(column)
    symbols = tuple(sorted({name for name in texts if name}))
    place = {name: code for code, name in enumerate(symbols)}
    # The last place answers the index -1 of a null.
    lookup = np.array([*(place.get(name, -1) for name in texts), -1], dtype=np.int32)
    codes: np.ndarray = lookup[indices]
    return symbols, codes
