"""What a source of prices or returns is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from quant_core.data._files import FileSource
from quant_core.data._layout import ColumnNames
from quant_core.data._place import expanded
from quant_core.data._sample import SampleSource

if TYPE_CHECKING:
    import numpy as np

    from quant_core.data._config import DataConfig
    from quant_core.data._live_config import LiveConfig
    from quant_core.data._observations import Kind, RawObservations

__all__ = ["Source", "open_source"]


class Source(Protocol):
    """Gives observations as it found them.

    Parameters
    ----------
    name : str
        Short name of the source.
    origin : str
        Where the observations come from, as a person would look it up.
    kind : {"prices", "returns"}
        What they are.
    """

    @property
    def name(self) -> str: ...
    @property
    def origin(self) -> str: ...
    @property
    def kind(self) -> Kind: ...

    def read(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> RawObservations:
        """Return the observations from ``start``, included, to ``end``, excluded."""
        ...


def open_source(config: DataConfig) -> Source:
    """Return the source that the ``data`` section names; nothing is read yet.

    Raises
    ------
    ConfigError
        If the place of a file names an environment variable that is not set.
    """
    if config.sample:
        return SampleSource(exclude=config.exclude)
    if config.source is not None:
        return _service(config.source)
    kind: Kind = "prices" if config.returns is None else "returns"
    place = config.prices if config.returns is None else config.returns
    assert place is not None
    return FileSource(
        expanded(place),
        kind,
        ColumnNames(date=config.date, symbol=config.symbol, value=config.value),
        config.exclude,
        volume=config.volume,
    )


def _service(config: LiveConfig) -> Source:
    if config.kind == "yfinance":
        from quant_core.data._yahoo import YahooSource  # noqa: PLC0415 - asked for alone

        return YahooSource(config)
    from quant_core.data._ccxt import CcxtSource  # noqa: PLC0415 - asked for alone

    return CcxtSource(config)
