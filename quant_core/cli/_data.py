"""An audit of prices or returns, as a person reads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from quant_core.calendars import OBSERVED, open_calendar
from quant_core.cli._console import print_json, results
from quant_core.contracts import CHECKS, AuditReport, Violation, audit, violations
from quant_core.data import DataConfig, Ingested, ingest, open_source, read_bars
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Audited", "audit_data", "examine"]

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit of a source found.

    Parameters
    ----------
    ingested : Ingested
        The matrix, and the books of tier 1.
    bars : tuple of Violation
        Cells of the file's bars that break the contract of prices; returns do not read them.
    report : AuditReport
        The findings of tier 2.
    """

    ingested: Ingested
    bars: tuple[Violation, ...]
    report: AuditReport


def audit_data(
    config: str | None,
    prices: str | None,
    returns: str | None,
    *,
    calendar: str | None,
    checks: Sequence[str] | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Audit a sleeve's data, or a file, and print what was found."""
    data, sessions = _asked(config, prices, returns)
    found = examine(data, calendar or sessions, checks or None)
    if as_json:
        print_json(
            {
                "origin": found.ingested.origin,
                "contract": found.ingested.report.to_dict(),
                "bars": [asdict(one) for one in found.bars],
                **found.report.to_dict(),
                "table": [asdict(one) for one in found.report.findings],
            }
        )
    elif as_csv:
        from quant_core.cli._cells import show  # noqa: PLC0415 - brings the reader of tables

        show(found.report.to_table(), as_json=False, as_csv=True)
    else:
        _print(found)


def examine(data: DataConfig, calendar: str, checks: Sequence[str] | None = None) -> Audited:
    """Ingest a source and audit what it became.

    Parameters
    ----------
    data : DataConfig
        The source.
    calendar : str
        Name of the calendar of its sessions.
    checks : sequence of str, optional
        Names of the checks; all by default.
    """
    ingested = ingest(open_source(data), data, prices=True)
    report = audit(ingested.matrix, open_calendar(calendar), prices=ingested.prices, checks=checks)
    bars = read_bars(data)
    broken = () if bars is None else violations("prices", bars)
    return Audited(ingested, tuple(one for one in broken if one.column != "value"), report)


def _asked(config: str | None, prices: str | None, returns: str | None) -> tuple[DataConfig, str]:
    if config is not None:
        from quant_core.config import load_config  # noqa: PLC0415 - brings every registry

        found = load_config(config)
        if found.data is None:
            raise ConfigError(f"{config}: data: expected where the prices are, found nothing")
        return found.data, found.calendar
    if (prices is None) == (returns is None):
        raise ConfigError("expected one of --config, --prices and --returns")
    return DataConfig(prices=prices, returns=returns), OBSERVED


def _print(found: Audited) -> None:
    books, console = found.ingested.report, results()
    console.print(
        f"{found.ingested.origin}: {books.rows_in:,} observations, kept {books.kept:,}, dropped "
        f"{books.dropped_total:,} {dict(books.dropped) or ''}"
    )
    for one in found.bars[:_SHOWN]:
        console.print(f"bars, {one}", markup=False)
    if len(found.bars):
        console.print(f"bars: {len(found.bars)} cells that no return reads")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("check", "found", "what it finds"):
        table.add_column(name)
    for name, count in found.report.counts().items():
        table.add_row(name, str(count), CHECKS[name])
    console.print(table)
    wanted = [one for one in found.report.findings if one.severity == "warn"]
    for finding in wanted[:_SHOWN]:
        console.print(f"{finding.check}: {finding.text}", markup=False)
    if len(wanted) > _SHOWN:
        console.print(f"the first {_SHOWN} of {len(wanted):,}; --csv or --json gives all")
