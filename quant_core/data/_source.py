"""What a source of prices or returns is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from quant_core.data._files import FileSource
from quant_core.data._layout import ColumnNames
from quant_core.data._sample import SampleSource

if TYPE_CHECKING:
    import numpy as np

    from quant_core.data._config import DataConfig
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
    """Return the source that the ``data`` section names; nothing is read yet."""
    if config.sample:
        return SampleSource(exclude=config.exclude)
    columns = ColumnNames(date=config.date, symbol=config.symbol, value=config.value)
    if config.prices is not None:
        return FileSource(config.prices, "prices", columns, config.exclude)
    assert config.returns is not None
    return FileSource(config.returns, "returns", columns, config.exclude)
