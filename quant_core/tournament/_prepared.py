"""A configuration and its data, accepted before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quant_core.calendars import open_calendar
from quant_core.canonical import digest_json, digest_parts
from quant_core.config import check_caps, check_constraints
from quant_core.context import DataIdentity, RunData
from quant_core.data import ingest, open_source
from quant_core.errors import ConfigError
from quant_core.tournament._discovery import discover
from quant_core.tournament._inputs import Inputs
from quant_core.tournament._pipeline import check_investable
from quant_core.tournament._strategies import most_columns

if TYPE_CHECKING:
    from datetime import datetime

    from quant_core.config import TournamentConfig
    from quant_core.data import DataConfig, Ingested
    from quant_core.tournament._universe import Members
    from quant_core.windows import Window

__all__ = ["Prepared"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration and the data that it was accepted with.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    ingested : Ingested
        The validated returns and their books.
    inputs : Inputs
        The returns of the assets seen through the configuration.
    windows : tuple of Window
        Windows with train and test rows, in time order.
    data : DataConfig
        Where the data came from.
    """

    config: TournamentConfig
    ingested: Ingested = field(repr=False)
    inputs: Inputs = field(repr=False)
    windows: tuple[Window, ...] = field(repr=False)
    data: DataConfig = field(repr=False)

    @classmethod
    def of(cls, config: TournamentConfig, data: DataConfig | None = None) -> Prepared:
        """Read the data and check the configuration against them; nothing is written."""
        chosen = data or config.data
        if chosen is None:
            raise ConfigError(
                "data: expected a source, found none; give data.prices, data.returns or "
                "data.sample in the configuration, or --prices or --returns"
            )
        ingested = ingest(
            open_source(chosen),
            chosen,
            prices=bool(config.strategies),
            calendar=open_calendar(config.calendar),
        )
        inputs = Inputs.of(ingested.matrix, config)
        check_investable(inputs)
        windows = inputs.windows()
        check_caps(config, most_columns(config, ingested.matrix.symbols))
        check_constraints(config, ingested.matrix.symbols)
        return cls(config, ingested, inputs, tuple(windows), chosen)

    def universe(self, inputs: Inputs) -> dict[str, Members] | None:
        """Say who may be chosen in each window; None where there are no rules of membership.

        Parameters
        ----------
        inputs : Inputs
            The returns, with the streams of strategies where there are any.
        """
        return discover(inputs, self.config, self.windows, self.ingested.traded)

    @property
    def version(self) -> str:
        """Digest of configuration and data."""
        return digest_parts([digest_json(self.config.resolved()), self.ingested.version])

    def run_data(self, run_id: str, started: datetime) -> RunData:
        """Return what a run on this knows of itself.

        Parameters
        ----------
        run_id : str
            Identity of the run.
        started : datetime
            When it began.
        """
        config, ingested = self.config.resolved(), self.ingested
        days = [str(day) for day in ingested.matrix.dates[[0, -1]].astype("datetime64[D]")]
        return RunData(
            run_id=run_id,
            sleeve=self.config.sleeve,
            config_hash=digest_json(config),
            config=config,
            data=DataIdentity(
                origin=ingested.origin,
                version=ingested.version,
                symbols=len(ingested.matrix.symbols),
                dates=len(ingested.matrix.dates),
                first=days[0],
                last=days[1],
                kept=ingested.report.kept,
                dropped=ingested.report.dropped_total,
            ),
            windows=tuple(window.key for window in self.windows),
            seed=self.config.seed,
            started=started,
        )
