from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from quant_core.cli._engines import BEGIN, END
from quant_core.engines import ENGINES, compare_engines
from quant_core.profiles import PROFILES, Problem

from .conftest import price_lines

if TYPE_CHECKING:
    from .conftest import Quant

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE")


@pytest.fixture
def prices(quant: Quant) -> str:
    return quant.write("prices.csv", "\n".join(price_lines(SYMBOLS, days=330)))


def test_the_list_says_who_can_run_and_what(quant: Quant) -> None:
    found = {one["name"]: one for one in json.loads(quant("engines", "--json").stdout)}
    assert list(found) == list(ENGINES)
    assert found["native"] == {
        "name": "native",
        "installed": True,
        "lack": "",
        "release": "",
        "profiles": sorted(PROFILES),
    }
    for one in found.values():
        assert bool(one["lack"]) is not one["installed"]
        assert bool(one["release"]) is (one["installed"] and one["name"] != "native")
    lines = quant("engines").stdout.splitlines()
    assert lines[0].split() == ["engine", "installed", "release", "profiles"]
    assert lines[1].split()[:2] == ["native", "yes"]


def test_the_matrix_of_native_against_itself(quant: Quant, prices: str) -> None:
    asked = ["--engine", "native", "--profile", "min_variance", "--profile", "market_neutral"]
    found = quant(
        "engines", "compare", "--prices", prices, "--atoms", "4", "--windows", "2", *asked, "--json"
    )
    document = json.loads(found.stdout)
    first, last = document["problems"].split("windows ")[1].split(", ")
    assert document["problems"].startswith("4 atoms of prices.csv, windows ")
    assert first < last
    for one in document["matrix"]:
        assert (one["engine"], one["statuses"]) == ("native", {"optimal": 2})
        assert (one["gap"], one["distance"]) == (0.0, 0.0)
        assert one["residual"] <= 1e-9
        assert one["seconds"] > 0
    assert [one["profile"] for one in document["matrix"]] == ["min_variance", "market_neutral"]


def test_the_tables_and_the_page(quant: Quant, prices: str) -> None:
    page = quant.write("page.md", f"# Engines\n\n{BEGIN}\nold\n{END}\n\ntail\n")
    found = quant(
        *("engines", "compare", "--prices", prices, "--atoms", "3", "--windows", "1"),
        *("--engine", "native", "--engine", "cvxpy", "--into", page),
        *("--profile", "hrp", "--profile", "min_variance"),
    )
    assert found.exit_code == 0, found.output
    assert "shortfall of the objective" in found.stdout
    assert "cvxpy: does not know hrp" in found.stdout
    text = (quant.folder / "page.md").read_text()
    assert text.startswith(f"# Engines\n\n{BEGIN}\nMeasured on 3 atoms of prices.csv")
    assert text.endswith(f"{END}\n\ntail\n")
    assert "old" not in text
    assert "| profile | native | cvxpy |" in text
    assert "- cvxpy: does not know hrp" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "gurobi"], "--engine: expected some of native, cvxpy"),
        (["--profile", "kelly"], "--profile: expected some of"),
        (["--atoms", "9"], "has 5 assets without a gap, expected 9; ask for fewer"),
        (["--returns", "x.csv"], "--prices and --returns: expected one of them, found both"),
        (["--into", "absent.md", "--engine", "native"], "absent.md: expected the lines <!--"),
    ],
)
def test_what_is_refused(quant: Quant, prices: str, arguments: list[str], words: str) -> None:
    base = ["--atoms", "3", "--windows", "1", "--profile", "equal_weight"]
    found = quant("engines", "compare", "--prices", prices, *base, *arguments)
    assert found.exit_code == 2
    assert words in found.stderr


def test_too_short_a_history(quant: Quant) -> None:
    short = quant.write("short.csv", "\n".join(price_lines(SYMBOLS, days=60)))
    found = quant("engines", "compare", "--prices", short, "--engine", "native")
    assert found.exit_code == 2
    assert "252 observations leave no test period in the 60 rows" in found.stderr


def test_a_shortfall_is_relative_to_the_certified_optimum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import numpy as np  # noqa: PLC0415 - for the one test that makes a problem

    from quant_core.engines import _comparison  # noqa: PLC0415 - as above
    from quant_core.engines._certificate import finished  # noqa: PLC0415 - as above

    class Halves:
        name, lack, release, profiles = "halves", "", "", ("min_variance",)

        def solve(self, profile: object, problem: Problem, *, warm: object = None) -> object:
            del warm
            return finished(profile, problem, np.array([0.5, 0.5]), solver="halves")  # type: ignore[arg-type] - the profile is one

    monkeypatch.setattr(_comparison, "ENGINES", {**ENGINES, "halves": Halves})
    problem = Problem(np.array([2e-3, 1e-3]), np.diag([1.0, 3.0]))
    names = ("min_variance", "max_sharpe", "risk_parity", "hrp")
    (variance, sharpe, parity, hrp) = compare_engines(
        lambda _: [problem], engines=("halves",), profiles=names
    )
    assert variance.gap == pytest.approx(1.0 / 0.75 - 1)
    assert variance.distance == pytest.approx(0.25)
    best = (4 + 1 / 3) ** 0.5
    assert sharpe.gap == pytest.approx(1 - 3 / 2 / best)
    root = 1 / (1 + 3**-0.5)
    optimum = np.log((2 * root**2) ** 0.5) - np.log([root, 1 - root]).mean()
    assert parity.gap == pytest.approx(-np.log(0.5) - optimum)
    assert math.isnan(hrp.gap)
    assert hrp.distance == pytest.approx(0.25)
    assert (variance.statuses, variance.message) == ({"approximate": 1}, "")
