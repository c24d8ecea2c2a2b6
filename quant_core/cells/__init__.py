"""Units of work: their identity, the version of their code, and where their results are kept."""

from quant_core.cells._code_version import code_closure, code_version
from quant_core.cells._identity import CellIdentity, Kind, why_stale
from quant_core.cells._store import (
    UNFINISHED,
    FolderStore,
    PartitionStore,
    Receipt,
    parquet_bytes,
    parquet_options,
    read_parquet,
    readable,
    whole_file,
)

__all__ = [
    "UNFINISHED",
    "CellIdentity",
    "FolderStore",
    "Kind",
    "PartitionStore",
    "Receipt",
    "code_closure",
    "code_version",
    "parquet_bytes",
    "parquet_options",
    "read_parquet",
    "readable",
    "whole_file",
    "why_stale",
]
