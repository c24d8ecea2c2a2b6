"""What a runner says of the rows that it was told to serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.live._protocols import Served

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from quant_core.live._loading import Serves
    from quant_core.live._quarantine import Standing
    from quant_core.live._strategy import StrategyRow

__all__ = ["served_row"]


def served_row(
    row: StrategyRow,
    serves: Serves | None,
    refused: Mapping[str, str],
    quarantined: Mapping[str, Standing],
    warm: Collection[str],
    unreached: Mapping[str, str],
) -> Served:
    """Return how a row is served; ``unreached`` says why the server of a model is not called."""
    name = row.name
    version = serves.row.version if serves is not None else ""
    sha256 = serves.row.model.sha256 if serves is not None and serves.row.model else ""
    if not row.enabled:
        return Served(name, "disabled", detail="its row is not enabled")
    if name in refused:
        stays = f"; version {version} is served as before" if serves is not None else ""
        detail = f"version {row.version}: {refused[name]}{stays}"
        return Served(name, "refused", version, sha256, detail)
    if name in quarantined:
        standing = quarantined[name]
        detail = f"{standing.failures} failures in a row, the last: {standing.reason}"
        return Served(name, "quarantined", version, sha256, detail)
    if name in unreached:
        return Served(name, "quarantined", version, sha256, unreached[name])
    if name not in warm:
        return Served(name, "warming", version, sha256, "no instrument has enough observations")
    return Served(name, "serving", version, sha256)
