"""Whether simulators agree on the paths of the same weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.config import TournamentConfig
    from quant_core.tournament._paths import CellPath

__all__ = ["Parity", "compare", "nav_gap"]

type Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parity:
    """What the other simulators say of a path.

    Parameters
    ----------
    status : {"agrees", "differs", "not compared"}
        Whether every path it was compared with lies within its tolerance; a path that nothing
        was compared with does not agree.
    gap : float or None
        The worst relative difference of NAV over the whole path.
    against : str
        Label of the simulator that the worst difference is from; empty without one.
    missing : str
        Which simulators of the tournament it was not compared with, and their status.
    ratios : mapping of str to float
        By label, the relative difference over what is tolerated: at most 1 where they agree.
    """

    status: Literal["agrees", "differs", "not compared"]
    gap: float | None
    against: str
    missing: str
    ratios: Mapping[str, float]


def nav_gap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest relative difference of two paths, max |a - b| / max(|a|, |b|).

    Parameters
    ----------
    one, other : numpy.ndarray, shape (T,)
        Net asset values; where both are zero they do not differ.

    Examples
    --------
    >>> nav_gap(np.array([1.0, 2.0, 0.0]), np.array([1.0, 1.0, 0.0]))
    0.5
    """
    larger = np.maximum(np.abs(one), np.abs(other))
    gaps = np.divide(np.abs(one - other), larger, out=np.zeros_like(larger), where=larger > 0.0)
    return float(np.max(gaps, initial=0.0))


def compare(
    config: TournamentConfig,
    paths: Sequence[CellPath],
    absent: Mapping[Names, tuple[str, str]],
) -> dict[Names, Parity]:
    """Compare each path with those of the other simulators on the same weights.

    Parameters
    ----------
    config : TournamentConfig
        The configuration; a pair of simulators is held to the wider tolerance of the two.
    paths : sequence of CellPath
        The paths.
    absent : mapping of names to (status, reason)
        Cells without a path.
    """
    tolerances = {choice.label: choice.spec.tolerance for choice in config.simulators}
    groups: dict[Names, dict[str, CellPath]] = {}
    for path in paths:
        groups.setdefault(path.names[:-1], {})[path.names[-1]] = path
    found: dict[Names, Parity] = {}
    for names, group in groups.items():
        gaps = {
            (one, other): nav_gap(group[one].nav, group[other].nav)
            for one in group
            for other in group
            if one < other
        }
        missing = "; ".join(
            f"{label}: {absent[*names, label][0]}" for label in tolerances if label not in group
        )
        for label in group:
            own = {
                other: gaps[min(label, other), max(label, other)]
                for other in group
                if other != label
            }
            ratios = {
                other: gap / max(tolerances[label], tolerances[other]) for other, gap in own.items()
            }
            found[*names, label] = _judged(own, ratios, missing)
    return found


def _judged(gaps: Mapping[str, float], ratios: Mapping[str, float], missing: str) -> Parity:
    if not ratios:
        why = missing or "no other simulator takes part"
        return Parity("not compared", None, "", why, {})
    worst = max(ratios, key=lambda label: ratios[label])
    status: Literal["agrees", "differs"] = "agrees" if ratios[worst] <= 1.0 else "differs"
    return Parity(status, gaps[worst], worst, missing, ratios)
