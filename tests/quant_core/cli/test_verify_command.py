from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING, NoReturn

import pytest

from quant_core.cli._verify import figure
from quant_core.verification import _markets, _patterns, _verify

if TYPE_CHECKING:
    from .conftest import Quant


def nothing() -> tuple[()]:
    return ()


def missing(_name: str) -> NoReturn:
    raise PackageNotFoundError


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_markets, "distribution", missing)
    monkeypatch.setattr(_verify, "hierarchical_peers", nothing)


def test_what_is_measured_and_what_is_missing_are_printed(quant: Quant) -> None:
    found = quant("verify")
    assert found.exit_code == 0
    lines = [line.split() for line in found.stdout.splitlines()]
    assert lines[0] == ["subject", "figure", "published", "measured", "tolerance", "how"]
    assert ["DSR", "0.9004", "0.900397", "5e-05", "agrees"] in lines
    assert ["NYSE(O),", "BCRP", "250.60", "-", "0.005", "unavailable"] in lines
    assert "quant-assets[verify]" in found.stdout
    assert "Bandt, C. and Pompe, B. (2002)" in found.stdout
    assert found.stderr == "4 agrees, 0 off, 33 unavailable\n"


def test_json_has_every_figure(quant: Quant) -> None:
    found = json.loads(quant("verify", "--json").stdout)
    assert [found[name] for name in ("agrees", "off", "unavailable")] == [4, 0, 33]
    by_name = {result["what"]: result for result in found["results"]}
    assert len(by_name) == 37
    assert by_name["DSR"]["agreement"] == "agrees"
    assert by_name["DSR"]["expected"] == 0.9004
    assert by_name["DSR"]["measured"] == pytest.approx(0.900397, abs=1e-6)
    assert by_name["DJIA, UCRP"]["measured"] is None
    assert by_name["minimum risk"]["expected"] is None


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_figure_that_is_off_ends_with_exit_code_1(
    quant: Quant, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(_patterns, "ENTROPIES", {2: 0.918, 3: 1.5225})
    found = quant("verify", *arguments)
    assert found.exit_code == 1
    if arguments:
        off = [one for one in json.loads(found.stdout)["results"] if one["agreement"] == "off"]
        assert [one["what"] for one in off] == ["order 3, bits"]
    else:
        line = ["order", "3,", "bits", "1.522", "1.52193", "0.0005", "off"]
        assert line in [text.split()[:7] for text in found.stdout.splitlines()]
        assert found.stderr == "3 agrees, 1 off, 33 unavailable\n"


def test_a_file_that_is_no_source_distribution_is_an_error(quant: Quant) -> None:
    found = quant("verify", "--riskfolio-sdist", quant.write("some.tar.gz", "text"))
    assert found.exit_code == 2
    assert "expected the source distribution of riskfolio-lib" in found.stderr


@pytest.mark.parametrize(
    ("value", "tolerance", "expected", "measured"),
    [
        (14.5, 0.005, "14.50", "14.5000"),
        (0.1132, 0.00005, "0.1132", "0.113200"),
        (0.0, 1e-12, "0", "0"),
        (9.71e-17, 1e-12, "9.7e-17", "9.7e-17"),
        (0.089177, 1.5e-6, "0.089177", "0.08917700"),
        (None, 0.005, "-", "-"),
        (float("nan"), 0.005, "nan", "nan"),
    ],
)
def test_figures_show_what_the_tolerance_tells_apart(
    value: float | None, tolerance: float, expected: str, measured: str
) -> None:
    assert figure(value, tolerance) == expected
    assert figure(value, tolerance, beyond=2) == measured
