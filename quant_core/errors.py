"""Exceptions raised by the library.

The tree::

    QuantError
    ├── ConfigError (ValueError)        a field of the configuration is wrong
    ├── DataError (ValueError)          an input file or matrix is wrong
    │   └── ContractError               a contract at a pillar boundary is broken
    ├── MissingPartitionError (LookupError)   a partition was asked for and is not stored
    ├── StoreError (OSError)            the lakehouse could not be read or written
    │   └── ConflictError               another writer changed what was to be replaced
    ├── SourceError (OSError)           a service that was asked for data did not answer
    ├── LedgerError (ValueError)        the audit trail is broken
    ├── ModelError (ValueError)         a model may not be used
    │   ├── ChecksumError               its bytes are not those that were stored
    │   ├── ModelFormatError            it is not a whole ONNX file of a sensible size
    │   ├── ForbiddenModelError         it holds what no model of ours may hold
    │   └── SignatureError              its input or output is not what the spec says
    ├── InferenceError (RuntimeError)   a model cannot be evaluated, or gave no prediction
    ├── SimulationError (RuntimeError)  a simulator gave no path: it failed, hung or died
    ├── StageError (RuntimeError)       a stage lacks what it needs, or its registry is wrong
    ├── ShapeError (ValueError)         an array has another shape or type than its receiver takes
    └── UnavailableError (ImportError)  an optional extra is not installed

Every message says what was expected, what was found and what to do. The command line turns a
``QuantError`` into one line and exit code 2.
"""

from __future__ import annotations

__all__ = [
    "ChecksumError",
    "ConfigError",
    "ConflictError",
    "ContractError",
    "DataError",
    "InferenceError",
    "LedgerError",
    "MissingPartitionError",
    "QuantError",
    "ShapeError",
    "SimulationError",
    "SourceError",
    "StageError",
    "StoreError",
    "UnavailableError",
]


class QuantError(Exception):
    """Base of every error that the library raises on purpose."""


class ConfigError(QuantError, ValueError):
    """A field of the configuration is unknown, out of range or contradicts another one."""


class DataError(QuantError, ValueError):
    """An input file or a returns matrix cannot be used as it is."""


class ContractError(DataError):
    """A contract at a pillar boundary does not hold, so nothing after it may run."""


class MissingPartitionError(QuantError, LookupError):
    """A partition was asked for that has never been materialized."""


class StoreError(QuantError, OSError):
    """The lakehouse could not be read or written."""


class ConflictError(StoreError):
    """Another writer changed an object between our look at it and our write."""


class SourceError(QuantError, OSError):
    """A service that was asked for data did not answer, or not in time."""


class LedgerError(QuantError, ValueError):
    """The audit trail is broken, or a record cannot be written to it."""


class InferenceError(QuantError, RuntimeError):
    """A model cannot be evaluated, or it gave no prediction."""


class SimulationError(QuantError, RuntimeError):
    """A simulator gave no path: its engine failed, died, or passed its limit of time or memory."""


class StageError(QuantError, RuntimeError):
    """A stage of a run lacks what it needs, made something else, or is not known."""


class ShapeError(QuantError, ValueError):
    """An array has another shape or type than what receives it takes."""


class ModelError(QuantError, ValueError):
    """A model may not be used, or none or several answer to a name."""


class ChecksumError(ModelError):
    """The bytes of a model are not those that its SHA-256 names; nothing has parsed them."""


class ModelFormatError(ModelError):
    """A file is no ONNX model: of another format, cut off, malformed or too large."""


class ForbiddenModelError(ModelError):
    """A model holds external data, a custom operator, control flow or randomness."""


class SignatureError(ModelError):
    """The input or the output of a model is not what its spec says."""


class UnavailableError(QuantError, ImportError):
    """An optional dependency is missing; the message names the extra that brings it."""
