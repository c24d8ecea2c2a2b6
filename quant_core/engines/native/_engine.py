"""The native engine: which module solves which profile."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

from quant_core.engines.native._outcome import NotFound, without_weights
from quant_core.profiles import Adaptive, Constraints, Regime, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from quant_core.profiles import Problem, Profile, Solution

__all__ = ["NativeEngine"]

_HERE = "quant_core.engines.native"
_CHECKS = ("_known", "_outcome", "_room", "_screen")
_RATIO = ("_active_set", "_nonnegative", *_CHECKS)
_BOXED = ("_active_set", "_box", *_CHECKS)
_CAPPED = ("_active_set", "_box", "_capped_ratio", "_nonnegative", *_CHECKS)

_POLYTOPE = ("_constrained", "_polytope", "_quadratic", "_working_sets", *_CAPPED)

_DEFINED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "adaptive": ("quant_core.profiles._adaptive",),
        "barbell": ("quant_core.profiles._barbell",),
    }
)
"""Modules outside this package that decide numbers of a profile."""

_MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "adaptive": ("_adaptive", "_outcome"),
        "barbell": ("_barbell", "_min_variance", *_CAPPED),
        "equal_weight": ("_naive", "_outcome", "_room"),
        "hrp": ("_hierarchy", "_hrp", *_CHECKS),
        "market": ("_naive", "_outcome", "_room"),
        "market_neutral": ("_min_variance", *_CAPPED),
        "max_diversification": ("_max_diversification", *_CAPPED),
        "max_sharpe": ("_max_sharpe", *_CAPPED),
        "mean_variance": ("_mean_variance", *_BOXED),
        "min_variance": ("_min_variance", *_CAPPED),
        "risk_parity": ("_risk_budget", "_risk_parity", *_CHECKS),
    }
)


class NativeEngine:
    """Solve every profile with this library's own kernels, and certify what it hands out.

    Weights of an optimised profile come with a relative KKT residual of at most 1e-9, or not at
    all. ``equal_weight``, ``market`` and ``hrp`` optimise nothing, so their residual is NaN.

    The result is a function of the profile and the problem to the last bit, given one BLAS thread:
    warm weights only shorten the way to it. Where the conditions of an optimum hold strictly its
    support is unique and the weights are solved from it alone; elsewhere the warm start is
    discarded, and the searches from the data decide.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_core.profiles import MinVariance, Problem
    >>> problem = Problem(np.zeros(2), np.diag([1.0, 3.0]))
    >>> NativeEngine().solve(MinVariance(), problem).weights.round(12).tolist()
    [0.75, 0.25]
    """

    name = "native"
    lack = ""
    release = ""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the profiles that it solves, sorted."""
        return tuple(sorted(_MODULES))

    def solve(
        self, profile: Profile, problem: Problem, *, warm: np.ndarray | None = None
    ) -> Solution:
        """Solve a profile; see `quant_core.engines.Engine`."""
        modules = _MODULES.get(profile.name)
        if modules is None:
            message = f"native does not know the profile {profile.name!r}"
            return without_weights(problem, NotFound(Status.UNSUPPORTED, message))
        if len(problem.mean) == 0:
            return without_weights(problem, NotFound(Status.EMPTY, "nothing is selected"))
        if profile.name == "adaptive":
            found: Solution = _module("_adaptive").solve_within(profile, problem, warm, self._solve)
            return found
        return self._solve(profile, problem, warm)

    def _solve(self, profile: Profile, problem: Problem, warm: np.ndarray | None) -> Solution:
        solver = _module(_SOLVERS[profile.name])
        relaxed: Solution = solver.solve(profile, problem, warm)
        if not _constrained(profile):
            return relaxed
        found: Solution = _module("_constrained").constrain(profile, problem, relaxed)
        return found

    def code_modules(self, profile: Profile) -> tuple[str, ...]:
        """Return the modules that decide a profile's numbers; none for an unknown profile."""
        named = [profile]
        if isinstance(profile, Adaptive):
            named += [profile.within(regime) for regime in get_args(Regime)]
        names = {name for one in named for name in _MODULES.get(one.name, ())}
        if any(_constrained(one) for one in named):
            names.update(_POLYTOPE)
        return (*sorted(f"{_HERE}.{name}" for name in names), *_DEFINED.get(profile.name, ()))


def _constrained(profile: Profile) -> bool:
    """Return whether a profile has constraints that its own solver does not keep."""
    if not isinstance(profile, Constraints):
        return False
    return bool(
        profile.minimum
        or profile.groups
        or profile.turnover is not None
        or profile.target_volatility is not None
        or profile.name == "market_neutral"
        or (profile.name == "barbell" and profile.cap is not None)
    )


@cache
def _module(name: str) -> Any:
    return import_module(f"{_HERE}.{name}")


_SOLVERS: Mapping[str, str] = MappingProxyType(
    {
        "barbell": "_barbell",
        "equal_weight": "_naive",
        "hrp": "_hrp",
        "market": "_naive",
        "market_neutral": "_min_variance",
        "max_diversification": "_max_diversification",
        "max_sharpe": "_max_sharpe",
        "mean_variance": "_mean_variance",
        "min_variance": "_min_variance",
        "risk_parity": "_risk_parity",
    }
)
