"""Models: trained walk-forward, converted to ONNX, kept by checksum."""

from quant_core.models._config import ModelConfig
from quant_core.models._fitted import Fitted, complete_rows
from quant_core.models._hist_gradient_boosting import HistGradientBoosting
from quant_core.models._lightgbm import LightGbm
from quant_core.models._linear import Linear
from quant_core.models._mlp import Mlp
from quant_core.models._refuse import MAX_MODEL_BYTES, refuse, sha256_of
from quant_core.models._sniff import format_of
from quant_core.models._spec import ModelSpec, Signature
from quant_core.models._store import ModelStore, StoredModel, read_model
from quant_core.models._walk_forward import Split, WalkForward
from quant_core.models._xgboost import Xgboost

__all__ = [
    "MAX_MODEL_BYTES",
    "Fitted",
    "HistGradientBoosting",
    "LightGbm",
    "Linear",
    "Mlp",
    "ModelConfig",
    "ModelSpec",
    "ModelStore",
    "Signature",
    "Split",
    "StoredModel",
    "WalkForward",
    "Xgboost",
    "complete_rows",
    "format_of",
    "read_model",
    "refuse",
    "sha256_of",
]
