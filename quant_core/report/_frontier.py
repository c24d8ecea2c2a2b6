"""Risk and return of all cells, and the return that luck alone would show at each risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["frontier"]

_COLOURS = 12
_EQUAL = 1e-9  # two simulators of one cell give points that differ by less


def frontier(
    rows: Sequence[Mapping[str, Any]],
    families: Mapping[str, str],
    *,
    expected: float | None,
    risk_free: float,
) -> dict[str, Any]:
    """Return every cell as (volatility, mean return), the efficient ones, and the bar of luck.

    The mean return is arithmetic, ``risk_free + sharpe * volatility``, so that a Sharpe ratio is
    a straight line through the risk-free rate.

    Parameters
    ----------
    rows : sequence of mapping
        Leaderboard rows with numbers.
    families : mapping of str to str
        The profile behind each label. Where there are more labels than colours, the labels of
        one profile share a cloud.
    expected : float or None
        Annual Sharpe ratio that the best of all trials would be expected to show by luck.
    risk_free : float
        Annual risk-free rate.

    Returns
    -------
    dict
        ``clouds`` of ``{profile, x, y, cagr, rank}``; ``efficient``, the ranks of the cells that
        no other one beats in return without more volatility, from the least volatile on;
        ``threshold`` and ``risk_free``, as given; ``above``, how many cells lie above the line.
    """
    many = len({row["profile"] for row in rows}) > _COLOURS
    clouds: dict[str, dict[str, Any]] = {}
    for row in rows:
        label = row["profile"]
        name = families.get(label, label) if many else label
        start: dict[str, Any] = {"profile": name, "x": [], "y": [], "cagr": [], "rank": []}
        cloud = clouds.setdefault(name, start)
        cloud["x"].append(_short(row["volatility"]))
        cloud["y"].append(_short(_mean_return(row, risk_free)))
        cloud["cagr"].append(_short(row["cagr"]))
        cloud["rank"].append(row["rank"])
    bar = float("inf") if expected is None else expected
    return {
        "clouds": [clouds[name] for name in sorted(clouds)],
        "efficient": _efficient(rows, risk_free),
        "threshold": expected,
        "risk_free": risk_free,
        "above": sum(row["sharpe"] > bar for row in rows),
    }


def _mean_return(row: Mapping[str, Any], risk_free: float) -> float:
    return float(risk_free + row["sharpe"] * row["volatility"])


def _efficient(rows: Sequence[Mapping[str, Any]], risk_free: float) -> list[int]:
    found: list[int] = []
    best = -float("inf")
    order = sorted(
        rows, key=lambda row: (row["volatility"], -_mean_return(row, risk_free), row["rank"])
    )
    for row in order:
        if _mean_return(row, risk_free) > best + _EQUAL:
            best = _mean_return(row, risk_free)
            found.append(row["rank"])
    return found


def _short(value: float) -> float:
    return float(f"{value:.6g}")
