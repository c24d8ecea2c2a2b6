"""The gates of a model, and the figures that they judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant_core.champion._gate import Figure, Gate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.config import ModelGateConfig
    from quant_core.strategies import ModelRecord

__all__ = ["model_figures", "model_gates"]

_NOT_COMPARED = "missing: the model in place was not measured on the same rows"


def model_gates(config: ModelGateConfig, *, first: bool) -> tuple[Gate, ...]:
    """Return the gates of a model with the thresholds of a configuration.

    Parameters
    ----------
    config : ModelGateConfig
        The thresholds.
    first : bool
        Whether no model is in place that it would have to be compared with.
    """
    beyond = "share of held-out rows whose prediction differs from the training library's"
    gates = (
        Gate("parity", 0.0, "at most", f"{beyond}, by ONNX Runtime"),
        Gate("serving_parity", 0.0, "at most", f"{beyond}, by the runner's inference"),
        Gate(
            "batch_invariance",
            0.0,
            "at most",
            "largest difference of a prediction in a batch from the same one alone",
        ),
        Gate("rank_ic", config.rank_ic, "at least", "rank correlation on held-out rows"),
    )
    if first:
        return gates
    worse = "rank correlation of the model in place less its own, on the same held-out rows"
    return (*gates, Gate("not_worse", config.margin, "at most", worse))


def model_figures(record: ModelRecord, *, in_place: Figure | None = None) -> dict[str, Figure]:
    """Return the figures of a trained model, by the name of their gate.

    Parameters
    ----------
    record : ModelRecord
        What its training found.
    in_place : Figure, optional
        Rank correlation of the model in place on the rows that were held out from this one.
    """
    return {
        "parity": _share(record.parity),
        "serving_parity": _share(record.serving),
        "batch_invariance": _invariance(record.batch_invariance),
        "rank_ic": _known(record.rank_ic, "undefined: predictions or outcomes do not differ"),
        "not_worse": _worse(record.rank_ic, in_place),
    }


def _share(report: Mapping[str, Any]) -> Figure:
    if not report.get("rows"):
        return Figure(None, "missing: no held-out row was compared")
    return _known(report.get("beyond"), "missing: the report has no such share")


def _invariance(report: Mapping[str, Any]) -> Figure:
    if not report.get("rows"):
        return Figure(None, "missing: no held-out row was compared")
    if report.get("identical") is not True:
        difference = report.get("max_difference")
        # Bytes may differ where numbers compare equal, as 0.0 and -0.0 do.
        return Figure(difference or None, "predictions depend on the rows beside them")
    return Figure(0.0)


def _worse(own: float | None, in_place: Figure | None) -> Figure:
    if in_place is None or in_place.value is None:
        return Figure(None, _NOT_COMPARED if in_place is None else in_place.missing)
    if own is None:
        return Figure(None, "undefined: its own rank correlation is")
    return Figure(in_place.value - own)


def _known(value: float | None, why: str) -> Figure:
    return Figure(value, why if value is None else "")
