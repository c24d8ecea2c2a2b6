"""A small sleeve with a strategy, from prices to the strategy database, over real stores."""

from __future__ import annotations

import importlib
import shutil
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from quant_core.champion import Election, GateResult, Verdict, election_table
from quant_core.data import DataConfig, ReturnsMatrix, ingest, open_source
from quant_core.features import Feature, FeatureSet
from quant_core.models import Linear, sha256_of
from quant_core.strategies import ModelRecord, features_of, models_table
from resources.mlflow_registry import ModelRegistry
from resources.strategy_database import StrategyDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quant_core.live import StrategyRow
    from quant_core.models import ModelSpec

FEATURES = (Feature(kind="momentum", window=5), Feature(kind="volatility", window=10))
SLEEVE = """\
sleeve: small
data: {sample: true, start: 2000-01-01, end: 2001-12-31}
windows: {train: 40, step: month}
selections: [all]
profiles: [equal_weight, min_variance]
rebalances: [window]
strategies:
- name: momo
  features: [{kind: momentum, window: 5}, {kind: volatility, window: 10}]
  model: {kind: linear}
  horizon: 2
  training: {observations: 120, validation: 40, embargo: 1, retrain_months: 3}
  symbols: [AAPL, JPM, PG, XOM]
champion:
  gates: {friction_decay: 99, fragility: 999, jaccard: 0, turnover: 9, cvar: 9, drawdown: 9, dsr: 0}
  models: {rank_ic: -1, margin: 2}
seed: 7
"""


@dataclass(frozen=True)
class Platform:
    """The definitions of the small sleeve over folders of their own."""

    package: Any
    root: Path
    instance: Any

    def run(self, job: str, key: str | None = None, *, ok: bool = True, **tags: str) -> Any:
        definitions = self.package.definitions.definitions()
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=key,
            tags=tags,
            resources=self.resources,
            raise_on_error=ok,
        )
        assert result.success == ok
        return result

    @property
    def resources(self) -> dict[str, Any]:
        made, lake = self.package.given, str(self.root / "lakehouse")
        io_manager = importlib.import_module("resources.ray_io_manager").RayIOManager
        return {
            "io_manager": io_manager(lakehouse=lake),
            "lakehouse": made.LakehouseRoot(url=lake),
            "backend": made.ComputeBackend(backend="serial"),
            "trail": made.AuditTrail(folder=str(self.root / "audit")),
            "registry": made.Registry(
                uri=f"sqlite:///{self.root / 'mlflow.db'}", artifacts=str(self.root / "mlflow")
            ),
            "strategy_database": made.Strategies(url=self.database_url, patience=0),
        }

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.root / 'strategies.db'}"

    @property
    def registry(self) -> ModelRegistry:
        return ModelRegistry(f"sqlite:///{self.root / 'mlflow.db'}", str(self.root / "mlflow"))

    @property
    def database(self) -> StrategyDatabase:
        return StrategyDatabase(self.database_url)

    def store(self, *parts: str) -> Any:
        return self.resources["lakehouse"].store(*parts)

    def train(self, month: str, **changes: Any) -> ModelSpec:
        """Store a model that was trained for a month, as the asset strategy_models does."""
        rng = np.random.default_rng(int(month[-2:]))
        rows = rng.normal(size=(60, len(FEATURES)))
        fitted = Linear().fit(rows, rows @ [0.1, -0.2] + rng.normal(size=60), seed=0)
        models = self.resources["lakehouse"].models()
        features = FeatureSet(features=FEATURES)
        data = fitted.to_onnx()
        spec = models.put(
            data,
            framework=fitted.framework,
            version=f"{month}-{sha256_of(data)[:8]}",
            signature=fitted.signature,
            feature_hash=features.hash,
        )
        report = {"rows": 60, "beyond": 0.0}
        known: dict[str, Any] = {
            "strategy": "momo", "month": month, "trained_for": month, "status": "ok",
            "sha256": spec.sha256, "version": spec.version, "framework": spec.framework,
            "feature_hash": spec.feature_hash, "inputs": len(FEATURES), "held_out": 60,
            "train_first": "2000-09-01", "train_last": "2001-02-28", "rank_ic": 0.05,
            "parity": report, "serving": report, "inputs_hash": "11", "seed": 3,
            "batch_invariance": {"rows": 60, "identical": True},
        }  # fmt: skip
        records = [ModelRecord(**{**known, **changes})]
        self.store("strategy_models", "small").write(month, models_table("small", records))
        return spec

    def elect(self, *passing: str, weight: float = 0.25) -> None:
        """Store an election, and a cube whose latest window holds the strategy so much."""
        cell = ("all", "native", "equal_weight", "window", "custom")
        result = GateResult("dsr", 0.9, 0.0, passed=passing != ("nobody",), reason="")
        verdict = Verdict(cell, (result,))
        champion = cell if verdict.passed else None
        election = Election(champion, "" if champion else "no champion: none", (verdict,), 1)
        self.store("champion").write("small", election_table(election))
        rows = [
            {"window": window, "selection": "all", "engine": "native", "profile": profile,
             "atom": atom, "weight": held}
            for window, profile, atom, held in (
                ("2001-05-01", "equal_weight", "AAPL_momo_long", 0.9),
                ("2001-06-01", "equal_weight", "AAPL_momo_long", weight),
                ("2001-06-01", "equal_weight", "XOM_momo_short", weight / 2),
                ("2001-06-01", "equal_weight", "PG_hold_long", 0.4),
                ("2001-06-01", "min_variance", "AAPL_momo_long", 0.99),
            )
        ]  # fmt: skip
        for month in ("2001-05", "2001-06"):
            own = [row for row in rows if row["window"].startswith(month)]
            self.store("weights_cube", "small").write(month, pa.Table.from_pylist(own))

    def row(self) -> StrategyRow:
        (row,) = self.database.rows()
        return row

    def tick(self, cursor: str | None) -> Any:
        """Evaluate the sensor as the daemon does, and return what it asks for."""
        jobs = self.package.jobs
        names = ("lakehouse", "registry", "strategy_database")
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=cursor,
            resources={name: self.resources[name] for name in names},
            definitions=self.package.definitions.definitions(),
        ) as context:
            return jobs.champion_moved(context)


