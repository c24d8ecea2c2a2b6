"""The findings of a meta-portfolio in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant_core.report._metrics import written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.report._metrics import Kind

__all__ = ["meta_headline", "meta_tiles"]

_NARROW = "\N{NARROW NO-BREAK SPACE}"


def meta_headline(best: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a reader should take away, one sentence an item.

    Parameters
    ----------
    best : mapping
        The first row of the leaderboard.
    members : sequence of mapping
        Figures of the streams.
    """
    own = [
        row for row in members if row["profile"] == best["profile"] and row["sharpe"] is not None
    ]
    sentences = [_best(best)]
    if own:
        top = max(own, key=lambda row: row["sharpe"])
        sentences.append(
            f"Over the same days its best single stream, {top['member']} {top['cell']}, earned "
            f"{written(top['sharpe'], 'ratio')}."
        )
    sentences.append(
        f"Counting {int(best['trials']):,} tries, those of the sleeves included, its deflated "
        f"Sharpe ratio is {written(best['dsr'], 'probability')}."
    )
    return sentences


def _best(best: Mapping[str, Any]) -> str:
    said = f"{best['profile']} across the members earned a Sharpe ratio of "
    said += written(best["sharpe"], "ratio")
    if best["sharpe_low"] is None or best["sharpe_high"] is None:
        return f"{said} a year."
    low, high = written(best["sharpe_low"], "ratio"), written(best["sharpe_high"], "ratio")
    return f"{said} a year (95{_NARROW}% interval {low} to {high})."


def meta_tiles(best: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return label, value and note of the figures on top."""
    notes: tuple[tuple[str, str, Kind, str], ...] = (
        ("sharpe", "Sharpe", "ratio", "a year, after costs"),
        ("dsr", "Deflated", "probability", f"{int(best['trials']):,} tries"),
        ("cagr", "CAGR", "percent", "after costs"),
        ("volatility", "Volatility", "percent", "a year"),
        ("max_drawdown", "Max drawdown", "percent", "peak to trough"),
        ("turnover", "Turnover", "percent", "between members, a window"),
    )
    return [
        {"label": label, "value": written(best[name], kind), "note": note}
        for name, label, kind, note in notes
    ]
