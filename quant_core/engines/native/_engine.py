"""The native engine: which module solves which profile."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from quant_core.engines.native._outcome import NotFound, without_weights
from quant_core.profiles import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from quant_core.profiles import Problem, Profile, Solution

__all__ = ["NativeEngine"]

_HERE = "quant_core.engines.native"
_CHECKS = ("_outcome", "_screen")
_RATIO = ("_active_set", "_nonnegative", *_CHECKS)
_BOXED = ("_active_set", "_box", *_CHECKS)
_CAPPED = ("_active_set", "_box", "_capped_ratio", "_nonnegative", *_CHECKS)

_MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "equal_weight": ("_naive", *_CHECKS),
        "hrp": ("_hierarchy", "_hrp", *_CHECKS),
        "market": ("_naive", *_CHECKS),
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
        ignored = [name for name in getattr(profile, "bounds", {}) if name != "cap"]
        if ignored:
            message = f"native does not know the constraint {', '.join(ignored)} yet"
            return without_weights(problem, NotFound(Status.UNSUPPORTED, message))
        solver = import_module(f"{_HERE}.{_SOLVERS[profile.name]}")
        solve = cast("Callable[[Profile, Problem, np.ndarray | None], Solution]", solver.solve)
        return solve(profile, problem, warm)

    def code_modules(self, profile: Profile) -> tuple[str, ...]:
        """Return the modules that decide a profile's numbers; none for an unknown profile."""
        return tuple(f"{_HERE}.{name}" for name in sorted(_MODULES.get(profile.name, ())))


_SOLVERS: Mapping[str, str] = MappingProxyType(
    {
        "equal_weight": "_naive",
        "hrp": "_hrp",
        "market": "_naive",
        "max_diversification": "_max_diversification",
        "max_sharpe": "_max_sharpe",
        "mean_variance": "_mean_variance",
        "min_variance": "_min_variance",
        "risk_parity": "_risk_parity",
    }
)
