"""From observations as found to a validated returns matrix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from quant_core.canonical import digest_array, digest_parts
from quant_core.contracts import Notice
from quant_core.data._filter import refuse_other_kind
from quant_core.data._grid import ReturnsGrid
from quant_core.data._returns import MAX_GAP_DAYS
from quant_core.data._volume import DollarVolume
from quant_core.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from quant_core.calendars import Calendar
    from quant_core.contracts import ContractReport
    from quant_core.data._config import DataConfig
    from quant_core.data._matrix import ReturnsMatrix
    from quant_core.data._observations import RawObservations
    from quant_core.data._source import Source

__all__ = [
    "Ingested",
    "ingest",
    "ingest_month",
    "ingest_observations",
    "ingest_since",
    "matrix_version",
]

_DIGEST_ROWS = 512
_FEWEST_SYMBOLS = 2
_LATEST = np.datetime64("9999-12-31", "us")


@dataclass(frozen=True, slots=True)
class Ingested:
    """A validated returns matrix, and the books of how it came about.

    Parameters
    ----------
    matrix : ReturnsMatrix
        What passed the contract.
    report : ContractReport
        Observations in, kept, dropped by reason, reported.
    dropped : pyarrow.Table
        ``date, symbol, value, column, reason``, one row an observation that was dropped. A
        symbol without any observation has one row without date and value.
    reported : pyarrow.Table
        The same columns; what was kept and noticed. ``value`` is the return for
        ``return_past_one``.
    origin : str
        Where the observations come from.
    version : str
        Digest of the content of the matrix.
    prices : numpy.ndarray of float64, shape of the matrix, or None
        The observed prices behind the returns, NaN where there is none; None unless they were
        asked for and the source has prices.
    traded : DollarVolume or None
        Price times volume on the dates and symbols of the matrix; None without volumes.
    """

    matrix: ReturnsMatrix
    report: ContractReport
    dropped: pa.Table = field(repr=False)
    reported: pa.Table = field(repr=False)
    origin: str
    version: str
    prices: np.ndarray | None = field(repr=False, default=None)
    traded: DollarVolume | None = field(repr=False, default=None)


def ingest(
    source: Source,
    config: DataConfig | None = None,
    *,
    prices: bool = False,
    calendar: Calendar | None = None,
) -> Ingested:
    """Read a source and hold it to the contract.

    Parameters
    ----------
    source : Source
        Where the observations come from.
    config : DataConfig, optional
        Days to read, rules for duplicates and gaps; all days and the usual rules without it.
    prices : bool
        Whether to keep the prices beside the returns.
    calendar : Calendar, optional
        The sessions: a row on another day is dropped, a session without any row is reported.

    Returns
    -------
    Ingested
        With sorted symbols and every date that has at least one observation.

    Raises
    ------
    DataError
        If the source cannot be read, or fewer than two symbols are usable.
    """
    if config is None:
        return ingest_observations(source.read(), prices=prices, calendar=calendar)
    start = None if config.start is None else np.datetime64(config.start, "us")
    end = None if config.end is None else np.datetime64(config.end, "us") + np.timedelta64(1, "D")
    raw = source.read(start, end)
    return ingest_observations(
        raw,
        duplicates=config.duplicates,
        max_gap_days=config.max_gap_days,
        prices=prices,
        calendar=calendar,
    )


def ingest_observations(
    raw: RawObservations,
    *,
    duplicates: Literal["error", "keep_first"] = "error",
    max_gap_days: int = MAX_GAP_DAYS,
    prices: bool = False,
    calendar: Calendar | None = None,
) -> Ingested:
    """Hold observations to the contract and return their matrix.

    Raises
    ------
    DataError
        If there is nothing to read, a date and symbol come twice and ``duplicates`` is
        ``"error"``, or fewer than two symbols are usable.
    """
    if not raw.values.size:
        raise DataError(
            f"{raw.origin}: no observation in the days asked for (data.start, data.end)"
        )
    refuse_other_kind(raw)
    keep_first = duplicates == "keep_first"
    grid = ReturnsGrid.of(raw, keep_first=keep_first, prices=prices, calendar=calendar)
    grid.to_returns(max_gap_days)
    found = _collect(grid)
    if len(found.matrix.symbols) < _FEWEST_SYMBOLS:
        raise DataError(_too_few(found))
    return found


def ingest_month(
    month: RawObservations,
    previous: RawObservations | None,
    *,
    duplicates: Literal["error", "keep_first"] = "error",
    max_gap_days: int = MAX_GAP_DAYS,
    calendar: Calendar | None = None,
) -> Ingested:
    """Hold one calendar month to the contract, looking back into the month before it.

    The months' matrices, concatenated, are the matrix of the whole to the byte. What only the
    whole can tell is not judged here: a symbol without a return in the month is left out without
    being logged, and few symbols are no error.

    Parameters
    ----------
    month : RawObservations
        The observations of one month; without any the matrix is empty.
    previous : RawObservations or None
        Those of the month before it; None for the first month.
    duplicates, max_gap_days, calendar
        As in `ingest_observations`.

    Raises
    ------
    DataError
        If a date and symbol come twice.
    """
    first = month.dates.min() if len(month.dates) else _LATEST
    since = first.astype("datetime64[M]").astype("datetime64[us]")
    both = month if previous is None else previous.followed_by(month)
    return ingest_since(
        both, since, duplicates=duplicates, max_gap_days=max_gap_days, calendar=calendar
    )


def ingest_since(
    raw: RawObservations,
    since: np.datetime64,
    *,
    duplicates: Literal["error", "keep_first"] = "error",
    max_gap_days: int = MAX_GAP_DAYS,
    prices: bool = False,
    calendar: Calendar | None = None,
) -> Ingested:
    """Hold the observations from an instant on to the contract, looking back at those before it.

    Parameters
    ----------
    raw : RawObservations
        Observations of whole months, the one before ``since`` among them.
    since : numpy.datetime64
        First instant of the matrix.
    duplicates, max_gap_days, prices, calendar
        As in `ingest_observations`.

    Raises
    ------
    DataError
        If a date and symbol come twice.
    """
    keep_first = duplicates == "keep_first"
    grid = ReturnsGrid.of(raw, keep_first=keep_first, since=since, prices=prices, calendar=calendar)
    grid.to_returns(max_gap_days)
    return _collect(grid)


def matrix_version(matrix: ReturnsMatrix) -> str:
    """Return the digest of a matrix: symbols, dates and values."""
    # In blocks of rows, because digest_array copies what it reads.
    blocks = [
        digest_array(matrix.values[row : row + _DIGEST_ROWS])
        for row in range(0, len(matrix.dates), _DIGEST_ROWS)
    ]
    dates = digest_array(matrix.dates.astype(np.int64))
    return digest_parts([digest_parts(matrix.symbols), dates, *blocks])


def _collect(grid: ReturnsGrid) -> Ingested:
    matrix, prices = grid.matrix()
    return Ingested(
        matrix=matrix,
        report=grid.report(),
        dropped=grid.dropped.table(),
        reported=grid.reported.table(),
        origin=grid.raw.origin,
        version=matrix_version(matrix),
        prices=prices,
        traded=DollarVolume.of(grid.raw, matrix.dates, matrix.symbols),
    )


def _too_few(found: Ingested) -> str:
    left = ", ".join(found.matrix.symbols) or "none"
    lost = ", ".join(f"{name} ({why})" for name, why in found.report.symbols_dropped.items())
    hint = ""
    if found.report.reported.get(Notice.GAP_RESTART):
        hint = (
            "; prices further apart than data.max_gap_days give no return: give data.returns then"
        )
    return (
        f"{found.origin}: expected at least {_FEWEST_SYMBOLS} usable symbols, found {left}"
        + (f"; dropped {lost}" if lost else "")
        + hint
    )
