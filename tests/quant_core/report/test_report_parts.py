from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.report._columns import codes, counted, runs
from quant_core.report._folder import OutputFolder
from quant_core.report._landscape import _medians, luck
from quant_core.report._metrics import written
from quant_core.report._paths import Paths, _matrix, days
from quant_core.report._quality import coverage
from quant_core.report._words import headline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BEST = {
    "selection": "all", "engine": "native", "profile": "hrp", "rebalance": "daily",
    "simulator": "custom", "rank": 1, "sharpe": 0.9123, "sharpe_period": 0.0575, "sharpe_low": 0.5,
    "sharpe_high": 1.31, "dsr": 0.966, "trials": 228, "configurations": 216, "volatility": 0.1,
    "cagr": 0.08, "gates": "failed",
    "gates_failed": "turnover: 0.61 is not at most 0.5; parity: not compared; no window; dsr: 0.9",
}  # fmt: skip
SPACE = "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.1234, "percent", f"12.3{SPACE}%"),
        (-0.5, "percent", f"\N{MINUS SIGN}50.0{SPACE}%"),
        (1.005, "ratio", "1.00"),
        (0.95, "probability", "0.950"),
        (1234567, "count", "1,234,567"),
        (None, "ratio", "\N{EN DASH}"),
    ],
)
def test_figures_are_written_for_a_reader(value: float | None, kind: str, text: str) -> None:
    assert written(value, kind) == text


def test_the_headline_says_what_luck_explains() -> None:
    pbo = {"pbo": 0.314, "splits": 12870}
    found = headline(BEST, varying=["profile", "rebalance"], luck={"expected": 0.554}, pbo=pbo)
    assert " ".join(found).replace(SPACE, " ") == (
        "216 configurations were tried in this run, 228 in all by the count of the ledger. "
        "The best of them, hrp \N{MIDDLE DOT} daily, earned a Sharpe ratio of 0.91 a year "
        "(95 % interval 0.50 to 1.31). "
        "With 228 tries, luck alone would be expected to show a Sharpe ratio of 0.55. "
        "The probability that the best is truly above that is 96.6 % (deflated Sharpe ratio "
        "0.966), which clears the bar of 0.95. "
        "In 31 % of 12,870 ways to split the history in two, the winner of one half fell below "
        "the median of the other. "
        "The best cell may not be deployed: it fails the gates turnover, parity, dsr."
    )


def test_the_headline_says_that_the_best_may_be_deployed_and_who_was_looked_at() -> None:
    found = headline(
        BEST | {"gates": "passed", "gates_failed": ""},
        varying=["profile"],
        luck={"expected": 0.5},
        pbo=None,
        finalists={"count": 20, "of": 1260, "simulator": "custom"},
    )
    assert found[-2:] == [
        "The best cell passes every gate of a champion.",
        (
            "Only the 20 best of 1,260 cells by their Sharpe ratio under custom were given to the "
            "other simulators."
        ),
    ]


@pytest.mark.parametrize(
    ("dsr", "words"),
    [
        (0.9499, "is 95.0 % (deflated Sharpe ratio 0.950), which does not clear the bar"),
        (0.95, "which clears the bar"),
        (0.99999, "is above 99.9 %"),
        (0.00001, "is below 0.1 %"),
    ],
)
def test_the_bar_is_judged_on_the_exact_figure(dsr: float, words: str) -> None:
    found = headline(BEST | {"dsr": dsr}, varying=["profile"], luck={"expected": 0.5}, pbo=None)
    assert words in found[3].replace(SPACE, " ")


def test_one_try_is_not_corrected_for() -> None:
    single = BEST | {"trials": 1, "configurations": 1}
    found = headline(single, varying=["profile"], luck={"expected": None}, pbo=None)
    assert found[2] == "With one try there is no choice to correct for."
    assert "truly positive" in found[3]


@pytest.mark.parametrize(
    ("values", "borders"),
    [(["a", "a", "b", "a"], [0, 2, 3, 4]), (["a"], [0, 1]), ([], [0])],
)
def test_runs_are_found_across_chunks(values: list[str], borders: list[int]) -> None:
    whole = pa.chunked_array([pa.array(values, pa.string())])
    parts = pa.chunked_array(
        [pa.array([value]).dictionary_encode() for value in values]
        or [pa.array([], pa.string()).dictionary_encode()]
    )
    assert runs(whole).tolist() == borders
    assert runs(parts).tolist() == borders


def test_a_run_ends_where_any_column_changes() -> None:
    first, second = (pa.chunked_array([pa.array(list(text))]) for text in ("aabb", "xyyy"))
    assert runs(first, second).tolist() == [0, 1, 2, 4]


def test_names_become_sorted_numbers_and_counts() -> None:
    column = pa.chunked_array([pa.array(["b", None, "a", "b"]).dictionary_encode()])
    names, numbers = codes(column)
    assert (names, numbers.tolist()) == (["", "a", "b"], [2, 0, 1, 2])
    assert counted(column) == [["b", 2], ["a", 1], ["not recorded", 1]]


