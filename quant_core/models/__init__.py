"""Models: trained walk-forward, converted to ONNX, kept by checksum."""

from quant_core.models._batch_invariance import BatchInvarianceReport, batch_invariance_report
from quant_core.models._config import ModelConfig
from quant_core.models._convert import CONVERTIBLE, convert_model
from quant_core.models._fitted import Fitted, complete_rows
from quant_core.models._hist_gradient_boosting import HistGradientBoosting
from quant_core.models._lightgbm import LightGbm, lightgbm_model
from quant_core.models._linear import Linear
from quant_core.models._mlp import Mlp
from quant_core.models._parity import ParityReport, parity_report
from quant_core.models._probe import probe_rows
from quant_core.models._refuse import MAX_MODEL_BYTES, refuse, sha256_of, signature_of
from quant_core.models._runtime import Runtime
from quant_core.models._sniff import format_of
from quant_core.models._spec import ModelSpec, Signature
from quant_core.models._store import ModelStore, StoredModel, read_model
from quant_core.models._verify import CHECKS, Verification, verify_bytes, verify_model
from quant_core.models._walk_forward import Split, WalkForward
from quant_core.models._xgboost import Xgboost, xgboost_model

__all__ = [
    "CHECKS",
    "CONVERTIBLE",
    "MAX_MODEL_BYTES",
    "BatchInvarianceReport",
    "Fitted",
    "HistGradientBoosting",
    "LightGbm",
    "Linear",
    "Mlp",
    "ModelConfig",
    "ModelSpec",
    "ModelStore",
    "ParityReport",
    "Runtime",
    "Signature",
    "Split",
    "StoredModel",
    "Verification",
    "WalkForward",
    "Xgboost",
    "batch_invariance_report",
    "complete_rows",
    "convert_model",
    "format_of",
    "lightgbm_model",
    "parity_report",
    "probe_rows",
    "read_model",
    "refuse",
    "sha256_of",
    "signature_of",
    "verify_bytes",
    "verify_model",
    "xgboost_model",
]
