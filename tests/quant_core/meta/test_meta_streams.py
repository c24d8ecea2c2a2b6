from __future__ import annotations

import numpy as np
import pytest

from quant_core.errors import DataError
from quant_core.meta import Stream, common_days, levels_at, returns_of

FRIDAY, SATURDAY, SUNDAY, MONDAY, TUESDAY = np.datetime64("2024-03-01") + np.arange(
    5
)  # a Friday and the days after it


def days(*found: np.datetime64) -> np.ndarray:
    return np.array(found, dtype="datetime64[D]")


def test_only_days_that_all_have_are_joined() -> None:
    crypto = days(FRIDAY, SATURDAY, SUNDAY, MONDAY, TUESDAY)
    equity = days(FRIDAY, MONDAY, TUESDAY)
    joined = common_days({"crypto": crypto, "equity": equity})
    assert joined.tolist() == equity.tolist()


def test_what_a_weekend_earns_is_in_the_return_of_monday() -> None:
    crypto = days(FRIDAY, SATURDAY, SUNDAY, MONDAY)
    nav = np.array([1.0, 1.1, 1.1 * 1.2, 1.1 * 1.2 * 0.5])
    stream = Stream("crypto", ("a",), crypto, nav)
    returns = returns_of(levels_at(stream, days(FRIDAY, MONDAY))[:, None])
    # Neither the return of Monday alone (-50 %), nor with a weekend of zeros.
    assert returns[:, 0] == pytest.approx([1.1 * 1.2 * 0.5 - 1.0], abs=1e-15)


def test_nothing_is_lost_between_the_first_and_the_last_common_day() -> None:
    random = np.random.default_rng(5)
    every = np.datetime64("2020-01-01") + np.arange(500)
    nav = np.cumprod(1 + random.normal(0, 0.05, 500))
    own = np.sort(random.choice(every, 120, replace=False))
    stream = Stream("crypto", ("a",), every, nav)
    joined = common_days({"a": every, "b": own})
    growth = np.prod(1 + returns_of(levels_at(stream, joined)[:, None]))
    span = np.searchsorted(every, joined[[0, -1]])
    assert growth == pytest.approx(nav[span[1]] / nav[span[0]], rel=1e-12)


def test_the_last_of_several_observations_of_a_day_counts() -> None:
    stream = Stream("fx", ("a",), days(FRIDAY, FRIDAY, MONDAY), np.array([1.0, 2.0, 3.0]))
    assert levels_at(stream, days(FRIDAY, MONDAY)).tolist() == [2.0, 3.0]


def test_a_bankrupt_member_earns_nothing_more() -> None:
    assert returns_of(np.array([[1.0], [0.0], [0.0]])).ravel().tolist() == [-1.0, 0.0]


def test_too_few_common_days_are_an_error_that_names_the_spans() -> None:
    with pytest.raises(DataError, match=r"1 days are common.*a 2024-03-01 to 2024-03-04; b"):
        common_days({"a": days(FRIDAY, MONDAY), "b": days(MONDAY, TUESDAY)})
