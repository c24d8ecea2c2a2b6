"""What the assets have in common: retries, versions, spans."""

from __future__ import annotations

from typing import Any

import dagster as dg

from quant_assets._sleeves import sleeves
from quant_core.canonical import digest_json, digest_parts
from quant_core.cells import code_version

__all__ = ["RETRIES", "SINGLE_RUN", "spans", "version_of"]

RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
"""For a source or a disk that fails for a moment; a wrong input fails again at once."""

SINGLE_RUN = dg.BackfillPolicy.single_run()


def version_of(*modules: str, sections: tuple[str, ...] = ()) -> str:
    """Return the code version of an asset: of what computes it, and what it is configured with.

    Parameters
    ----------
    *modules : str
        Modules of the library that compute it.
    sections : tuple of str
        Fields of the sleeves' configurations that it reads.
    """
    plain = {name: sleeve.config.resolved() for name, sleeve in sleeves().items()}
    read = {name: {field: fields[field] for field in sections} for name, fields in plain.items()}
    return digest_parts([code_version(*modules), digest_json(read)])


def spans(reach: str = "") -> dict[str, Any]:
    """Return input metadata that says which months of each sleeve an input reads.

    Parameters
    ----------
    reach : str
        Property of `Sleeve` with the first and last month that a month reads, counted from its
        own, where the sleeves differ: a partition mapping is one for all of them.
    """
    found = sleeves().values()
    own: dict[str, Any] = {"spans": {s.name: [s.first, s.last or "9999-12"] for s in found}}
    if reach:
        own["reach"] = {s.name: list(getattr(s, reach)) for s in found}
    return own
