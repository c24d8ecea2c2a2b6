"""Converting a model file into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant_core.cli._console import print_json, results, status
from quant_core.cli._models import read_file
from quant_core.errors import ConfigError
from quant_core.features import Feature, FeatureSet
from quant_core.models import (
    ModelStore,
    Runtime,
    batch_invariance_report,
    convert_model,
    parity_report,
    probe_rows,
    sha256_of,
)

if TYPE_CHECKING:
    from quant_core.models import Fitted, ModelSpec, ParityReport

__all__ = ["convert_file"]


def convert_file(
    file: str,
    *,
    store: str,
    version: str | None,
    features: str | None,
    sampling: str,
    feature_hash: str | None,
    as_json: bool,
) -> bool:
    """Convert a model file to ONNX, compare the two on probe rows, and store the ONNX file.

    Returns
    -------
    bool
        Whether the two agree; a model that does not agree is not stored.

    Raises
    ------
    ConfigError
        If the features are not given once, or are not the columns of the model.
    ModelFormatError
        If the file is a pickle, or anything else that cannot be converted.
    """
    data = read_file(file)
    fitted = convert_model(data, name=file)
    columns, known = _columns(features, sampling, feature_hash, fitted)
    probes = probe_rows(fitted.to_onnx(), inputs=fitted.inputs)
    parity = parity_report(fitted, probes)
    if not parity.passed:
        _explain(parity, file)
        return False
    spec = ModelStore(store).put(
        fitted.to_onnx(),
        framework=fitted.framework,
        version=version,
        signature=fitted.signature,
        feature_hash=columns,
        metadata={
            "parity": parity.to_dict(),
            "batch_invariance": batch_invariance_report(
                Runtime(fitted.to_onnx(), name=file), probes
            ).to_dict(),
            "source": {"file": file.rsplit("/", 1)[-1], "sha256": sha256_of(data)},
            **known,
        },
    )
    _show(spec, parity, as_json=as_json)
    return True


def _explain(parity: ParityReport, file: str) -> None:
    status().print(
        f"{file}: not stored: ONNX Runtime differs from {parity.framework} by "
        f"{parity.max_relative:.3g} on {parity.rows} probe rows, allowed is "
        f"{parity.tolerance:g}; {parity.beyond:.1%} of the rows are beyond that",
        markup=False,
        soft_wrap=True,
    )


def _show(spec: ModelSpec, parity: ParityReport, *, as_json: bool) -> None:
    if as_json:
        print_json({"spec": spec.model_dump(mode="json"), "parity": parity.to_dict()})
        return
    results().print(
        f"{spec.version}: stored as {spec.uri}; largest difference from {parity.framework} "
        f"{parity.max_relative:.2g} on {parity.rows} probe rows",
        markup=False,
        soft_wrap=True,
    )


def _columns(
    features: str | None, sampling: str, feature_hash: str | None, fitted: Fitted
) -> tuple[str, dict[str, Any]]:
    """Return the feature hash, and what is known of the features."""
    if (features is None) == (feature_hash is None):
        raise ConfigError("give the columns of the model once, by --features or by --feature-hash")
    if feature_hash is not None or features is None:
        return str(feature_hash), {}
    made = FeatureSet(
        features=tuple(map(_feature, features.split(","))),
        sampling=sampling,
    )
    if len(made.names) != fitted.inputs:
        raise ConfigError(
            f"--features: expected {fitted.inputs} features, the columns of the model, "
            f"found {len(made.names)}"
        )
    return made.hash, {"features": made.model_dump(mode="json"), "feature_names": list(made.names)}


def _feature(name: str) -> Feature:
    kind, _, window = name.strip().rpartition("_")
    try:
        return Feature.model_validate({"kind": kind, "window": window})
    except ValueError as error:
        raise ConfigError(
            f"--features: expected names such as momentum_20, found {name!r}"
        ) from error
