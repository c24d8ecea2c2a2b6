"""Portfolios of sleeves: streams joined, solved across, flattened to what is physically held."""

from quant_core.meta._checks import bound_violations, date_violations, leaks, weekend_fills
from quant_core.meta._config import Bounds, MemberConfig, MetaConfig, parse_meta
from quant_core.meta._flatten import (
    LEAKAGE,
    Contributor,
    FlatHolding,
    Holder,
    MetaHolder,
    SleeveHolder,
    flatten,
    leakage,
)
from quant_core.meta._load import load_meta, load_metas, load_nested
from quant_core.meta._nesting import DEEPEST, nested, sleeves_of
from quant_core.meta._portfolio import MetaPortfolio, compute_metas
from quant_core.meta._recorder import MetaRecorder
from quant_core.meta._run import META_FILES, MetaResult, run_meta
from quant_core.meta._sleeve import Book, Cell, SleeveFolder, SleeveResults, books_of, navs_of
from quant_core.meta._solving import MetaSolve
from quant_core.meta._streams import Stream, common_days, levels_at, returns_of
from quant_core.meta._tables import MetaTables, read_holdings
from quant_core.meta._weights import CASH, cell_text

__all__ = [
    "CASH",
    "DEEPEST",
    "LEAKAGE",
    "META_FILES",
    "Book",
    "Bounds",
    "Cell",
    "Contributor",
    "FlatHolding",
    "Holder",
    "MemberConfig",
    "MetaConfig",
    "MetaHolder",
    "MetaPortfolio",
    "MetaRecorder",
    "MetaResult",
    "MetaSolve",
    "MetaTables",
    "SleeveFolder",
    "SleeveHolder",
    "SleeveResults",
    "Stream",
    "books_of",
    "bound_violations",
    "cell_text",
    "common_days",
    "compute_metas",
    "date_violations",
    "flatten",
    "leakage",
    "leaks",
    "levels_at",
    "load_meta",
    "load_metas",
    "load_nested",
    "navs_of",
    "nested",
    "parse_meta",
    "read_holdings",
    "returns_of",
    "run_meta",
    "sleeves_of",
    "weekend_fills",
]
