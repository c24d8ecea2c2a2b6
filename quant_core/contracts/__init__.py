"""What a valid observation and a valid weight are; what is dropped is counted and logged."""

from quant_core.contracts._ranges import (
    HIGHEST_RETURN,
    LOWEST_RETURN,
    non_finite,
    non_positive,
    out_of_range,
    past_one,
)
from quant_core.contracts._report import ContractReport, Notice, Reason
from quant_core.contracts._weights import WeightReport, WeightViolation, check_weights

__all__ = [
    "HIGHEST_RETURN",
    "LOWEST_RETURN",
    "ContractReport",
    "Notice",
    "Reason",
    "WeightReport",
    "WeightViolation",
    "check_weights",
    "non_finite",
    "non_positive",
    "out_of_range",
    "past_one",
]
