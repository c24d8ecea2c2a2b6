from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.features import Feature, FeatureBank, FeatureSet, bars

if TYPE_CHECKING:
    from quant_core.features import Rows

type Ticks = tuple[np.ndarray, np.ndarray, np.ndarray]

NAMES = ("EURUSD", "NZDUSD", "XAUUSD")


def pushed(
    bank: FeatureBank,
    instrument: np.ndarray,
    ts: np.ndarray,
    price: np.ndarray,
    cuts: list[int],
    names: tuple[str, ...] = NAMES,
) -> dict[str, list[tuple[int, Rows]]]:
    """Push ticks in pieces; the rows of each sampling, with where their piece began."""
    found: dict[str, list[tuple[int, Rows]]] = {sampling: [] for sampling in bank.samplings}
    borders = [0, *cuts, len(price)]
    for start, stop in pairwise(borders):
        piece = slice(start, stop)
        for rows in bank.push(names, instrument[piece], ts[piece], price[piece]):
            found[rows.sampling].append((start, rows))
    return found


def of_instrument(
    bank: FeatureBank, found: list[tuple[int, Rows]], name: str, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    code = bank.instruments.index(name)
    values = [rows.values[rows.instrument == code][:, columns] for _, rows in found]
    ticks = [start + rows.tick[rows.instrument == code] for start, rows in found]
    return np.concatenate(values), np.concatenate(ticks)


def test_every_quote(quotes: Ticks, every_kind: tuple[Feature, ...]) -> None:
    chosen = FeatureSet(features=every_kind)
    bank = FeatureBank([chosen])
    instrument, ts, price = quotes
    found = pushed(bank, instrument, ts, price, list(range(0, len(price), 977))[1:])
    for code, name in enumerate(NAMES):
        streamed, ticks = of_instrument(bank, found["tick"], name, bank.columns(chosen))
        own = np.flatnonzero(instrument == code)
        assert ticks.tolist() == own.tolist()
        assert streamed.tobytes() == chosen.batch(price[own][:, None])[:, 0].tobytes()


@pytest.mark.parametrize("sampling", ["1s", "1m", "1h"])
def test_bars_of_quotes(quotes: Ticks, every_kind: tuple[Feature, ...], sampling: str) -> None:
    chosen = FeatureSet(features=every_kind, sampling=sampling)
    bank = FeatureBank([chosen])
    instrument, ts, price = quotes
    found = pushed(bank, instrument, ts, price, list(range(0, len(price), 1777))[1:])
    last = {rows.sampling: rows for rows in bank.close_bars()}[sampling]
    for code, name in enumerate(NAMES):
        own = np.flatnonzero(instrument == code)
        sampled = bars(ts[own], price[own], sampling)
        expected = chosen.batch(sampled.close[:, None])[:, 0]
        streamed, ticks = of_instrument(bank, found[sampling], name, bank.columns(chosen))
        assert ticks.tolist() == own[sampled.known[:-1]].tolist()
        assert streamed.tobytes() == expected[:-1].tobytes()
        row = last.values[last.instrument == bank.instruments.index(name)]
        assert row[0, bank.columns(chosen)].tobytes() == expected[-1].tobytes()


def test_daily_closes(
    closes: tuple[tuple[str, ...], np.ndarray, np.ndarray], every_kind: tuple[Feature, ...]
) -> None:
    names, dates, prices = closes
    chosen = FeatureSet(features=every_kind, sampling="1d")
    row, column = np.nonzero(~np.isnan(prices))
    bank = FeatureBank([chosen])
    (rows,) = bank.push(names, column, dates[row], prices[row, column])
    (ends,) = bank.close_bars()
    expected = chosen.batch(prices)
    code = np.array([bank.instruments.index(name) for name in names])
    streamed = np.full_like(expected, np.nan)
    # A row carries the tick that closed its bar: the next date's.
    streamed[row[rows.tick] - 1, np.argsort(code)[rows.instrument]] = rows.values
    streamed[-1, np.argsort(code)[ends.instrument]] = ends.values
    assert len(names) > 450
    assert np.isnan(prices[0]).any()
    assert streamed.tobytes() == expected.tobytes()


@settings(max_examples=60)
@given(data=st.data())
def test_any_pieces_in_any_company(data: st.DataObject, every_kind: tuple[Feature, ...]) -> None:
    """Neither the borders of the batches nor the other instruments change a value."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    length = data.draw(st.integers(1, 300))
    cuts = sorted(data.draw(st.lists(st.integers(0, length), max_size=12)))
    sampling = data.draw(st.sampled_from(["tick", "1s", "3s"]))
    instrument = rng.integers(0, 3, length)
    ts = rng.integers(-5, 10, 1)[0] * 10**9 + rng.integers(0, 10**9, length).cumsum()
    price = np.exp(rng.normal(0, 0.01, length).cumsum()).round(2)
    chosen = FeatureSet(features=every_kind, sampling=sampling)
    bank = FeatureBank([FeatureSet(features=every_kind[:1]), chosen])
    found = pushed(bank, instrument, ts, price, cuts)[sampling]
    for code, name in enumerate(NAMES):
        own = np.flatnonzero(instrument == code)
        if not len(own):
            assert name not in bank.instruments
            continue
        sampled = bars(ts[own], price[own], sampling)
        closed = sampled.known < len(own)
        streamed, ticks = of_instrument(bank, found, name, bank.columns(chosen))
        assert ticks.tolist() == own[sampled.known[closed]].tolist()
        expected = chosen.batch(sampled.close[closed][:, None])[:, 0]
        assert streamed.tobytes() == expected.tobytes()
