from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from quant_core.config import parse_config
from quant_core.tournament import (
    CubeIndex,
    Evidence,
    Prepared,
    by_month,
    collect_atoms,
    read_paths,
    run,
)
from quant_core.tournament._folder import SingleFileStore

if TYPE_CHECKING:
    from pathlib import Path

CONFIG: dict[str, Any] = {
    "data": {"sample": True, "start": "2000-01-01", "end": "2004-12-31"},
    "selections": [{"name": "top_momentum", "count": 8}],
    "profiles": ["equal_weight", "min_variance", "market"],
    "rebalances": ["window", "daily"],
}
CELL = ("top_momentum", "native", "equal_weight", "daily", "custom")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tournament")
    run(parse_config(CONFIG), out=out)
    return out


def evidence(folder: Path, **changes: Any) -> Evidence:
    config = parse_config({**CONFIG, **changes})
    prepared = Prepared.of(config)
    cube = SingleFileStore(folder / "weights_cube.parquet")
    months = by_month(prepared.windows)
    return Evidence(
        config,
        prepared.inputs,
        prepared.windows,
        collect_atoms(
            SingleFileStore(folder / "selected_atoms.parquet"),
            months,
            prepared.inputs.matrix.symbols,
        ),
        CubeIndex.read(cube, months),
        cube,
        pq.read_table(folder / "leaderboard.parquet"),
        read_paths(pq.read_table(folder / "nav.parquet"))[1],
    )


def sharpe(returns: np.ndarray) -> float:
    return float(returns.mean() / returns.std(ddof=1) * np.sqrt(252))


def test_the_figures_of_a_cell_against_plain_numpy_and_pandas(folder: Path) -> None:
    pytest.importorskip("vectorbt", reason="vectorbt is not installed (extra simulators)")
    figures = evidence(folder).figures(CELL)
    nav = pq.read_table(folder / "nav.parquet").to_pandas().astype({"profile": str})
    own = nav[(nav["profile"] == "equal_weight") & (nav["rebalance"] == "daily")]
    returns = own["period_return"].to_numpy()

    yearly = (
        own.iloc[1:]
        .groupby(own["date"].dt.year)["period_return"]
        .apply(lambda year: sharpe(year.to_numpy()))
    )
    assert figures["fragility"].value == pytest.approx(
        yearly.std(ddof=1) / abs(yearly.mean()), rel=1e-9
    )

    matrix = Prepared.of(parse_config(CONFIG)).inputs.matrix
    index = matrix.values[-len(returns) :, matrix.symbols.index("SP500")].copy()
    index[0] = 0.0  # bought at the close of the first day
    worst = int(0.05 * (len(index) - 1)) + 1
    cvar = np.sort(returns)[:worst].mean() / np.sort(index)[:worst].mean()
    assert figures["cvar"].value == pytest.approx(cvar, rel=1e-9)
    falls = [
        (path / np.maximum.accumulate(np.maximum(path, 1.0)) - 1).min()
        for path in (np.cumprod(1 + returns), np.cumprod(1 + index))
    ]
    assert figures["drawdown"].value == pytest.approx(falls[0] / falls[1], rel=1e-9)

    chosen: dict[str, set[str]] = {}
    for row in pq.read_table(folder / "selected_atoms.parquet").to_pylist():
        of_window = chosen.setdefault(row["window"], set())
        if row["selected"]:
            of_window.add(row["symbol"])
    jaccard = np.mean([len(a & b) / len(a | b) for a, b in pairwise(chosen.values())])
    assert figures["jaccard"].value == pytest.approx(jaccard, rel=1e-12)

    assert figures["turnover"].value == pytest.approx(own["turnover"].sum() / len(chosen))
    assert figures["cagr_gap"].value == pytest.approx(0.0, abs=1e-12)


def test_friction_is_what_the_same_weights_earn_without_costs(folder: Path, tmp_path: Path) -> None:
    free = {"slippage_bps": 0, "commission_bps": 0}
    run(parse_config({**CONFIG, "costs": free}), out=tmp_path)
    found = {}
    for name, where in (("real", folder), ("ideal", tmp_path)):
        for row in pq.read_table(where / "leaderboard.parquet").to_pylist():
            if (row["profile"], row["rebalance"]) == ("equal_weight", "daily"):
                found[name] = row["sharpe"]
    value = evidence(folder).figures(CELL)["friction_decay"].value
    assert value == pytest.approx(1 - found["real"] / found["ideal"], rel=1e-9)
    assert value > 0


def test_an_election_says_what_each_candidate_fails(folder: Path) -> None:
    election = evidence(folder, champion={"gates": {"dsr": 1.0, "turnover": 0.0}}).elect()
    assert election.champion is None
    assert len(election.verdicts) == 6
    assert [verdict.cell for verdict in election.verdicts] == evidence(folder).ranking()
    assert "turnover" in election.reason


def test_the_thresholds_are_those_of_the_configuration(folder: Path) -> None:
    pytest.importorskip("vectorbt", reason="vectorbt is not installed (extra simulators)")
    open_gates = {
        "friction_decay": 9, "fragility": 999, "jaccard": 0, "turnover": 9, "cvar": 99,
        "drawdown": 99, "cagr_gap": 9, "dsr": 0,
    }  # fmt: skip
    wide = evidence(folder, champion={"gates": open_gates})
    assert wide.elect().champion == wide.ranking()[0]


def test_a_simulator_that_is_not_installed_fails_its_gate(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vectorbt", None)
    figure = evidence(folder).figures(CELL)["cagr_gap"]
    assert figure.value is None
    assert figure.missing == (
        "vectorbt: missing: vectorbt is not installed; install quant-assets[simulators]"
    )


def test_without_a_benchmark_two_gates_have_no_figure(folder: Path) -> None:
    figures = evidence(folder, benchmark=None).figures(CELL)
    assert figures["cvar"].value is figures["drawdown"].value is None
    why = "no benchmark to compare with: no benchmark is configured"
    assert figures["cvar"].missing == figures["drawdown"].missing == why


def test_a_cell_of_a_simulator_that_is_not_installed_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vectorbt", None)
    config = parse_config({**CONFIG, "simulators": ["custom", "vectorbt"]})
    board = run(config, out=tmp_path).leaderboard.to_pylist()
    told = {(row["simulator"], row["status"], row["reason"]) for row in board}
    lack = "vectorbt is not installed; install quant-assets[simulators]"
    assert told == {("custom", "ok", ""), ("vectorbt", "unavailable", lack)}
