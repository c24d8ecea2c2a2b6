"""The sleeves: one tournament configuration each, in one folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quant_core.config import load_config
from quant_core.context import current_settings
from quant_core.errors import ConfigError
from quant_core.strategies import distinct_features, feature_months

if TYPE_CHECKING:
    from quant_core.config import TournamentConfig
    from quant_core.data import DataConfig

__all__ = ["Sleeve", "sleeves"]

_PACKAGED = Path(__file__).with_name("sleeves")
_MONTHS_PER_YEAR = 12
_SPARE_MONTHS = 11


@dataclass(frozen=True, slots=True)
class Sleeve:
    """A universe with its own calendar, source, costs and windows.

    Parameters
    ----------
    config : TournamentConfig
        Its tournament.
    data : DataConfig
        Where its data come from; ``start`` is given.
    first : str
        First month, ``YYYY-MM``.
    last : str or None
        Last month; None while the data go on.
    """

    config: TournamentConfig = field(repr=False)
    data: DataConfig = field(repr=False)
    first: str
    last: str | None

    @property
    def name(self) -> str:
        """Its name, the key of the partition dimension."""
        return self.config.sleeve

    @property
    def look_back(self) -> int:
        """Months before a window that surely hold its train period."""
        return self._months_of(self.config.windows.train) + int(self.starts_from_held)

    @property
    def train_reach(self) -> tuple[int, int]:
        """First and last month, counted from its own, that the windows of a month train on.

        A weekly window trains on days of its own month too; a monthly one may not see them.
        """
        return -self.look_back, 0 if self.config.windows.step == "week" else -1

    @property
    def feature_reach(self) -> tuple[int, int]:
        """First and last month, counted from its own, that the features of a month read."""
        return -self.feature_look_back, 0

    @property
    def training_reach(self) -> tuple[int, int]:
        """First and last month, counted from its own, that the models of a month read."""
        return -self.training_look_back, -1

    @property
    def starts_from_held(self) -> bool:
        """Whether a window reads the one before: some profile has a turnover limit."""
        return any(getattr(c.spec, "turnover", None) is not None for c in self.config.profiles)

    @property
    def feature_look_back(self) -> int:
        """Months before its own that a month of features reads, one for its first return."""
        per_year = self.config.periods_per_year
        features = distinct_features(self.config.strategies)
        return 1 + max((feature_months(one.lookback, per_year) for one in features), default=0)

    @property
    def training_look_back(self) -> int:
        """Months before its own that surely hold what its models were trained on."""
        needed = (
            self._months_of(one.training.observations) + one.training.retrain_months - 1
            for one in self.config.strategies
        )
        return max(needed, default=1)

    def _months_of(self, observations: int) -> int:
        per_month = self.config.periods_per_year / _MONTHS_PER_YEAR
        return int(np.ceil(observations / per_month)) + _SPARE_MONTHS

    def holds(self, month: str) -> bool:
        """Return whether a month is one of the sleeve's."""
        return self.first <= month and (self.last is None or month <= self.last)

    @classmethod
    def load(cls, path: Path) -> Sleeve:
        """Read a sleeve from its file."""
        config = load_config(str(path))
        if config.data is None or config.data.start is None:
            raise ConfigError(
                f"{path}: data.start: expected the first day of the sleeve, because its months "
                "are partitions; for example 'data: {sample: true, start: 1990-01-01}'"
            )
        end = config.data.end
        first = f"{config.data.start:%Y-%m}"
        return cls(config, config.data, first, None if end is None else f"{end:%Y-%m}")


def sleeves() -> dict[str, Sleeve]:
    """Return the sleeves of the folder ``TV_SLEEVES``, or the packaged one, by name.

    Raises
    ------
    ConfigError
        If the folder has no configuration, one of them is wrong, or two share a name.
    """
    folder = current_settings().sleeves or _PACKAGED
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ConfigError(
            f"TV_SLEEVES: expected a folder with a .yaml configuration a sleeve, found none in "
            f"{folder}"
        )
    found: dict[str, Sleeve] = {}
    for path in files:
        sleeve = Sleeve.load(path)
        if sleeve.name in found:
            raise ConfigError(f"{path}: sleeve: {sleeve.name!r} is the name of another file too")
        found[sleeve.name] = sleeve
    return found
