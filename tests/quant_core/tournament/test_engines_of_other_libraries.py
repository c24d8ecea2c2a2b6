"""Engines of other libraries in a tournament: their own weights, or an explicit absence."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow.parquet as pq
import pytest

from quant_core.engines import ENGINES
from quant_core.engines._cvxpy import CvxpyEngine
from quant_core.engines._external import Answer
from quant_core.tournament import _simulating, _solving

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.profiles import Problem, Profile
    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

SHAPE: dict[str, Any] = {
    "engines": ["native", "cvxpy"],
    "selections": ["all"],
    "profiles": ["equal_weight", "hrp", "min_variance"],
    "rebalances": ["window"],
}
EXTRA = "gone is not installed; install quant-assets[engines]"


class Careless(CvxpyEngine):
    """Returns equal weights, whatever is asked."""

    packages: ClassVar[Mapping[str, str]] = MappingProxyType({"numpy": "numpy"})

    def answer(self, profile: Profile, problem: Problem) -> Answer:
        del profile
        return Answer(np.full(len(problem.mean), 1 / len(problem.mean)), "careless")

    def code_modules(self, profile: Profile) -> tuple[str, ...]:
        return ("quant_core.engines._cvxpy",) if profile.name in self.profiles else ()


class Gone(Careless):
    packages: ClassVar[Mapping[str, str]] = MappingProxyType({"gone": "no_such_module"})


class Newer(Careless):
    packages: ClassVar[Mapping[str, str]] = MappingProxyType({"pandas": "pandas"})


def use(engine: type[CvxpyEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    known = MappingProxyType({**ENGINES, "cvxpy": engine})
    monkeypatch.setattr(_solving, "ENGINES", known)
    monkeypatch.setattr(_simulating, "ENGINES", known)


def cells(result: Result) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["engine"], row["profile"]): row for row in result.leaderboard.to_pylist()}


def cube(result: Result) -> Any:
    return pq.read_table(result.out / "weights_cube.parquet").to_pandas()


def test_approximate_weights_are_stored_and_simulated(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Careless, monkeypatch)
    result = market.run("careless", **SHAPE)
    rows = cube(result)
    line = rows[(rows["engine"] == "cvxpy") & (rows["profile"] == "min_variance")]
    assert set(line["status"]) == {"approximate"}
    assert (line["kkt_residual"] > 1e-9).all()
    assert line.groupby("window")["weight"].sum().tolist() == pytest.approx([1.0] * 6)
    found = cells(result)
    assert found["cvxpy", "min_variance"]["status"] == "ok"
    assert found["cvxpy", "min_variance"]["windows_in_cash"] == 0
    careless, alike = found["cvxpy", "min_variance"], found["native", "equal_weight"]
    assert careless["sharpe"] == pytest.approx(alike["sharpe"], rel=1e-9)
    assert careless["sharpe"] != pytest.approx(found["native", "min_variance"]["sharpe"], rel=1e-3)


def test_what_an_engine_does_not_know_has_no_figures(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Careless, monkeypatch)
    result = market.run("careless", **SHAPE)
    cell = cells(result)["cvxpy", "hrp"]
    assert (cell["status"], cell["sharpe"], cell["key"]) == ("unsupported", None, None)
    messages = cube(result).query("engine == 'cvxpy' and profile == 'hrp'")["message"]
    assert set(messages) == {"cvxpy does not know the profile 'hrp'"}


def test_without_its_extra_cells_are_unavailable_and_the_others_run(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Gone, monkeypatch)
    result = market.run("gone", **SHAPE)
    for (engine, _), cell in cells(result).items():
        assert cell["status"] == ("ok" if engine == "native" else "unavailable")
        assert (cell["sharpe"] is None) is (engine == "cvxpy")
        assert (cell["reason"] == EXTRA) is (engine == "cvxpy")
    rows = cube(result).query("engine == 'cvxpy'")
    assert set(rows["message"]) == {EXTRA}
    assert rows["weight"].isna().all()


def test_another_release_is_another_cell(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installing, upgrading or removing a library recomputes its own cells and no others."""
    from quant_core.tournament import run  # noqa: PLC0415 - beside the folder that it resumes

    use(Careless, monkeypatch)
    first = market.run("released", **SHAPE)
    assert first.counts["solve"] == (0, 36)
    config = market.config("released", **SHAPE)
    assert run(config, out=first.out).counts["solve"] == (36, 0)
    for engine in (Newer, Gone, Careless):
        use(engine, monkeypatch)
        assert run(config, out=first.out).counts["solve"] == (18, 18)
