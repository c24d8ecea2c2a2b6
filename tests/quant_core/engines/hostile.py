"""Problems that no solver likes, by kind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.profiles import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "Hostile"]


@dataclass(frozen=True)
class Hostile:
    """A problem, and the constraints that the profile is given with it."""

    problem: Problem
    fields: Mapping[str, Any] = field(default_factory=dict)


def _sampled(n: int, rows: int, *, seed: int = 5) -> Problem:
    random = np.random.Generator(np.random.PCG64(seed))
    sample = random.normal(0, 0.01, (rows, 1)) + random.normal(0, 0.01, (rows, n))
    market = np.tile([0.002, -0.001], 40)
    return Problem(
        mean=random.normal(5e-4, 5e-4, n),
        covariance=np.atleast_2d(np.cov(sample, rowvar=False)),
        symbols=tuple("ABCDEFGHIJKLMNOP"[:n]),
        beta=np.where(np.arange(n) % 2, -1.0, 1.0) * np.linspace(0.5, 1.5, n),
        market=market,
    )


def _with(covariance: Any, mean: Any = None, *, scale: float = 1e-4) -> Problem:
    matrix = np.asarray(covariance, dtype=np.float64) * scale
    base = _sampled(len(matrix), 40)
    return replace(base, covariance=matrix, mean=base.mean if mean is None else np.array(mean))


def _scaled(factor: float) -> Problem:
    base = _sampled(5, 40)
    return replace(base, mean=base.mean * factor, covariance=base.covariance * factor**2)


def _spoiled(name: str, value: float, place: Any) -> Problem:
    base = _sampled(4, 40)
    array = getattr(base, name).copy()
    array[place] = value
    return replace(base, **{name: array})


def _at(n: int = 4, fields: Any = None, **changes: Any) -> Hostile:
    return Hostile(replace(_sampled(n, 40), **changes), fields or {})


def _group(**bounds: Any) -> dict[str, Any]:
    return {"groups": ({"name": "pair", "symbols": ("A", "B"), **bounds},)}


_BLOCKS = np.kron(np.array([[2.0, 0.5], [0.5, 1.0]]), np.ones((5, 5)))
_NEAR = np.full((4, 4), 1.0) + 1e-14 * np.eye(4)
_HEDGE = [[1.0, -1, 0], [-1, 1, 0], [0, 0, 1]]
_INDEFINITE = [[1.0, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]
_READ_ONLY = np.broadcast_to(1e-4, (4, 4))
_HELD = np.array([1.0, 0.0, 0.0, 0.0])

KINDS: Mapping[str, Hostile] = {
    "plain": _at(),
    "no atom": Hostile(Problem(np.zeros(0), np.zeros((0, 0)))),
    "one atom": _at(1),
    "two atoms": _at(2),
    "more atoms than rows": Hostile(_sampled(12, 5)),
    "two rows": Hostile(_sampled(6, 2)),
    "identical assets": Hostile(_with(np.ones((4, 4)))),
    "an identical pair": Hostile(_with([[1, 1, 0.2], [1, 1, 0.2], [0.2, 0.2, 2]])),
    "blocks of identical assets": Hostile(_with(_BLOCKS)),
    "a perfect hedge": Hostile(_with([[1, -1], [-1, 1]])),
    "a perfect hedge and another": Hostile(_with(_HEDGE)),
    "a perfect hedge that loses": Hostile(_with(_HEDGE, [-1e-3, -1e-3, 1e-3])),
    "a perfect hedge under a cap": Hostile(_with(_HEDGE), {"cap": 0.4}),
    "an atom without variance": Hostile(_with(np.diag([0.0, 1, 2, 3]))),
    "a loser without variance": Hostile(_with(np.diag([0.0, 1, 2]), [-1e-3, 1e-3, 0])),
    "two atoms without variance": Hostile(_with(np.diag([0.0, 0, 1, 2]))),
    "no variance at all": Hostile(_with(np.zeros((3, 3)))),
    "near singular": Hostile(_with(_NEAR)),
    "correlations of nearly one": Hostile(_with(0.999999 * np.ones((4, 4)) + 1e-6 * np.eye(4))),
    "variances over 16 decades": Hostile(_with(np.diag([1.0, 1e-5, 1e-11, 1e-16]))),
    "variances over 24 decades": Hostile(_with(np.diag([1e12, 1.0, 1e-12]))),
    "returns of 1e-12": Hostile(_scaled(1e-12)),
    "returns of 1e12": Hostile(_scaled(1e12)),
    "denormal variances": Hostile(_with(np.eye(3), scale=1e-310)),
    "variances near overflow": Hostile(_with(np.eye(3), scale=1e300)),
    "squares that overflow": Hostile(_with(np.eye(3), [1e200, 1e180, -1e200], scale=1e-300)),
    "NaN on the diagonal": Hostile(_spoiled("covariance", np.nan, (0, 0))),
    "NaN off the diagonal": Hostile(_spoiled("covariance", np.nan, (1, 2))),
    "infinite variance": Hostile(_spoiled("covariance", np.inf, (3, 3))),
    "minus infinity": Hostile(_spoiled("covariance", -np.inf, (0, 1))),
    "NaN in the mean": Hostile(_spoiled("mean", np.nan, 2)),
    "infinite mean": Hostile(_spoiled("mean", np.inf, 0)),
    "infinite loss": Hostile(_spoiled("mean", -np.inf, 0)),
    "NaN risk-free rate": _at(risk_free=np.nan),
    "a risk-free rate of 1000": _at(risk_free=1000.0),
    "all means negative": _at(mean=np.array([-1e-3, -2e-3, -3e-3, -4e-3])),
    "all means zero": _at(mean=np.zeros(4)),
    "a mean of a million": _at(mean=np.array([1e6, 0.0, 0.0, -1e6])),
    "one positive mean": _at(mean=np.array([-1e-3, 1e-9, -1e-3, -1e-3])),
    "ties everywhere": Hostile(_with(np.eye(6), np.full(6, 1e-3))),
    "ties under a cap": Hostile(_with(np.eye(6), np.full(6, 1e-3)), {"cap": 0.25}),
    "barely indefinite": Hostile(_with(np.ones((3, 3)) - 1e-13 * np.eye(3))),
    "indefinite": Hostile(_with(_INDEFINITE)),
    "negative definite off the diagonal": Hostile(_with([[1.0, -2], [-2, 1]])),
    "barely asymmetric": Hostile(_with([[1.0, 0.2 + 1e-13], [0.2, 1]])),
    "asymmetric": Hostile(_with([[1.0, 0.5, 0], [0.1, 1, 0], [0, 0.3, 1]])),
    "a negative variance": Hostile(_spoiled("covariance", -1e-4, (1, 1))),
    "another shape": _at(covariance=np.eye(3)),
    "whole numbers, by column": _at(covariance=np.asfortranarray(np.eye(4, dtype=np.int64) * 3)),
    "read-only": _at(covariance=_READ_ONLY),
    "a cap below 1/n": _at(fields={"cap": 0.2}),
    "a cap of 1/n": _at(fields={"cap": 0.25}),
    "a cap of 1/n but for rounding": _at(3, {"cap": 0.3333333333333333}),
    "a minimum of 1/n": _at(fields={"minimum": 0.25}),
    "a minimum above 1/n": _at(fields={"minimum": 0.3}),
    "a minimum above the cap": _at(2, {"minimum": 0.5, "cap": 0.45}),
    "a minimum with a cap": _at(fields={"minimum": 0.2, "cap": 0.3}),
    "a group out of reach": _at(fields={**_group(least=0.9), "cap": 0.3}),
    "a group of nobody": _at(symbols=("C", "D", "E", "F"), fields=_group(least=0.1)),
    "a group that fixes": _at(fields=_group(least=0.5, most=0.5)),
    "a group of all": _at(2, _group(most=0.9)),
    "a group and no symbols": _at(symbols=(), fields=_group(most=0.5)),
    "next to no turnover": _at(held=_HELD, fields={"turnover": 1e-6}),
    "turnover and a cap that contradict": _at(held=_HELD, fields={"turnover": 0.1, "cap": 0.5}),
    "turnover spent outside": _at(held=_HELD / 2, held_outside=0.5, fields={"turnover": 0.2}),
    "turnover from cash": _at(held=np.zeros(4), fields={"turnover": 0.6}),
    "turnover that does not bind": _at(held=_HELD, fields={"turnover": 1.0}),
    "NaN held": _at(held=np.array([np.nan, 0, 0, 0]), fields={"turnover": 0.5}),
    "next to no volatility": _at(fields={"target_volatility": 1e-9}),
    "a volatility that does not bind": _at(fields={"target_volatility": 1e3}),
    "a target without variance": Hostile(_with(np.zeros((3, 3))), {"target_volatility": 0.1}),
    "all constraints at once": _at(
        held=np.full(4, 0.2),
        held_outside=0.1,
        fields={
            **_group(least=0.4, most=0.6),
            "cap": 0.4,
            "minimum": 0.05,
            "turnover": 0.3,
            "target_volatility": 0.1,
        },
    ),
    "NaN beta": _at(beta=np.array([np.nan, 1, -1, 1])),
    "no beta, no market": _at(beta=None, market=None),
    "no exposure at all": _at(beta=np.zeros(4), fields={"tolerance": 0.0}),
    "exposure out of reach": _at(beta=np.ones(4)),
    "a constant market": _at(market=np.zeros(80)),
    "a market of NaN": _at(market=np.full(80, np.nan)),
    "a market of one day": _at(market=np.array([0.01])),
}
"""Every kind by its name."""
