"""The audit trail: a hash chain of records that survives kills, and can be verified by anyone."""

from quant_core.ledger._action import Action
from quant_core.ledger._chain import Problem
from quant_core.ledger._ledger import Ledger
from quant_core.ledger._read import Verification, records, tried_configurations, verify
from quant_core.ledger._record import Head, Kind, ProblemKind, Record

__all__ = [
    "Action",
    "Head",
    "Kind",
    "Ledger",
    "Problem",
    "ProblemKind",
    "Record",
    "Verification",
    "records",
    "tried_configurations",
    "verify",
]
