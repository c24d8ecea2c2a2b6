"""Verification: published results, reproduced with this library's own code."""

from quant_core.verification._result import Agreement, PublishedResult
from quant_core.verification._table import SCHEMA, results_table
from quant_core.verification._verify import verify

__all__ = ["SCHEMA", "Agreement", "PublishedResult", "results_table", "verify"]
