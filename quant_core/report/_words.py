"""The findings of a tournament in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant_core.report._metrics import name_of, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["failed_gates", "headline"]

_GATE = 0.95
_NARROW = "\N{NARROW NO-BREAK SPACE}"
_SURE = 0.9995


def headline(
    best: Mapping[str, Any],
    *,
    varying: Sequence[str],
    luck: Mapping[str, Any],
    pbo: Mapping[str, Any] | None,
    finalists: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return what a reader should take away, one sentence an item.

    Parameters
    ----------
    best : mapping
        The first row of the leaderboard.
    varying : sequence of str
        The axes on which the cells differ.
    luck : mapping
        What `quant_core.report._landscape.luck` returned.
    pbo : mapping or None
        ``{pbo, splits}`` of the manifest.
    finalists : mapping or None
        ``{count, of, simulator}`` of the manifest.
    """
    sentences = [_tried(best), _best(best, varying), _luck(best, luck), _deflated(best, luck)]
    sentences += [_overfitting(pbo), _gates(best), _finalists(finalists)]
    return [sentence for sentence in sentences if sentence]


def _tried(best: Mapping[str, Any]) -> str:
    run, trials = int(best["configurations"]), int(best["trials"])
    said = f"{run:,} configurations were tried in this run"
    if trials > run:
        said += f", {trials:,} in all by the count of the ledger"
    return said + "."


def _best(best: Mapping[str, Any], varying: Sequence[str]) -> str:
    said = f"The best of them, {name_of(best, varying)}, earned a Sharpe ratio of "
    said += written(best["sharpe"], "ratio")
    if best["sharpe_low"] is not None and best["sharpe_high"] is not None:
        low, high = written(best["sharpe_low"], "ratio"), written(best["sharpe_high"], "ratio")
        said += f" a year (95{_NARROW}% interval {low} to {high})"
    return said + "."


def _luck(best: Mapping[str, Any], luck: Mapping[str, Any]) -> str:
    if luck["expected"] is None:
        return "With one try there is no choice to correct for."
    bar = written(luck["expected"], "ratio")
    return (
        f"With {int(best['trials']):,} tries, luck alone would be expected to show a Sharpe ratio "
        f"of {bar}."
    )


def _deflated(best: Mapping[str, Any], luck: Mapping[str, Any]) -> str:
    if best["dsr"] is None:
        return ""
    if luck["expected"] is None:
        chance = "the Sharpe ratio of the best is truly positive"
    else:
        chance = "the best is truly above that"
    return (
        f"The probability that {chance} is {_chance(best['dsr'])} (deflated Sharpe ratio "
        f"{written(best['dsr'], 'probability')}), which {_verdict(best['dsr'])}."
    )


def _verdict(dsr: float) -> str:
    return "clears the bar of 0.95" if dsr >= _GATE else "does not clear the bar of 0.95"


def _chance(probability: float) -> str:
    if probability > _SURE:
        return f"above 99.9{_NARROW}%"
    if probability < 1 - _SURE:
        return f"below 0.1{_NARROW}%"
    return f"{probability * 100:.1f}{_NARROW}%"


def _overfitting(pbo: Mapping[str, Any] | None) -> str:
    if not pbo or pbo.get("pbo") is None:
        return ""
    return (
        f"In {pbo['pbo'] * 100:.0f}{_NARROW}% of {int(pbo['splits']):,} ways to split the "
        f"history in two, the winner of one half fell below the median of the other."
    )


def _gates(best: Mapping[str, Any]) -> str:
    if best["gates"] == "passed":
        return "The best cell passes every gate of a champion."
    return f"The best cell may not be deployed: it fails the gates {', '.join(failed_gates(best))}."


def failed_gates(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the gates that a row of the leaderboard fails."""
    if row["gates"] == "passed":
        return ()
    parts = (part.partition(":") for part in row["gates_failed"].split("; "))
    return tuple(name for name, colon, _ in parts if colon and name.isidentifier())


def _finalists(finalists: Mapping[str, Any] | None) -> str:
    if not finalists:
        return ""
    return (
        f"Only the {int(finalists['count']):,} best of {int(finalists['of']):,} cells by their "
        f"Sharpe ratio under {finalists['simulator']} were given to the other simulators."
    )
