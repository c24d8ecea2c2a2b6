"""What the pictures beside assets are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure

from quant_assets import _comparisons
from quant_assets._comparisons import (
    compare_cells,
    compare_engines,
    compare_simulators,
    map_cell,
    map_cube,
)
from quant_core.cells import FolderStore
from quant_core.config import parse_config
from quant_core.tournament import CellPath

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes

CONFIG = parse_config(
    {
        "sleeve": "us_equity",
        "data": "sample",
        "profiles": ["hrp", {"name": "market", "as": "index"}],
        "simulators": ["custom", "vectorbt"],
        "risk_free": 0.01,
    }
)
COLUMNS = ("window", "selection", "engine", "profile", "atom", "symbol", "weight", "objective")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Axes]:
    """Collect the axes of each picture, instead of pictures."""
    found: list[Axes] = []

    def figure(draw: Callable[[Axes], None], *, title: str, height: float) -> str:
        axes = Figure(figsize=(8, height)).add_subplot()
        draw(axes)
        found.append(axes)
        return title

    monkeypatch.setattr(_comparisons, "figure", figure)
    return found


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """Two months of a cube with two engines, which differ in the second."""
    store = FolderStore(str(tmp_path))
    for month, (one, other) in {"2020-01": (0.75, 0.75), "2020-02": (0.5, 0.1)}.items():
        rows = [
            (f"{month}-01", "all", engine, "hrp", atom, atom[:1], weight, 1.0)
            for engine, first in (("native", one), ("cvxpy", other))
            for atom, weight in (("A_buyhold_long", first), ("B_buyhold_long", 1 - first))
        ]
        columns: dict[str, Any] = dict(
            zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)
        )
        store.write(month, pa.table({**columns, "net_weight": columns["weight"]}))
    return store


MONTHS = ("2020-01", "2020-02")


def test_the_cube_is_a_map_of_symbols_by_window(store: FolderStore, drawn: list[Axes]) -> None:
    map_cube(store, MONTHS)
    (axes,) = drawn
    # The mean of two engines; A has 75 % and 30 %, B the rest.
    np.testing.assert_allclose(axes.images[0].get_array(), [[75, 30], [25, 70]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "B"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2020-01-01", "2020-02-01"]


def test_a_cell_has_a_map_of_its_own(store: FolderStore, drawn: list[Axes]) -> None:
    map_cell(store, MONTHS, ["all", "cvxpy", "hrp"])
    assert [label.get_text() for label in drawn[0].get_yticklabels()] == ["B", "A"]
    np.testing.assert_allclose(drawn[0].images[0].get_array(), [[25, 90], [75, 10]])


def test_engines_are_a_matrix_of_distances(store: FolderStore, drawn: list[Axes]) -> None:
    assert list(compare_engines(store, MONTHS)) == ["engine_agreement"]
    labels = [label.get_text() for label in drawn[0].get_xticklabels()]
    assert labels == ["native", "cvxpy"]
    # Nothing in the first window and .4 in the second.
    assert [text.get_text() for text in drawn[0].texts] == ["2e-01\nobjective 0e+00"] * 2


def test_one_engine_has_no_matrix(store: FolderStore, drawn: list[Axes]) -> None:
    for month in MONTHS:
        table = store.read(month)
        assert table is not None
        store.write(month, table.slice(0, 2))
    assert compare_engines(store, MONTHS) == {}
    assert drawn == []


def _path(profile: str, simulator: str, *nav: float) -> CellPath:
    names = ("all", "native", profile, "window", simulator)
    values = np.array(nav)
    return CellPath(names, "k", "i", "c", *[values] * 5)


def test_simulators_have_a_point_a_cell_and_the_line_of_what_is_tolerated(
    drawn: list[Axes],
) -> None:
    paths = [_path("hrp", "custom", 1.0, 2.0), _path("hrp", "vectorbt", 1.0, 2.0 + 2e-9)]
    paths += [_path("index", "custom", 1.0, 4.0), _path("index", "vectorbt", 1.0, 4.0)]
    assert list(compare_simulators(CONFIG, paths)) == ["simulator_parity"]
    (points,) = drawn[0].collections
    offsets: Any = points.get_offsets()
    assert offsets[:, 0].tolist() == pytest.approx([1e-9, 1e-17])
    assert len({tuple(colour) for colour in points.get_facecolor()}) == 2
    assert list(drawn[0].lines[0].get_xdata()) == [1e-10, 1e-10]
    assert drawn[0].get_xscale() == "log"


@pytest.mark.parametrize("paths", [[], [_path("hrp", "custom", 1.0)]])
def test_one_simulator_has_no_parity(paths: list[CellPath], drawn: list[Axes]) -> None:
    assert compare_simulators(CONFIG, paths) == {}
    assert drawn == []


def _board(*sharpe: float | None) -> pa.Table:
    rows = [
        {
            "rank": place, "selection": "all", "engine": "native", "profile": profile,
            "rebalance": f"r{place}", "simulator": "custom", "sharpe": ratio, "volatility": 0.2,
            "sharpe_period": ratio and ratio / 252**0.5, "cagr": 0.1, "trials": 4,
        }
        for place, ratio, profile in zip((1, 2, 3), sharpe, ("hrp", "index", "hrp"), strict=True)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def test_cells_are_points_over_the_line_of_luck_and_the_market_is_marked(
    drawn: list[Axes],
) -> None:
    assert list(compare_cells(CONFIG, _board(1.0, 0.5, 0.0))) == ["frontier"]
    (axes,) = drawn
    clouds: Any = [cloud.get_offsets() for cloud in axes.collections]
    assert [cloud[:, 1].tolist() for cloud in clouds] == [
        pytest.approx([0.21, 0.01]),
        pytest.approx([0.11]),
    ]
    luck = axes.lines[-1]
    # Standard deviation .5 over the three; the best of four is expected 1.0521 of them above 0.
    assert list(luck.get_xdata()) == pytest.approx([0.0, 0.206])
    assert list(luck.get_ydata()) == pytest.approx([0.01, 0.01 + 0.5 * 1.05212 * 0.206], rel=1e-5)
    (market,) = axes.texts
    assert (market.get_text(), market.xy) == ("market", pytest.approx((0.2, 0.11)))


def test_a_board_without_figures_has_no_frontier(drawn: list[Axes]) -> None:
    assert compare_cells(CONFIG, _board(None, None, None)) == {}
    assert drawn == []
