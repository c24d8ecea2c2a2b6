"""What valid data are at each level; what is dropped is counted, what is odd is found."""

from quant_core.contracts._audit import audit
from quant_core.contracts._audit_features import feature_drift
from quant_core.contracts._audit_rules import AuditRules
from quant_core.contracts._drift import kolmogorov_smirnov, population_stability
from quant_core.contracts._finding import CHECKS, AuditReport, Finding
from quant_core.contracts._hold import Valid, Violation, keep_valid, require, violations
from quant_core.contracts._levels import LEVELS, Level
from quant_core.contracts._ranges import (
    HIGHEST_RETURN,
    LOWEST_RETURN,
    non_finite,
    non_positive,
    out_of_range,
    past_one,
)
from quant_core.contracts._report import ContractReport, Notice, Reason
from quant_core.contracts._schemas import schema
from quant_core.contracts._validate_io import validate_io
from quant_core.contracts._weights import WeightReport, WeightViolation, check_weights

__all__ = [
    "CHECKS",
    "HIGHEST_RETURN",
    "LEVELS",
    "LOWEST_RETURN",
    "AuditReport",
    "AuditRules",
    "ContractReport",
    "Finding",
    "Level",
    "Notice",
    "Reason",
    "Valid",
    "Violation",
    "WeightReport",
    "WeightViolation",
    "audit",
    "check_weights",
    "feature_drift",
    "keep_valid",
    "kolmogorov_smirnov",
    "non_finite",
    "non_positive",
    "out_of_range",
    "past_one",
    "population_stability",
    "require",
    "schema",
    "validate_io",
    "violations",
]
