"""Which trainings are wanted, which are stored, and why the others are not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quant_core.canonical import digest_array, digest_json, digest_parts
from quant_core.cells import CellIdentity, code_version, why_stale
from quant_core.clock import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from quant_core.config import TournamentConfig
    from quant_core.data import ReturnsMatrix
    from quant_core.strategies._config import StrategyConfig
    from quant_core.strategies._features import FeatureMatrix
    from quant_core.strategies._records import ModelRecord

__all__ = ["Training", "TrainingPlan", "plan_trainings", "strategy_symbols", "trained_for"]

_EXTRAS = {"lightgbm": ("lightgbm", "boosting"), "xgboost": ("xgboost", "boosting")}
_SKLEARN = ("scikit-learn", "models")
_RUNTIME = ("onnxruntime", "models")
_LARGEST_SEED = 2**31 - 1


class _Slice(NamedTuple):
    rows: slice
    columns: np.ndarray
    features: np.ndarray


@dataclass(frozen=True, slots=True)
class Training:
    """One training that is wanted.

    Parameters
    ----------
    strategy : StrategyConfig
        The strategy.
    month : str
        The month that the model is for, ``YYYY-MM``; it may serve later ones too.
    lack : str
        Why there can be none; empty when it can be trained.
    identity : CellIdentity or None
        What decides the model.
    read : tuple of (slice, columns, features) or None
        What it reads: rows and columns of the matrix, and numbers of its features.
    dates : tuple of str
        First and last date of the rows.
    stored : ModelRecord or None
        The model, where it need not be trained.
    why : str
        Why it has to be; empty when stored.
    """

    strategy: StrategyConfig
    month: str
    lack: str = ""
    identity: CellIdentity | None = None
    read: _Slice | None = field(repr=False, default=None)
    dates: tuple[str, str] = ("", "")
    stored: ModelRecord | None = field(repr=False, default=None)
    why: str = ""

    @property
    def stale(self) -> bool:
        """Whether it has to be trained."""
        return bool(self.why)


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The trainings behind the models of some months.

    Parameters
    ----------
    trainings : tuple of Training
        In the order of the configuration, then time.
    served : tuple of (strategy, month, month trained for)
        Which training serves each month, in the same order.
    """

    trainings: tuple[Training, ...] = field(repr=False)
    served: tuple[tuple[str, str, str], ...] = field(repr=False)

    @property
    def stale(self) -> int:
        """Number of models that have to be trained."""
        return sum(one.stale for one in self.trainings)

    @property
    def cached(self) -> int:
        """Number of models that are stored."""
        return sum(one.stored is not None for one in self.trainings)

    @property
    def reasons(self) -> dict[str, int]:
        """How many models have to be trained for each reason, sorted by reason."""
        return dict(sorted(Counter(one.why for one in self.trainings if one.stale).items()))


def trained_for(strategy: StrategyConfig, month: str) -> str:
    """Return the month whose training serves a month: the last one on the strategy's calendar."""
    number = int(np.datetime64(month, "M").astype(np.int64))
    return str(np.datetime64(number - number % strategy.training.retrain_months, "M"))


def strategy_symbols(
    strategy: StrategyConfig, symbols: Sequence[str], benchmark: Sequence[str]
) -> list[str]:
    """Return the symbols of a matrix that a strategy trades, sorted."""
    if strategy.symbols:
        return [symbol for symbol in symbols if symbol in strategy.symbols]
    return [symbol for symbol in symbols if symbol not in benchmark]


def plan_trainings(
    matrix: ReturnsMatrix,
    features: FeatureMatrix,
    config: TournamentConfig,
    months: Sequence[str],
    stored: Iterable[ModelRecord],
    *,
    kept: Callable[[str], bool],
) -> TrainingPlan:
    """Say which models of which months have to be trained.

    Parameters
    ----------
    matrix : ReturnsMatrix
        Returns of the assets, as far back as the trainings reach.
    features : FeatureMatrix
        Features on the same dates and assets.
    config : TournamentConfig
        The configuration.
    months : sequence of str
        Months that want a model, sorted.
    stored : iterable of ModelRecord
        What is stored.
    kept : callable
        Whether the model of a checksum is in the store.
    """
    records = [one for one in stored if one.key]
    by_key = {one.key: one for one in records}
    lost = {one.key for one in records if one.ok and not kept(one.sha256)}
    origins = {
        (one.strategy, one.trained_for): (one.code_version, one.inputs_hash) for one in records
    }
    trainings: list[Training] = []
    served: list[tuple[str, str, str]] = []
    for strategy in config.strategies:
        serving = [(strategy.name, month, trained_for(strategy, month)) for month in months]
        served += serving
        for month in dict.fromkeys(by for _, _, by in serving):
            found = _wanted(matrix, features, config, strategy, month)
            trainings.append(_compared(found, by_key, lost, origins))
    return TrainingPlan(tuple(trainings), tuple(served))


