"""Which columns of a file are dates, symbols and values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.data._observations import Kind

__all__ = ["ColumnNames", "Layout", "find_layout", "is_date_name"]

_DATES = ("date", "datetime", "time", "timestamp", "ts", "day")
_UNNAMED = ("unnamed0", "indexlevel0")
_SYMBOLS = ("symbol", "ticker", "asset", "name")
# Adjusted closes first: they are what returns need.
_PRICES = ("adjclose", "adjustedclose", "close", "price", "priceusd", "value")
_RETURNS = ("return", "returns", "ret", "value")
_BARS = frozenset({"open", "high", "low", "close", "adjclose", "volume", "vwap"})
_BAR_COLUMNS = 3
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """Columns named by the configuration; None means: find it by the usual names."""

    date: str | None = None
    symbol: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of the columns to read.

    Parameters
    ----------
    date : int
        Place of the date column.
    symbol : int or None
        Place of the symbol column; None if the file is wide.
    values : tuple of int
        Places of the value columns; one if the file is long.
    """

    date: int
    symbol: int | None
    values: tuple[int, ...]


def find_layout(
    names: Sequence[str],
    *,
    origin: str,
    kind: Kind,
    columns: ColumnNames,
    exclude: Sequence[str] = (),
) -> Layout:
    """Decide whether a file is wide or long, and where its columns are.

    Parameters
    ----------
    names : sequence of str
        Column names in file order.
    origin : str
        The file, for messages.
    kind : {"prices", "returns"}
        What the configuration says the file holds.
    columns : ColumnNames
        Names fixed by the configuration.
    exclude : sequence of str
        Symbols not to read; in a wide file their columns may hold anything.

    Returns
    -------
    Layout
        Long if both a symbol and a value column are found, wide otherwise.

    Raises
    ------
    DataError
        If there is no date column, no value column, or a column without a name or with the name
        of another.
    """
    date = _date(names, origin, columns.date)
    symbol = _named(names, origin, "symbol", columns.symbol) or _usual(names, _SYMBOLS, date)
    usual = _PRICES if kind == "prices" else _RETURNS
    value = _named(names, origin, "value", columns.value) or _usual(names, usual, date)
    if symbol is not None and value is not None:
        _once(names, origin, (date, symbol, value))
        return Layout(date, symbol, (value,))
    if columns.symbol is not None or columns.value is not None:
        lacking = "symbol" if symbol is None else "value"
        raise DataError(
            f"{origin}: no {lacking} column among {_listed(names)}; name it by data.{lacking}"
        )
    _refuse_other_kind(names, origin, kind, symbol)
    _refuse_bars(names, origin)
    return Layout(date, None, _wide(names, origin, date, exclude))


def is_date_name(name: str) -> bool:
    """Return whether a column of this name is taken for the dates."""
    return _usual([name], _DATES, None) is not None


def _once(names: Sequence[str], origin: str, places: Sequence[int]) -> None:
    for place in places:
        if names.count(names[place]) > 1:
            raise DataError(
                f"{origin}: {names.count(names[place])} columns are named {names[place]!r}; remove "
                "or rename all but one"
            )


def _date(names: Sequence[str], origin: str, override: str | None) -> int:
    place = _named(names, origin, "date", override)
    if place is None:
        place = _usual(names, _DATES, None)
    if place is None:
        place = next((place for place, name in enumerate(names) if _is_unnamed(name)), None)
    if place is None:
        hint = ""
        if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
            hint = "; the columns must be separated by commas"
        raise DataError(
            f"{origin}: no date column among {_listed(names)}{hint}; expected one named date, "
            "time, timestamp or ts, or name it by data.date"
        )
    return place


def _named(names: Sequence[str], origin: str, role: str, override: str | None) -> int | None:
    if override is None:
        return None
    if override not in names:
        raise DataError(f"{origin}: data.{role} names column {override!r}, found {_listed(names)}")
    return list(names).index(override)


def _usual(names: Sequence[str], usual: Sequence[str], taken: int | None) -> int | None:
    plain = [_plain(name) for name in names]
    for name in usual:
        if name in plain and plain.index(name) != taken:
            return plain.index(name)
    return None


def _plain(name: str) -> str:
    """Return a name without case and punctuation; letters of every script stay."""
    return re.sub(r"[\W_]", "", name.lower())


def _is_unnamed(name: str) -> bool:
    return not name.strip() or _plain(name) in _UNNAMED


def _refuse_other_kind(names: Sequence[str], origin: str, kind: Kind, symbol: int | None) -> None:
    other = _RETURNS if kind == "prices" else _PRICES
    place = _usual(names, other, None)
    if symbol is not None and place is not None:
        right = "returns" if kind == "prices" else "prices"
        raise DataError(
            f"{origin}: expected {kind}, found column {names[place]!r}; give the file as "
            f"data.{right}, or name the column by data.value"
        )


def _refuse_bars(names: Sequence[str], origin: str) -> None:
    bars = [name for name in names if re.sub(r"[^a-z]", "", name.lower()) in _BARS]
    if len(bars) >= _BAR_COLUMNS:
        raise DataError(
            f"{origin}: columns {', '.join(bars)} are the bars of one asset and no column names "
            "the symbol; add one (symbol, ticker, asset or name), or name it by data.symbol"
        )


def _wide(names: Sequence[str], origin: str, date: int, exclude: Sequence[str]) -> tuple[int, ...]:
    places = [place for place in range(len(names)) if place != date and names[place] not in exclude]
    seen: dict[str, int] = {}
    for place in places:
        name = names[place].strip()
        if _is_unnamed(name):
            raise DataError(
                f"{origin}: column {place + 1} has no name ({names[place]!r}); name it after its "
                "symbol, remove it, or list it in data.exclude"
            )
        if name in seen:
            raise DataError(
                f"{origin}: columns {seen[name] + 1} and {place + 1} are both named {name!r}; "
                "remove or rename one"
            )
        seen[name] = place
    if not places:
        raise DataError(
            f"{origin}: no column of numbers beside {names[date]!r}; found {_listed(names)}"
        )
    return tuple(places)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
