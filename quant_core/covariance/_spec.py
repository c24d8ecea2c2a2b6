"""Which covariance estimator a profile asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["CovarianceSpec"]

_HALFLIFE = 63.0


class CovarianceSpec(BaseModel):
    """A covariance estimator and its parameters; in YAML a name, or a mapping with parameters.

    - ``sample``: ``sum (x - m)(x - m)' / (T - 1)``.
    - ``ledoit_wolf``: ``(1 - d) S + d tr(S)/n I`` with ``S = sum (x - m)(x - m)' / T`` and the
      intensity ``d`` of Ledoit & Wolf, "A well-conditioned estimator for large-dimensional
      covariance matrices", J. Multivariate Analysis 88 (2004).
    - ``ewma``: ``sum w_t (x_t - m)(x_t - m)'``, ``w_t`` proportional to ``0.5 ** (age / halflife)``
      and summing to 1 over the train window (RiskMetrics 1996, centred on the weighted mean).

    Parameters
    ----------
    name : {"sample", "ledoit_wolf", "ewma"}
        The estimator.
    halflife : float, optional
        Observations after which a weight has halved; of ``ewma`` only, 63 by default.

    Examples
    --------
    >>> CovarianceSpec.model_validate("ledoit_wolf").name
    'ledoit_wolf'
    >>> CovarianceSpec.model_validate({"name": "ewma", "halflife": 21}).halflife
    21.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["sample", "ledoit_wolf", "ewma"] = "ledoit_wolf"
    halflife: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, dict) or value.get("name") != "ewma":
            return value
        halflife = value.get("halflife")
        return {**value, "halflife": _HALFLIFE if halflife is None else halflife}

    @model_validator(mode="after")
    def _halflife_of_ewma(self) -> Self:
        if self.name != "ewma" and self.halflife is not None:
            raise ValueError(f"halflife is a parameter of ewma, not of {self.name}; remove it")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        model = handler.resolve_ref_schema(handler(core_schema))
        names = model["properties"]["name"]["enum"]
        return {"anyOf": [{"type": "string", "enum": names}, model]}

    @property
    def decay(self) -> float:
        """Factor of a row's weight per row of age: 1 unless the estimator is ``ewma``."""
        return 1.0 if self.halflife is None else 0.5 ** (1.0 / self.halflife)
