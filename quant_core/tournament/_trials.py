"""Configurations that were tried: the number of trials behind an honest Sharpe ratio."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from quant_core.canonical import digest_json

if TYPE_CHECKING:
    from quant_core.config import TournamentConfig

__all__ = ["configuration_ids"]


def configuration_ids(config: TournamentConfig) -> list[str]:
    """Return the identity of every configuration as a trial, sorted and unique.

    A trial is what a researcher could have picked: the rules and their parameters, not the data
    they ran on and not what she called them. Running the same rules again, on more data, under
    another name or with a simulator more, is no new trial: simulators agree on what rules earn.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    """
    market = [
        config.sleeve,
        config.windows.model_dump(mode="json", exclude={"test"}),
        config.costs.model_dump(mode="json"),
        config.risk_free,
        list(config.benchmark),
    ]
    if config.universe.given:
        market.append({"universe": config.universe.model_dump(mode="json")})
    if config.strategies:
        market.append([strategy.model_dump(mode="json") for strategy in config.strategies])
    axes = (config.selections, config.engines, config.profiles, config.rebalances)
    found = {
        digest_json([market, *(choice.spec.model_dump(mode="json") for choice in cell)])
        for cell in product(*axes)
    }
    return sorted(found)
