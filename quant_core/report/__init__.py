"""The page about a tournament that a person reads."""

from quant_core.report._agreement import AGREEMENT_COLUMNS, agreement
from quant_core.report._frontier import frontier
from quant_core.report._landscape import luck
from quant_core.report._maps import MAP_COLUMNS, weight_map
from quant_core.report._meta import write_meta_report
from quant_core.report._metrics import Kind, name_of, ranked, varying_axes, written
from quant_core.report._page import write_report
from quant_core.report._parities import parities
from quant_core.report._words import failed_gates

__all__ = [
    "AGREEMENT_COLUMNS",
    "MAP_COLUMNS",
    "Kind",
    "agreement",
    "failed_gates",
    "frontier",
    "luck",
    "name_of",
    "parities",
    "ranked",
    "varying_axes",
    "weight_map",
    "write_meta_report",
    "write_report",
    "written",
]
