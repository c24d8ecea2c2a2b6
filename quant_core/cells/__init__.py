"""Units of work: their identity, the version of their code, and where their results are kept."""

from quant_core.cells._code_version import code_closure, code_version
from quant_core.cells._identity import CellIdentity, Kind, why_stale
from quant_core.cells._manifest import MANIFEST, Entry, Manifest, change_manifest, read_manifest
from quant_core.cells._packed import PACK_SUFFIX, pack
from quant_core.cells._store import (
    SUFFIX,
    FolderStore,
    PartitionStore,
    Receipt,
    parquet_bytes,
    parquet_options,
    read_parquet,
    readable,
)
from quant_core.objects import UNFINISHED, whole_file

__all__ = [
    "MANIFEST",
    "PACK_SUFFIX",
    "SUFFIX",
    "UNFINISHED",
    "CellIdentity",
    "Entry",
    "FolderStore",
    "Kind",
    "Manifest",
    "PartitionStore",
    "Receipt",
    "change_manifest",
    "code_closure",
    "code_version",
    "pack",
    "parquet_bytes",
    "parquet_options",
    "read_manifest",
    "read_parquet",
    "readable",
    "whole_file",
    "why_stale",
]