def _paths(nav: np.ndarray) -> Paths:
    dates = np.datetime64("2000-01-01") + np.arange(nav.shape[1])
    cells = [("all", "native", f"p{number}", "daily", "custom") for number in range(len(nav))]
    return Paths(cells, dates.astype("datetime64[us]"), nav)


def test_thinning_keeps_the_deepest_drawdown_and_the_last_day() -> None:
    nav = np.ones((1, 10_000))
    nav[0, 4321] = 0.4
    line = _paths(nav).line(("all", "native", "p0", "daily", "custom"))
    assert line is not None
    assert len(line["date"]) <= 2600
    assert line["date"][-1] == "2027-05-18"
    assert min(line["drawdown"]) == pytest.approx(-0.6)


def test_a_loss_from_the_first_day_is_a_drawdown() -> None:
    line = _paths(np.array([[0.9, 0.8]])).line(("all", "native", "p0", "daily", "custom"))
    assert line is not None
    assert line["drawdown"] == [-0.1, -0.2]


def test_a_cell_without_a_path_has_no_line() -> None:
    assert _paths(np.ones((1, 3))).line(("all", "native", "other", "daily", "custom")) is None


def test_the_band_is_the_middle_of_all_cells() -> None:
    nav = np.arange(11.0)[:, None] * np.ones((11, 5))
    band = _paths(nav).band()
    assert (band["low"][0], band["middle"][0], band["high"][0]) == (1.0, 5.0, 9.0)


def test_every_path_fits_whatever_the_number_of_cells() -> None:
    every = _paths(np.ones((1000, 2500))).every()
    raw = base64.b64decode(every["nav"])
    assert len(raw) <= 1_500_000
    assert np.frombuffer(raw, "<f4").shape == (1000 * len(every["date"]),)
    assert len(every["date"]) > 300


def test_paths_with_different_dates_are_aligned() -> None:
    stamps = np.array(["2000-01-01", "2000-01-03", "2000-01-01", "2000-01-02"], "datetime64[us]")
    dates, nav = _matrix(stamps, np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 2, 4]))
    assert days(dates) == ["2000-01-01", "2000-01-02", "2000-01-03"]
    np.testing.assert_array_equal(nav, [[1.0, math.nan, 2.0], [3.0, 4.0, math.nan]])


def test_a_time_of_day_is_kept_where_there_is_one() -> None:
    stamps = np.array(["2000-01-01T00:00", "2000-01-01T06:30"], "datetime64[us]")
    assert days(stamps) == ["2000-01-01T00:00", "2000-01-01T06:30"]


def test_medians_match_numpy() -> None:
    random = np.random.Generator(np.random.PCG64(1))
    place, values = random.integers(0, 7, 200), random.normal(size=200)
    place[place == 3] = 4
    expected = [np.median(values[place == slot]) if slot != 3 else math.nan for slot in range(7)]
    np.testing.assert_allclose(_medians(place, values, 7), expected)


def test_luck_is_annualized_with_the_factor_of_the_sleeve() -> None:
    rows = [
        BEST | {"profile": f"p{period}", "sharpe_period": period, "trials": 10}
        for period in (0.05, 0.03, 0.01)
    ]
    daily, yearly = (luck(rows, periods_per_year=factor)["expected"] for factor in (365, 1))
    assert daily / yearly == pytest.approx(math.sqrt(365))
    # Variance 0.0004; (1 - g) z(1 - 1/10) + g z(1 - 1/(10 e)) = 1.5746 with Euler's g.
    assert yearly == pytest.approx(0.02 * 1.574598, rel=1e-5)


def test_coverage_tells_winners_by_their_stages(folder: Callable[..., Path]) -> None:
    made = folder()
    names = ["2020-01-01"] * 5 + ["2020-02-01"] * 2
    table = pa.table(
        {
            "window": names,
            "atom": ["A", "B", "C", "D", "E", "A", "B"],
            "selection": ["htr"] * 7,
            "selected": [True, True, True, True, False, True, False],
            "stage": pa.array([1, 1, 2, 4, None, 3, None], pa.int32()),
            "reason": ["", "", "", "", "entropy above 0.9", "", "entropy above 0.9"],
        }
    )
    pq.write_table(table, made / "selected_atoms.parquet")
    found = coverage(OutputFolder(made), "htr")
    assert found["windows"] == ["2020-01-01", "2020-02-01"]
    assert [(one["name"], one["count"]) for one in found["series"]] == [
        ("selected, stage 1 strict", [2, 0]),
        ("selected, stage 2 spectral", [1, 0]),
        ("selected, stage 3 cluster", [0, 1]),
        ("selected, stage 4 fill", [1, 0]),
        ("entropy above 0.9", [1, 1]),
    ]
