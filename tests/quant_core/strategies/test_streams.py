from __future__ import annotations

import numpy as np
import pytest

from quant_core.atoms import Atom
from quant_core.data import ReturnsMatrix
from quant_core.errors import DataError
from quant_core.strategies import atom_returns, stream

NAN = np.nan
RATE = 0.01


def followed(signals: list[float], returns: list[float], direction: str) -> np.ndarray:
    columns = (np.array(values)[:, None] for values in (signals, returns))
    return stream(*columns, direction, rate=RATE)[:, 0]


@pytest.mark.parametrize(
    ("direction", "signals", "returns", "expected"),
    [
        # The position of a close earns the next row's return; the first one is paid for.
        ("long", [1, 1, 0, 0], [NAN, 0.1, 0.2, 0.3], [NAN, 0.09, 0.2, -0.01]),
        ("long", [0.5, -1, 0.5, 0], [0.1, 0.1, 0.1, 0.1], [NAN, 0.045, -0.005, 0.045]),
        ("short", [0.5, -1, 0.5, 0], [0.1, 0.1, 0.1, 0.1], [NAN, 0.0, -0.11, -0.01]),
        # A signal that is missing leaves the position as it is; before the first there is none.
        ("long", [NAN, 1, NAN, NAN], [0.1, 0.1, 0.2, 0.3], [NAN, NAN, 0.19, 0.3]),
        # A short loses at most everything, and so does a long.
        ("short", [-1, -1, -1, -1], [0.0, 1.5, 0.5, 0.0], [NAN, -1.0, -0.5, 0.0]),
        ("long", [1, 1, 1, 1], [0.0, -0.999, 0.0, 0.0], [NAN, -1.0, 0.0, 0.0]),
        # A change on a day without a return is paid for where the position earns again.
        ("long", [1, 1, 0, 0], [0.1, 0.1, NAN, 0.3], [NAN, 0.09, NAN, -0.01]),
    ],
)
def test_a_stream_by_hand(
    direction: str, signals: list[float], returns: list[float], expected: list[float]
) -> None:
    np.testing.assert_allclose(followed(signals, returns, direction), expected, atol=1e-15)


def test_a_short_mirrors_a_long_before_costs() -> None:
    drawn = np.random.default_rng(3)
    signals, returns = drawn.uniform(-1, 1, (50, 3)), drawn.normal(0, 0.01, (50, 3))
    long = stream(signals, returns, "long", rate=0.0)
    short = stream(signals, returns, "short", rate=0.0)
    mirrored = stream(-signals, -returns, "long", rate=0.0)
    np.testing.assert_array_equal(short, mirrored)
    np.testing.assert_allclose((long + short)[1:], signals[:-1] * returns[1:], atol=1e-16)


@pytest.mark.parametrize("cut", [2, 7, 19])
def test_the_future_changes_no_earlier_value(cut: int) -> None:
    drawn = np.random.default_rng(4)
    signals, returns = drawn.uniform(-1, 1, (20, 2)), drawn.normal(0, 0.01, (20, 2))
    whole = stream(signals, returns, "short", rate=RATE)
    again = stream(signals[:cut], returns[:cut], "short", rate=RATE)
    assert whole[:cut].tobytes() == again.tobytes()


def matrix(*symbols: str) -> ReturnsMatrix:
    dates = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[us]")
    return ReturnsMatrix(dates, symbols, np.arange(2.0 * len(symbols)).reshape(2, -1))


def test_streams_stand_beside_the_assets_sorted() -> None:
    streams = {
        Atom("B", "trend", "short"): np.array([NAN, -0.1]),
        Atom("A", "trend", "long"): np.array([NAN, 0.1]),
    }
    found = atom_returns(matrix("A", "B"), streams)
    assert found.symbols == ("A", "A_trend_long", "B", "B_trend_short")
    np.testing.assert_array_equal(found.values, [[0, NAN, 1, NAN], [2, 0.1, 3, -0.1]])


def test_an_asset_with_the_name_of_a_stream_is_refused() -> None:
    streams = {Atom("A", "trend", "long"): np.zeros(2)}
    with pytest.raises(DataError, match="A_trend_long: an asset of the data has the name"):
        atom_returns(matrix("A", "A_trend_long"), streams)
