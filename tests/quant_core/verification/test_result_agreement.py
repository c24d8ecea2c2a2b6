from __future__ import annotations

import pytest

from quant_core.verification import SCHEMA, PublishedResult, results_table

WEALTH = PublishedResult("portfolios", "wealth", "a book", 1.5, 0.25)


@pytest.mark.parametrize(
    ("measured", "agreement"),
    [
        (1.5, "agrees"),
        (1.25, "agrees"),
        (1.75, "agrees"),
        (1.2499, "off"),
        (1.7501, "off"),
        (-1.5, "off"),
        (float("nan"), "off"),
        (float("inf"), "off"),
    ],
)
def test_a_figure_agrees_within_its_tolerance(measured: float, agreement: str) -> None:
    assert WEALTH.found(measured).agreement == agreement


def test_what_was_not_measured_is_unavailable() -> None:
    assert WEALTH.agreement == "unavailable"
    lacking = WEALTH.found(1.5).lacking("no data")
    assert (lacking.agreement, lacking.measured, lacking.note) == ("unavailable", None, "no data")


def test_results_are_a_table_with_a_null_where_nothing_was_measured() -> None:
    table = results_table([WEALTH.found(1.6, "held"), WEALTH.lacking("no data")])
    assert table.schema == SCHEMA
    assert table["measured"].to_pylist() == [1.6, None]
    assert table["agreement"].to_pylist() == ["agrees", "unavailable"]
    assert table["note"].to_pylist() == ["held", "no data"]
    assert table["source"].to_pylist() == ["a book", "a book"]


def test_no_results_are_an_empty_table() -> None:
    assert results_table([]).schema == SCHEMA