def _compared(
    wanted: Training,
    by_key: dict[str, ModelRecord],
    lost: set[str],
    origins: dict[tuple[str, str], tuple[str, str]],
) -> Training:
    if wanted.identity is None:
        return wanted
    record, why = by_key.get(wanted.identity.key), ""
    if record is None:
        why = why_stale(wanted.identity, origins.get((wanted.strategy.name, wanted.month)))
    elif record.key in lost:
        record, why = None, "model missing"
    return Training(
        wanted.strategy,
        wanted.month,
        identity=wanted.identity,
        read=wanted.read,
        dates=wanted.dates,
        stored=record,
        why=why,
    )


def _wanted(
    matrix: ReturnsMatrix,
    features: FeatureMatrix,
    config: TournamentConfig,
    strategy: StrategyConfig,
    month: str,
) -> Training:
    releases, missing = _releases(strategy)
    if missing:
        return Training(strategy, month, f"unavailable: {missing}")
    end = int(np.searchsorted(matrix.dates, np.datetime64(month, "M").astype("datetime64[us]")))
    count = strategy.training.observations
    if end < count:
        found = f"found {end}" if end else "found none"
        lack = f"insufficient history: expected {count} dates before {month}, {found}"
        return Training(strategy, month, lack)
    read = _slice(matrix, features, config, strategy, slice(end - count, end))
    identity = CellIdentity(
        "model",
        _code(strategy),
        _parameters(strategy, month, releases),
        _seed(config, strategy, month),
        _inputs_hash(matrix, features, read),
    )
    days = matrix.dates[read.rows].astype("datetime64[D]")
    dates = str(days[0]), str(days[-1])
    return Training(strategy, month, identity=identity, read=read, dates=dates)


def _slice(
    matrix: ReturnsMatrix,
    features: FeatureMatrix,
    config: TournamentConfig,
    strategy: StrategyConfig,
    rows: slice,
) -> _Slice:
    numbers = features.columns(feature.name for feature in strategy.features)
    traded = matrix.columns(strategy_symbols(strategy, matrix.symbols, config.benchmark))
    values = features.values[rows][:, traded][:, :, numbers]
    # An asset without a complete row is left out: that it exists may only be known later.
    complete = np.isfinite(values).all(axis=2).any(axis=0)
    return _Slice(rows, traded[complete], numbers)


def _inputs_hash(matrix: ReturnsMatrix, features: FeatureMatrix, read: _Slice) -> str:
    symbols = [matrix.symbols[column] for column in read.columns]
    values = features.values[read.rows][:, read.columns][:, :, read.features]
    returns = matrix.values[read.rows][:, read.columns]
    return digest_parts([*symbols, digest_array(values), digest_array(returns)])


def _parameters(strategy: StrategyConfig, month: str, releases: dict[str, str]) -> str:
    # Not what becomes of the predictions: another threshold needs no other model.
    fields = {"name", "model", "horizon", "training"}
    plain = strategy.model_dump(mode="json", include=fields)
    del plain["training"]["retrain_months"]
    return digest_json([plain, strategy.feature_set.hash, month, releases])


def _seed(config: TournamentConfig, strategy: StrategyConfig, month: str) -> int:
    return int(generator(config.seed, "strategy", strategy.name, month).integers(_LARGEST_SEED))


def _code(strategy: StrategyConfig) -> str:
    own = ("quant_core.strategies._panel", "quant_core.strategies._scores")
    return code_version(
        type(strategy.model).__module__, *own, alone=("quant_core.strategies._training",)
    )


def _releases(strategy: StrategyConfig) -> tuple[dict[str, str], str]:
    """Return the releases of the libraries that train, and which one is missing."""
    found = {}
    for package, extra in (_EXTRAS.get(strategy.model.kind, _SKLEARN), _RUNTIME):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            return {}, f"{package} is not installed; pip install 'quant-assets[{extra}]'"
    del found[_RUNTIME[0]]
    return found, ""
