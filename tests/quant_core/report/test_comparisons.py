"""What the charts hold that compare cells, engines and simulators."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.report import agreement, frontier, luck, parities, weight_map, write_report
from quant_core.report._maps import packed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAN = math.nan


def _cube(rows: list[tuple[Any, ...]], names: str) -> pa.Table:
    columns = zip(*rows, strict=True)
    found = dict(zip(names.split(), map(list, columns), strict=True))
    texts = {"window", "selection", "engine", "profile", "atom", "symbol"}
    return pa.table(
        {
            name: pa.array(column, pa.string()).dictionary_encode()
            if name in texts
            else pa.array(column, pa.float64())
            for name, column in found.items()
        }
    )


HELD = [
    ("2020-01", "A", 0.5), ("2020-01", "B", 0.3), ("2020-01", "C", 0.2),
    ("2020-02", None, None),
    ("2020-03", "B", 0.9), ("2020-03", "D", 0.1),
]  # fmt: skip


def test_a_map_has_a_row_a_symbol_by_mean_weight_and_no_weights_where_there_are_none() -> None:
    found = weight_map(_cube(HELD, "window symbol net_weight"))
    assert found["windows"] == ["2020-01", "2020-02", "2020-03"]
    assert found["symbols"] == ["B", "A", "C", "D"]
    assert found["others"] == 0
    np.testing.assert_array_equal(
        found["weight"],
        [[0.3, NAN, 0.9], [0.5, NAN, 0.0], [0.2, NAN, 0.0], [0.0, NAN, 0.1]],
    )


def test_symbols_without_a_row_of_their_own_are_summed_in_the_last() -> None:
    found = weight_map(_cube(HELD, "window symbol net_weight"), rows=2)
    assert (found["symbols"], found["others"]) == (["B", "A", "2 others"], 2)
    np.testing.assert_allclose(found["weight"][-1], [0.2, NAN, 0.1])


def test_the_atoms_of_a_symbol_add_up_and_a_large_short_one_is_named() -> None:
    rows = [("w", "A", 0.2), ("w", "A", 0.1), ("w", "B", 0.25), ("w", "C", -0.45)]
    found = weight_map(_cube(rows, "window symbol net_weight"), rows=2)
    assert found["symbols"] == ["A", "C", "1 others"]
    np.testing.assert_allclose(found["weight"], [[0.3], [-0.45], [0.25]])


def test_the_map_of_several_solves_is_their_mean_over_those_with_weights() -> None:
    rows = [
        ("v", "s", "native", "hrp", "A", 1.0), ("v", "s", "native", "ew", "B", 1.0),
        ("w", "s", "native", "hrp", "A", 0.6), ("w", "s", "native", "hrp", "B", 0.4),
        ("w", "s", "native", "ew", None, None),
    ]  # fmt: skip
    found = weight_map(_cube(rows, "window selection engine profile symbol net_weight"))
    assert found["symbols"] == ["A", "B"]
    np.testing.assert_allclose(found["weight"], [[0.5, 0.6], [0.5, 0.4]])


def test_packed_weights_are_hundredths_of_a_percent_and_missing_ones_the_lowest_number() -> None:
    raw = base64.b64decode(packed(np.array([[0.12345, -0.5], [NAN, 40.0]])))
    assert np.frombuffer(raw, "<i2").tolist() == [1234, -5000, -32768, 32767]


SOLVES = "window selection engine profile atom weight objective"
TWO_ENGINES = [
    ("1", "all", "native", "minvar", "A", 0.6, 2.0),
    ("1", "all", "native", "minvar", "B", 0.4, 2.0),
    ("2", "all", "native", "minvar", "A", 1.0, 4.0),
    ("3", "all", "native", "minvar", "A", 1.0, 4.0),
    ("1", "all", "cvxpy", "minvar", "A", 0.5, 2.5), ("1", "all", "cvxpy", "minvar", "C", 0.5, 2.5),
    ("2", "all", "cvxpy", "minvar", "A", 0.9, 4.0), ("2", "all", "cvxpy", "minvar", "B", 0.1, 4.0),
    ("3", "all", "cvxpy", "minvar", None, None, None),
    ("1", "all", "native", "hrp", "A", 1.0, None), ("1", "all", "cvxpy", "hrp", "A", 1.0, None),
    ("1", "all", "lame", "hrp", None, None, None),
]  # fmt: skip


def test_engines_are_compared_on_the_windows_that_both_solved() -> None:
    found = agreement(_cube(TWO_ENGINES, SOLVES))
    assert found is not None
    assert found["engines"] == ["native", "cvxpy"]
    both, hrp, minvar = found["groups"]
    # |.6-.5| + |.4-0| + |0-.5| = 1 and |1-.9| + |0-.1| = .2, halved; the mean of .5 and .1.
    assert minvar == {
        "name": "all / minvar",
        "distance": [[None, 0.3], [0.3, None]],
        "worst": [[None, 0.5], [0.5, None]],
        "gap": [[None, 0.1], [0.1, None]],  # .5 / 2.5 and 0
        "windows": [[0, 2], [2, 0]],
    }
    assert hrp["distance"] == [[None, 0.0], [0.0, None]]
    assert hrp["gap"] == [[None, None], [None, None]]
    assert both == {
        "name": "all selections and profiles",
        "distance": [[None, 0.15], [0.15, None]],
        "worst": [[None, 0.5], [0.5, None]],
        "gap": [[None, 0.1], [0.1, None]],
        "windows": [[0, 3], [3, 0]],
    }


@pytest.mark.parametrize(
    "rows",
    [
        [row for row in TWO_ENGINES if row[2] == "native"],
        [row for row in TWO_ENGINES if row[2] != "cvxpy"],
        [(*row[:3], row[2], *row[4:]) for row in TWO_ENGINES],
    ],
    ids=["one engine", "the other has no weights", "no profile in common"],
)
def test_one_engine_agrees_with_nobody(rows: list[tuple[Any, ...]]) -> None:
    assert agreement(_cube(rows, SOLVES)) is None


CELL, OTHER = ("all", "native", "hrp", "daily"), ("all", "native", "hrp", "window")
LABELS = {"fast": "vectorbt", "own": "custom", "venue": "nautilus"}


def test_each_simulator_is_held_against_custom_cell_by_cell() -> None:
    cells = [
        (*OTHER, "own"), (*CELL, "own"), (*OTHER, "fast"), (*CELL, "fast"), (*CELL, "venue")
    ]  # fmt: skip
    nav = np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 2.0], [0.5, 4.0], [1.0, 5.0]])
    found = parities(cells, nav, LABELS)
    assert found == {
        "reference": "own",
        "pairs": [
            {
                "simulator": "fast",
                "tolerance": 1e-10,
                "cells": ["all|native|hrp|daily", "all|native|hrp|window"],
                "gap": [0.5, 0.0],
            },
            {
                "simulator": "venue",
                "tolerance": 1e-9,
                "cells": ["all|native|hrp|daily"],
                "gap": [0.2],
            },
        ],
    }


def test_without_custom_the_first_simulator_is_the_reference() -> None:
    cells = [(*CELL, "venue"), (*CELL, "fast")]
    found = parities(cells, np.ones((2, 3)), {"fast": "vectorbt", "venue": "nautilus"})
    assert found is not None
    assert (found["reference"], found["pairs"][0]["simulator"]) == ("fast", "venue")


def test_days_that_one_path_lacks_are_not_compared() -> None:
    cells = [(*CELL, "own"), (*CELL, "fast")]
    found = parities(cells, np.array([[NAN, 1.0], [9.0, 1.0]]), LABELS)
    assert found is not None
    assert found["pairs"][0]["gap"] == [0.0]


def test_one_simulator_has_no_parity() -> None:
    assert parities([(*CELL, "own"), (*OTHER, "own")], np.ones((2, 3)), LABELS) is None


def _row(rank: int, profile: str, volatility: float, sharpe: float) -> dict[str, Any]:
    return {
        "rank": rank, "profile": profile, "volatility": volatility, "sharpe": sharpe,
        "cagr": 0.07, "sharpe_period": sharpe / 16, "trials": 9, "selection": "all",
        "engine": "native", "rebalance": f"r{rank}", "simulator": "custom",
    }  # fmt: skip


def test_cells_are_points_of_volatility_and_mean_return() -> None:
    rows = [_row(1, "hrp", 0.1, 1.0), _row(2, "ew", 0.2, 0.4), _row(3, "hrp", 0.3, 0.5)]
    found = frontier(rows, {}, expected=0.45, risk_free=0.02)
    assert found == {
        "clouds": [
            {"profile": "ew", "x": [0.2], "y": [0.1], "cagr": [0.07], "rank": [2]},
            {"profile": "hrp", "x": [0.1, 0.3], "y": [0.12, 0.17], "cagr": [0.07, 0.07],
             "rank": [1, 3]},
        ],
        "efficient": [1, 3],
        "threshold": 0.45,
        "risk_free": 0.02,
        "above": 2,
    }  # fmt: skip


def test_a_second_simulator_adds_no_corner_to_the_frontier() -> None:
    rows = [_row(1, "hrp", 0.1, 1.0), _row(2, "hrp", 0.1 + 1e-13, 1.0 + 1e-12)]
    assert frontier(rows, {}, expected=None, risk_free=0.0)["efficient"] == [1]


def test_many_labels_share_the_colour_of_their_profile() -> None:
    rows = [_row(number, f"hrp_{number}", 0.1, 1.0) for number in range(13)]
    families = {row["profile"]: "hrp" for row in rows}

    def clouds(rows: list[dict[str, Any]]) -> list[str]:
        found = frontier(rows, families, expected=None, risk_free=0.0)["clouds"]
        return [cloud["profile"] for cloud in found]

    assert clouds(rows) == ["hrp"]
    assert len(clouds(rows[:12])) == 12


def test_luck_counts_a_configuration_once_however_many_simulators_told_its_path() -> None:
    once = [_row(1, "hrp", 0.1, 1.6), _row(2, "ew", 0.1, 0.8), _row(3, "mv", 0.1, 0.0)]
    again = [*once, once[0] | {"rank": 4, "simulator": "vectorbt"}]
    expected = luck(once, periods_per_year=256)["expected"]
    assert luck(again, periods_per_year=256)["expected"] == pytest.approx(expected, rel=1e-12)


def _charts(page: Path) -> dict[str, Any]:
    found = re.search(r'<script id="payload"[^>]*>(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    charts: dict[str, Any] = json.loads(found[1])
    return charts


def test_the_page_maps_the_best_cell_first_and_then_the_others(
    folder: Callable[..., Path],
) -> None:
    made = folder(symbols=5, selections=("all",))
    maps = _charts(write_report(made))["maps"]
    board = pq.read_table(made / "leaderboard.parquet").sort_by("rank").to_pylist()
    assert [one["line"] for one in maps] == [
        list(line)
        for line in dict.fromkeys((r["selection"], r["engine"], r["profile"]) for r in board)
    ]
    assert [one["name"] for one in maps] == [one["line"][2] for one in maps]
    best = maps[0]
    steps = np.frombuffer(base64.b64decode(best["weight"]), "<i2").reshape(5, -1)
    cube = pq.read_table(
        made / "weights_cube.parquet", filters=[("profile", "==", best["line"][2])]
    ).to_pylist()
    expected = {(row["symbol"], row["window"]): row["net_weight"] for row in cube}
    for symbol, row in zip(best["symbols"], steps, strict=True):
        for window, step in zip(best["windows"], row.tolist(), strict=True):
            assert step == round(expected[symbol, window] * 10_000)


def test_engines_and_simulators_have_their_charts_where_there_are_several(
    folder: Callable[..., Path],
) -> None:
    page = write_report(
        folder(
            days=150,
            symbols=4,
            profiles=("equal_weight", "hrp"),
            engines=("native", "cvxpy", "skfolio"),
            simulators=("custom", "vectorbt"),
        )
    )
    charts = _charts(page)
    assert charts["agreement"]["engines"] == ["native", "cvxpy", "skfolio"]
    distance = charts["agreement"]["groups"][0]["distance"]
    assert 0 < distance[0][1] < 1e-5 < distance[0][2]
    assert len(charts["agreement"]["groups"]) == 1 + 2 * 2
    (pair,) = charts["parity"]["pairs"]
    assert (pair["simulator"], len(pair["cells"])) == ("vectorbt", 2 * 3 * 2 * 2)
    assert 0 < pair["gap"][0] < 1e-10
    text = page.read_text()
    for chart in ("agreement-chart", "parity-chart"):
        assert f'id="{chart}"' in text


def test_one_engine_and_one_simulator_leave_no_empty_charts(folder: Callable[..., Path]) -> None:
    page = write_report(folder(days=150, symbols=4))
    charts = _charts(page)
    assert charts["agreement"] is None
    assert charts["parity"] is None
    text = page.read_text()
    for name in ('id="agreement-chart"', 'id="parity-chart"', 'href="#agree"'):
        assert name not in text


@pytest.mark.parametrize(("missing", "count"), [({}, 8), ({"pbo": False}, 7)])
def test_figures_are_numbered_without_a_gap(
    folder: Callable[..., Path],
    missing: dict[str, Any],
    count: int,
) -> None:
    text = write_report(folder(days=150, symbols=4, **missing)).read_text()
    found = [int(number) for number in re.findall(r"<b>Figure (\d+)\.</b>", text)]
    assert found == list(range(1, count + 1))
