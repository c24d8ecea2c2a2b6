"""Every published figure, spelled out, against what the library measures."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from quant_core.cli._verify import figure
from quant_core.verification import (
    PublishedResult,
    _log_optimal,
    _markets,
    _online_portfolios,
    verify,
)
from quant_core.verification import _hierarchy_peers as peers

STRATEGIES = ("Market", "best stock", "UCRP", "BCRP", "EG(0.05)")
WEALTH = {
    "NYSE(O)": ("14.50", "54.14", "27.08", "250.60", "27.09"),
    "NYSE(N)": ("18.06", "83.51", "31.55", "120.32", "31.00"),
    "TSE": ("1.61", "6.28", "1.60", "6.78", "1.59"),
    "SP500": ("1.34", "3.78", "1.65", "4.07", "1.63"),
    "MSCI": ("0.91", "1.50", "0.93", "1.51", "0.93"),
    "DJIA": ("0.76", "1.19", "0.81", "1.24", "0.81"),
}
FIGURES = [
    *(
        ("universal-portfolios", f"{market}, {strategy}", figure)
        for market, figures in WEALTH.items()
        for strategy, figure in zip(STRATEGIES, figures, strict=True)
    ),
    ("", "SR0, a day", "0.1132"),
    ("", "DSR", "0.9004"),
    ("", "order 2, bits", "0.918"),
    ("", "order 3, bits", "1.522"),
]
PEERS = ("riskfolio-lib", "skfolio")
LEAVES = (
    "largest difference of a weight",
    "largest difference of a weight, its optimal leaf order",
)


def needs(package: str) -> None:
    try:
        version(package)
    except PackageNotFoundError:
        pytest.skip(f"{package} is an extra")


@pytest.fixture(scope="module")
def found() -> dict[str, PublishedResult]:
    results = verify()
    assert len(results) == len(FIGURES) + len(PEERS) * len(LEAVES) + 3
    return {result.what: result for result in results}


@pytest.mark.parametrize(("package", "what", "figure"), FIGURES, ids=lambda part: part)
def test_a_published_figure_is_reproduced_to_its_last_digit(
    found: dict[str, PublishedResult], package: str, what: str, figure: str
) -> None:
    if package:
        needs(package)
    result = found[what]
    assert result.expected == float(figure)
    digits = len(figure.split(".")[1])
    assert result.tolerance == pytest.approx(0.5 * 10.0**-digits)
    assert result.agreement == "agrees", result


@pytest.mark.parametrize("market", WEALTH)
def test_the_best_constant_portfolio_is_certified(
    found: dict[str, PublishedResult], market: str
) -> None:
    needs("universal-portfolios")
    assert found[f"{market}, BCRP"].note.startswith("optimality residual ")


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("leaves", LEAVES)
def test_hierarchical_weights_are_those_of_a_peer_given_the_same_leaf_order(
    found: dict[str, PublishedResult], peer: str, leaves: str
) -> None:
    needs(peer)
    result = found[f"{peer}: {leaves}"]
    assert (result.expected, result.tolerance) == (0.0, 1e-12)
    assert result.agreement == "agrees", result
    assert result.source == f"{peer} {version(peer)}"


@pytest.mark.parametrize("peer", PEERS)
def test_the_leaf_order_is_all_of_the_difference(
    found: dict[str, PublishedResult], peer: str
) -> None:
    needs(peer)
    assert (
        found[f"{peer}: {LEAVES[1]}"].note == "0.0447 from the order of the tree, which ours keeps"
    )


def test_the_tables_in_a_source_distribution_need_that_file(
    found: dict[str, PublishedResult],
) -> None:
    for what in ("minimum risk", "maximum Sharpe ratio", "risk parity"):
        assert found[what].agreement == "unavailable"
        assert "--riskfolio-sdist" in found[what].note


def test_the_page_shows_what_is_measured(found: dict[str, PublishedResult]) -> None:
    page = Path(__file__).parents[3] / "docs" / "verification.md"
    rows = [line.split("|") for line in page.read_text().splitlines() if line.startswith("| ")]
    cells = {row[2].strip(): [cell.strip() for cell in row] for row in rows}
    measured = {what: result for what, result in found.items() if result.measured is not None}
    assert set(measured) <= set(cells), "run docs/scripts/verification.py"
    for what, result in measured.items():
        assert cells[what][1] == result.subject
        assert cells[what][3] == figure(result.expected, result.tolerance)
        assert float(cells[what][4]) == pytest.approx(result.measured, abs=result.tolerance)
        assert cells[what][6] == "agrees"
    assert {row[6].strip() for row in rows} == {"", "agrees"}


def test_without_the_data_every_figure_on_them_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_markets, "distribution", missing)
    results = list(_online_portfolios.online_portfolios())
    assert [result.what for result in results] == [what for package, what, _ in FIGURES if package]
    assert {result.agreement for result in results} == {"unavailable"}
    assert all("quant-assets[verify]" in result.note for result in results)


@pytest.mark.parametrize("module", ["riskfolio", "skfolio.seriation"])
def test_without_a_peer_its_figures_are_unavailable_and_the_other_is_asked(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    needs("riskfolio-lib")
    needs("skfolio")
    monkeypatch.setitem(sys.modules, module, None)
    found = [result.agreement for result in peers.hierarchical_peers()]
    unavailable = ["unavailable", "unavailable"]
    agrees = ["agrees", "agrees"]
    assert found == ([*unavailable, *agrees] if module == "riskfolio" else [*agrees, *unavailable])


def test_weights_that_are_not_certified_are_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    needs("universal-portfolios")
    monkeypatch.setattr(_log_optimal, "_MOST_STEPS", 0)
    monkeypatch.setattr(
        _online_portfolios, "FINAL_WEALTH", {"DJIA": (0.76, 1.19, 0.81, 1.24, 0.81)}
    )
    results = {result.what: result for result in _online_portfolios.online_portfolios()}
    best = results.pop("DJIA, BCRP")
    assert best.agreement == "off"
    assert best.note.startswith("not certified: optimality residual ")
    assert {result.agreement for result in results.values()} == {"agrees"}
