"""The manifest of a run: what it was made from, and what it made."""

from quant_core.manifest._file import (
    MANIFEST,
    Finding,
    made_manifest,
    read_manifest,
    verify_manifest,
    write_manifest,
)
from quant_core.manifest._model import (
    Code,
    DataSection,
    Environment,
    GraphManifest,
    LedgerHead,
    Lock,
    Manifest,
    MetaManifest,
    SleeveSection,
    StageSection,
    TournamentManifest,
    manifest_schema,
)
from quant_core.manifest._provenance import (
    code_of_run,
    environment_of_run,
    lock_of_run,
    package_versions,
)

__all__ = [
    "MANIFEST",
    "Code",
    "DataSection",
    "Environment",
    "Finding",
    "GraphManifest",
    "LedgerHead",
    "Lock",
    "Manifest",
    "MetaManifest",
    "SleeveSection",
    "StageSection",
    "TournamentManifest",
    "code_of_run",
    "environment_of_run",
    "lock_of_run",
    "made_manifest",
    "manifest_schema",
    "package_versions",
    "read_manifest",
    "verify_manifest",
    "write_manifest",
]
