from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.canonical import canonical_json
from quant_core.contracts import ContractReport, Reason
from quant_core.errors import ContractError

COUNTS = st.dictionaries(st.sampled_from(list(Reason)), st.integers(0, 100))


@given(kept=st.integers(0, 1000), dropped=COUNTS, off=st.integers(-5, 5))
def test_only_books_that_balance_can_be_made(
    kept: int, dropped: dict[Reason, int], off: int
) -> None:
    rows_in = kept + sum(dropped.values()) + off
    counts = {str(reason): count for reason, count in dropped.items()}
    if off == 0:
        assert ContractReport(rows_in, kept, counts).dropped_total == sum(dropped.values())
    else:
        with pytest.raises(ContractError, match="kept \\+ dropped must equal"):
            ContractReport(rows_in, kept, counts)


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ContractError):
        ContractReport(1, -1, {"missing": 2})


def test_the_plain_form_is_sorted_and_without_zeros() -> None:
    report = ContractReport(
        5, 2, {"non_finite": 1, "missing": 2, "duplicate": 0}, {"inner_gap": 0}, {"B": "no_return"}
    )
    assert canonical_json(report.to_dict()) == (
        b'{"dropped":{"missing":2,"non_finite":1},"kept":2,"reported":{},"rows_in":5,'
        b'"symbols_dropped":{"B":"no_return"}}'
    )
    assert list(report.dropped) == ["missing", "non_finite"]


def test_a_report_cannot_be_changed() -> None:
    report = ContractReport(1, 0, {"missing": 1})
    with pytest.raises(TypeError):
        report.dropped["missing"] = 0  # type: ignore[index]  # the attempt is the test
