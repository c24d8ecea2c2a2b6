"""Looking after a lakehouse: is everything there, can it be fewer files, what may go."""

from quant_core.lakehouse._clean import Leftover, clean
from quant_core.lakehouse._compact import Compaction, compact
from quant_core.lakehouse._folders import Folder, folders
from quant_core.lakehouse._verify import Finding, verify

__all__ = [
    "Compaction",
    "Finding",
    "Folder",
    "Leftover",
    "clean",
    "compact",
    "folders",
    "verify",
]
