"""Prices and returns: where they come from, and the matrix they become."""

from quant_core.data._bars import read_bars
from quant_core.data._config import SOURCES, DataConfig
from quant_core.data._files import FileSource
from quant_core.data._frame import FrameSource
from quant_core.data._ingest import (
    Ingested,
    ingest,
    ingest_month,
    ingest_observations,
    ingest_since,
    matrix_version,
)
from quant_core.data._layout import ColumnNames
from quant_core.data._live_config import CcxtConfig, LiveConfig, YahooConfig
from quant_core.data._matrix import DATE_TYPE, ReturnsMatrix
from quant_core.data._observations import Kind, RawObservations
from quant_core.data._returns import MAX_GAP_DAYS, returns_from_prices
from quant_core.data._sample import SAMPLE_BENCHMARK, SampleSource
from quant_core.data._source import Source, open_source
from quant_core.data._volume import DollarVolume

__all__ = [
    "DATE_TYPE",
    "MAX_GAP_DAYS",
    "SAMPLE_BENCHMARK",
    "SOURCES",
    "CcxtConfig",
    "ColumnNames",
    "DataConfig",
    "DollarVolume",
    "FileSource",
    "FrameSource",
    "Ingested",
    "Kind",
    "LiveConfig",
    "RawObservations",
    "ReturnsMatrix",
    "SampleSource",
    "Source",
    "YahooConfig",
    "ingest",
    "ingest_month",
    "ingest_observations",
    "ingest_since",
    "matrix_version",
    "open_source",
    "read_bars",
    "returns_from_prices",
]
