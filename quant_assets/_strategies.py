"""The strategies of every sleeve, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quant_assets._sleeves import Sleeve, sleeves
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from quant_core.strategies import StrategyConfig

__all__ = ["SleeveStrategy", "strategies"]


@dataclass(frozen=True, slots=True)
class SleeveStrategy:
    """A strategy and the sleeve that it is trained and traded in.

    Parameters
    ----------
    sleeve : Sleeve
        The sleeve.
    config : StrategyConfig
        The strategy.
    """

    sleeve: Sleeve = field(repr=False)
    config: StrategyConfig

    @property
    def name(self) -> str:
        """Its name, the key of the partition dimension."""
        return self.config.name


def strategies() -> dict[str, SleeveStrategy]:
    """Return the strategies of every sleeve, by name.

    Raises
    ------
    ConfigError
        If two sleeves have a strategy of the same name: it names one model in the registry and
        one row in the strategy database.
    """
    found: dict[str, SleeveStrategy] = {}
    for sleeve in sleeves().values():
        for config in sleeve.config.strategies:
            if config.name in found:
                other = found[config.name].sleeve.name
                raise ConfigError(
                    f"strategies: {config.name!r} is the name of one in sleeve {other} and of one "
                    f"in sleeve {sleeve.name}; rename one of them"
                )
            found[config.name] = SleeveStrategy(sleeve, config)
    return found
