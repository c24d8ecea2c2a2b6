"""The page about a tournament that a person reads."""

from quant_core.report._page import write_report

__all__ = ["write_report"]
