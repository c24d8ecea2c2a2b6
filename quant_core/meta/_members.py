"""The streams that members give, family by family."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from quant_core.meta._choice import candidates, label_in_family
from quant_core.meta._streams import Stream
from quant_core.meta._weights import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quant_core.config import Choice
    from quant_core.meta._config import MemberConfig
    from quant_core.meta._portfolio import MetaPortfolio
    from quant_core.meta._sleeve import SleeveResults

__all__ = ["MemberStreams"]

type Profiles = Iterable[Choice[Any]]


@dataclass(frozen=True, slots=True)
class MemberStreams:
    """What one member gives.

    Parameters
    ----------
    days : numpy.ndarray of datetime64[D], shape (T,)
        Its days; empty where none of its cells has a path.
    families : mapping of str to tuple of Stream
        The candidates of each profile, by its label in the meta-portfolio.
    lacks : mapping of str to str
        Why there is no candidate.
    """

    days: np.ndarray = field(repr=False)
    families: Mapping[str, tuple[Stream, ...]] = field(repr=False)
    lacks: Mapping[str, str]

    @classmethod
    def of_sleeve(cls, member: MemberConfig, profiles: Profiles, sleeve: SleeveResults) -> Self:
        """Read the paths of a sleeve that may stand for it.

        Raises
        ------
        ConfigError
            If the member names what the sleeve does not have.
        """
        wanted = {p.label: candidates(member, p.spec.name, sleeve.config) for p in profiles}
        every = dict.fromkeys(cell for cells in wanted.values() for cell in cells)
        days, navs = sleeve.navs(list(every)) if every else (np.zeros(0, "datetime64[D]"), {})
        lacks: dict[str, str] = {}
        families: dict[str, tuple[Stream, ...]] = {}
        for profile in profiles:
            cells = wanted[profile.label]
            families[profile.label] = tuple(
                Stream(member.name, cell, days, navs[cell]) for cell in cells if cell in navs
            )
            lacks[profile.label] = (
                f"{cell_text(cells[0])} has no path; its leaderboard says why"
                if cells
                else f"it has no profile {profile.spec.name}"
            )
        return cls(days, families, lacks)

    @classmethod
    def of_meta(cls, member: MemberConfig, profiles: Profiles, meta: MetaPortfolio) -> Self:
        """Take the paths of a meta-portfolio that stand for it."""
        config = meta.config.resolved()
        rebalance = member.rebalance or meta.config.rebalances[0].label
        paths = {(path.profile, path.rebalance): path for path in meta.paths}
        lacks: dict[str, str] = {}
        families: dict[str, tuple[Stream, ...]] = {}
        for profile in profiles:
            label = label_in_family(member, profile.spec.name, config["profiles"])
            path = paths.get((label or "", rebalance))
            families[profile.label] = (
                (Stream(member.name, (path.profile, rebalance), path.days, path.nav),)
                if path
                else ()
            )
            lacks[profile.label] = (
                f"{label}/{rebalance} has no path; its leaderboard says why"
                if label
                else f"it has no profile {profile.spec.name}"
            )
        days = meta.paths[0].days if meta.paths else np.zeros(0, "datetime64[D]")
        return cls(days, families, lacks)