@dataclass(frozen=True)
class _Package:
    definitions: Any
    jobs: Any
    given: Any


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Package]:
    """Import the definitions again, on the small sleeve: partitions are made on import."""
    folder = tmp_path_factory.mktemp("sleeves")
    (folder / "small.yaml").write_text(SLEEVE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TV_SLEEVES", str(folder))
        for name in _loaded():
            patch.delitem(sys.modules, name)
        yield _Package(
            importlib.import_module("quant_assets.definitions"),
            importlib.import_module("quant_assets.defs.deployment.jobs"),
            importlib.import_module("quant_assets._resources"),
        )
        for name in _loaded():
            del sys.modules[name]


def _loaded() -> list[str]:
    return [name for name in sys.modules if name.split(".")[0] == "quant_assets"]


@pytest.fixture(scope="module")
def made(package: _Package, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Returns, features and two models of the sleeve, and an MLflow without anything in it."""
    platform = Platform(package, tmp_path_factory.mktemp("platform"), None)
    assert platform.registry.aliases() == {}
    matrix = _matrix()
    found = features_of(matrix, None, FEATURES, periods_per_year=252)
    months = matrix.dates.astype("datetime64[M]")
    for month in np.unique(months):
        rows = np.flatnonzero(months == month)
        own = slice(int(rows[0]), int(rows[-1]) + 1)
        part = ReturnsMatrix(matrix.dates[own], matrix.symbols, matrix.values[own])
        platform.store("returns_matrix", "small").write(str(month), part.to_table())
        platform.store("feature_matrix", "small").write(str(month), found.to_table(own))
    return platform


def _matrix() -> ReturnsMatrix:
    data = DataConfig(sample=True, start="2000-01-01", end="2001-06-30")
    return ingest(open_source(data), data).matrix


@pytest.fixture
def platform(made: Platform, tmp_path: Path) -> Iterator[Platform]:
    """A copy of the sleeve, and an instance of its own."""
    shutil.copytree(made.root, tmp_path / "platform")
    with dg.DagsterInstance.ephemeral() as instance:
        yield replace(made, root=tmp_path / "platform", instance=instance)


@pytest.fixture(scope="module")
def ranked(made: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The sleeve from prices to leaderboard, its models trained by the asset graph."""
    root = tmp_path_factory.mktemp("ranked")
    shutil.copy(made.root / "mlflow.db", root)
    with dg.DagsterInstance.ephemeral() as instance:
        platform = replace(made, root=root, instance=instance)
        edges = dict(zip(("start", "end"), ("2000-01|small", "2001-12|small"), strict=True))
        ends = {f"dagster/asset_partition_range_{end}": key for end, key in edges.items()}
        platform.run("research", **ends)
        platform.run("simulation", "custom|small")
        platform.run("ranking", "small")
    return platform


@pytest.fixture
def board(ranked: Platform, tmp_path: Path) -> Iterator[Platform]:
    """A copy of the ranked sleeve, and an instance of its own."""
    shutil.copytree(ranked.root, tmp_path / "ranked")
    with dg.DagsterInstance.ephemeral() as instance:
        yield replace(ranked, root=tmp_path / "ranked", instance=instance)


@pytest.fixture(scope="module")
def elected(
    ranked: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Platform, Any]]:
    """A copy of the ranked sleeve with an election, and the run that held it."""
    root = tmp_path_factory.mktemp("elected") / "ranked"
    shutil.copytree(ranked.root, root)
    with dg.DagsterInstance.ephemeral() as instance:
        platform = replace(ranked, root=root, instance=instance)
        yield platform, platform.run("election", "small")


@pytest.fixture
def deployed(platform: Platform) -> Platform:
    """A sleeve whose first model has been promoted, elected to be traded, and told to runners."""
    platform.train("2001-03")
    platform.elect()
    platform.run("promotion", "momo")
    platform.run("redeploy", "momo")
    return platform
