"""How far the paths of simulators are from each other, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.config import RANKING_SIMULATOR
from quant_core.simulators import SIMULATORS, Custom
from quant_core.tournament import nav_gap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["parities", "tolerances"]

type Names = tuple[str, ...]


def tolerances(simulators: Mapping[str, str]) -> dict[str, float]:
    """Return the relative difference of NAV that each simulator is allowed, by label.

    Parameters
    ----------
    simulators : mapping of str to str
        The simulator that each label stands for; one that is not registered here, but was where
        the folder was written, is held to what a simulator is held to by default.
    """
    return {label: SIMULATORS.get(name, Custom)().tolerance for label, name in simulators.items()}


def parities(
    cells: Sequence[Names], nav: np.ndarray, simulators: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the worst relative gap of NAV between simulators, cell by cell.

    Parameters
    ----------
    cells : sequence of tuple of str
        Selection, engine, profile, rebalance and simulator of each path.
    nav : numpy.ndarray, shape (P, T)
        Net asset values; NaN where a path has no row.
    simulators : mapping of str to str
        The simulator that each label stands for, in the order of the configuration.

    Returns
    -------
    dict or None
        ``reference``, the label of ``custom``, or of the first simulator without it; ``pairs``,
        one for each other simulator that shares a cell with it, of ``{simulator, tolerance, cells,
        gap}``: names without the simulator, and max over t of |a - b| / max(|a|, |b|), falling.
        None where there is no pair.
    """
    labels = list(simulators)
    custom = [label for label in labels if simulators[label] == RANKING_SIMULATOR]
    reference = (custom or labels)[0]
    allowed = tolerances(simulators)
    own = {names[:-1]: row for row, names in enumerate(cells) if names[-1] == reference}
    pairs = []
    for label in labels:
        shared = [
            (names[:-1], row)
            for row, names in enumerate(cells)
            if label != reference and names[-1] == label and names[:-1] in own
        ]
        if not shared:
            continue
        gaps = [(_gap(nav[row], nav[own[names]]), names) for names, row in shared]
        gaps.sort(key=lambda pair: -pair[0])
        pairs.append(
            {
                "simulator": label,
                "tolerance": max(allowed[label], allowed[reference]),
                "cells": ["|".join(names) for _, names in gaps],
                "gap": [float(f"{gap:.3g}") for gap, _ in gaps],
            }
        )
    return {"reference": reference, "pairs": pairs} if pairs else None


def _gap(one: np.ndarray, other: np.ndarray) -> float:
    both = np.isfinite(one) & np.isfinite(other)
    return nav_gap(one[both], other[both])
