"""What a feature is: its kind and its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from quant_core.canonical import digest_json
from quant_core.features._lookback import lookback

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Feature", "FeatureSet", "Kind", "Sampling"]

type Kind = Literal[
    "return",
    "sma",
    "ema",
    "rsi",
    "volatility",
    "zscore",
    "momentum",
    "bollinger",
    "permutation_entropy",
    "efficiency_ratio",
    "hurst",
]
type Sampling = Annotated[str, Field(pattern="^(tick|[1-9][0-9]{0,5}(s|m|h|d))$")]

_DEFAULTS: dict[str, dict[str, Any]] = {
    "sma": {"relative": False},
    "ema": {"relative": False},
    "momentum": {"lag": 1},
    "bollinger": {"width": 2.0},
    "permutation_entropy": {"order": 3, "lag": 1},
}
_PARAMETERS = ("order", "lag", "width", "relative")
_SHORTEST = {"volatility": 2, "zscore": 2, "bollinger": 2, "efficiency_ratio": 2, "hurst": 8}
# What decides the numbers: the functions, and what they are told of a feature.
_CODE = ("quant_core.features._encoding", "quant_core.features._kernels")


class Feature(BaseModel):
    """One feature: a function of the last `lookback` prices of one instrument.

    `DEFINITIONS` says what each kind computes.

    Parameters
    ----------
    kind : str
        Which function.
    window : int
        Observations it spans.
    order : int, optional
        Of ``permutation_entropy``: prices in a pattern, 3 by default.
    lag : int, optional
        Of ``permutation_entropy``: observations from one price of a pattern to the next. Of
        ``momentum``: latest observations that are left out. 1 by default.
    width : float, optional
        Of ``bollinger``: standard deviations from the middle to a band, 2 by default.
    relative : bool, optional
        Of ``sma`` and ``ema``: the price over its average less one, in place of the average, which
        is the default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    window: Annotated[int, Field(ge=1, le=10_000)]
    order: Annotated[int, Field(ge=2, le=6)] | None = None
    lag: Annotated[int, Field(ge=0, le=10_000)] | None = None
    width: Annotated[float, Field(gt=0, le=100)] | None = None
    relative: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = {name: value for name, value in data.items() if value is not None}
        return _DEFAULTS.get(str(data.get("kind")), {}) | given

    @model_validator(mode="after")
    def _parameters_of_its_kind(self) -> Self:
        allowed = _DEFAULTS.get(self.kind, {})
        for name in _PARAMETERS:
            if getattr(self, name) is not None and name not in allowed:
                raise ValueError(f"{name}: not a parameter of {self.kind}; leave it out")
        if self.window < self._shortest:
            raise ValueError(
                f"window: expected at least {self._shortest} for {self.kind}, found {self.window}"
            )
        if self.kind == "permutation_entropy" and self.lag == 0:
            raise ValueError("lag: expected at least 1 for permutation_entropy, found 0")
        return self

    @property
    def _shortest(self) -> int:
        lag = self.lag or 0
        if self.kind == "momentum":
            return lag + 1
        if self.kind == "permutation_entropy":
            return ((self.order or 0) - 1) * lag + 2
        return _SHORTEST.get(self.kind, 1)

    @property
    def name(self) -> str:
        """Its name, for example ``momentum_20`` or ``bollinger_20_width2.5``.

        A parameter is named where it differs from its default, so equal names are equal features.
        """
        other = [
            name if value is True else f"{name}{value}"
            for name, default in _DEFAULTS.get(self.kind, {}).items()
            if (value := getattr(self, name)) != default
        ]
        return "_".join((self.kind, str(self.window), *other))

    @property
    def lookback(self) -> int:
        """Prices that it reads, the current one included."""
        return lookback(self.kind, self.window)


class FeatureSet(BaseModel):
    """The input columns of a model, in order.

    Parameters
    ----------
    features : tuple of Feature
        The features, each once.
    sampling : str
        What one observation is: ``tick`` for every price, or the close of a bar such as ``1m`` or
        ``1d``.

    Examples
    --------
    >>> chosen = FeatureSet(features=({"kind": "return", "window": 1},), sampling="1d")
    >>> chosen.batch(np.array([[100.0], [103.0], [106.09]]))[:, 0, 0].round(12)
    array([ nan, 0.03, 0.03])
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: Annotated[tuple[Feature, ...], Field(min_length=1)]
    sampling: Sampling = "tick"

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"expected each feature once, found {', '.join(self.names)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def lookback(self) -> int:
        """Prices needed for a complete row, the current one included."""
        return max(feature.lookback for feature in self.features)

    @property
    def hash(self) -> str:
        """The feature hash: equal where the definitions and what computes them are.

        It covers names and parameters of the features in order, the sampling, and the version of
        the code that computes them: a comment or a docstring changes nothing.
        """
        from quant_core.cells import code_version  # noqa: PLC0415 - brings Arrow

        definition = self.model_dump(mode="json", exclude_none=True)
        return digest_json({"definition": definition, "code": code_version(*_CODE)})

    def batch(self, prices: np.ndarray) -> np.ndarray:
        """Compute the features over a history, each column on its own.

        A value is a function of the last ``lookback`` prices of its column: appending rows changes
        none before them, and `FeatureBank` gives the same bytes tick by tick.

        Parameters
        ----------
        prices : numpy.ndarray, shape (T, n)
            Positive prices of n instruments, one row an observation; NaN before an instrument's
            first price and after its last.

        Returns
        -------
        numpy.ndarray of float64, shape (T, n, F)
            The features; NaN where a column has fewer than a feature's ``lookback`` prices, or no
            price in that row.

        Raises
        ------
        DataError
            If a price is not positive and finite, or NaN lies between two prices.
        """
        from quant_core.features._batch import batch  # noqa: PLC0415 - brings the compiler

        return batch(self.features, prices)
