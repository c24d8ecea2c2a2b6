"""A strategy as the runner is told to serve it: one row of the strategy database."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from quant_core.decisions import Decision, Sign
from quant_core.features import FeatureSet
from quant_core.models import ModelSpec

__all__ = ["Mode", "Priority", "StrategyRow"]

type Mode = Literal["live", "shadow", "canary"]
type Priority = Literal["critical", "normal", "background"]


class StrategyRow(BaseModel):
    """One strategy: features, model and decision, and how to run them.

    Parameters
    ----------
    name : str
        Its name, unique in the database.
    enabled : bool
        Whether the runner serves it.
    mode : {"live", "shadow", "canary"}
        Carried by every signal: ``live`` is for trading, ``shadow`` for watching; ``canary`` is
        live on the share of instruments that ``canary_share`` gives and shadow on the others.
    canary_share : float
        Share of the instruments, in [0, 1], chosen by a hash of their names.
    priority : {"critical", "normal", "background"}
        Who is shed last when the runner is behind.
    instruments : tuple of str
        What it reads; ``*`` for every instrument.
    features : FeatureSet
        Input of the model.
    model : ModelSpec or None
        The model; None for a strategy in Python without one.
    decision : Decision
        What turns predictions into signals.
    python : str
        Entry point ``package.module:factory`` of a strategy in Python, run in a process of its own;
        empty for one that features, model and decision describe in full.
    parameters : dict
        Keyword arguments of the factory.
    emit : {"every", "change"}
        Whether a signal is sent for every observation, or when its value differs from the last one.
    warmup_ticks : int or None
        Observations of an instrument before its first signal; never less than the features need.
        None for the runner's setting.
    budget_ms : float
        Milliseconds that one call of a strategy in Python may take.
    allocation : float or None
        Weight of the strategy in the champion portfolio; None if it has none.
    seed : int
        Seed that its model was trained with.
    lineage : dict of str to str
        Where the model came from: ``strategy, month, sleeve, run_id, ledger_seq, inputs_hash``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")]
    enabled: bool = True
    mode: Mode = "live"
    canary_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    priority: Priority = "normal"
    instruments: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    features: FeatureSet
    model: ModelSpec | None = None
    decision: Decision = Sign()
    python: Annotated[str, Field(pattern=r"^([\w.]+:\w+)?$")] = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    emit: Literal["every", "change"] = "every"
    warmup_ticks: Annotated[int, Field(ge=0)] | None = None
    budget_ms: Annotated[float, Field(gt=0)] = 50.0
    allocation: Annotated[float, Field(ge=-1, le=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    lineage: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.model is None and not self.python:
            raise ValueError("expected a model, or a strategy in Python; found neither")
        if self.model is None:
            return self
        wanted, found = self.features.hash, self.model.feature_hash
        if wanted != found:
            raise ValueError(f"model.feature_hash: expected {wanted}, the features'; found {found}")
        if self.model.signature.inputs != len(self.features.features):
            raise ValueError(
                f"model.signature.inputs: expected {len(self.features.features)}, one a feature; "
                f"found {self.model.signature.inputs}"
            )
        return self

    @property
    def version(self) -> str:
        """The model version that its signals name; that of the code for one without a model."""
        return self.model.version if self.model is not None else "python"
