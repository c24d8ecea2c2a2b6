"""The page about a tournament that a person reads."""

from quant_core.report._metrics import Kind, name_of, ranked, varying_axes, written
from quant_core.report._page import write_report

__all__ = ["Kind", "name_of", "ranked", "varying_axes", "write_report", "written"]
