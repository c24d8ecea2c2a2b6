"""Measure the custom simulator against others on the same paths, in the same run.

The others both as their adapters run them, on the rows that trade, and in their stock forms.

``python benchmarks/simulators.py [--returns FILE]``: FILE is a wide table of simple returns (CSV
or Parquet, dates first); without it the returns are synthetic, 2,000 days of 500 assets.
"""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from quant_core.clock import clock
from quant_core.simulators import (
    REBALANCES,
    Custom,
    Cvxportfolio,
    Nautilus,
    Rebalance,
    SimulatedPath,
    Simulator,
    Vectorbt,
    simulate,
)
from quant_core.simulators._reference import simulate_reference

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 0.001
INVESTED = 0.95  # below 1, so that costs never cut vectorbt's last purchase
STEP = 20


def read_returns(file: str | None) -> np.ndarray:
    """Return simple returns, shape (T, n)."""
    if file is None:
        return np.random.default_rng(0).normal(0.0003, 0.012, (2000, 500))
    frame = pd.read_parquet(file) if file.endswith(".parquet") else pd.read_csv(file, index_col=0)
    numbers = frame.select_dtypes("number").dropna(axis=1)
    return np.ascontiguousarray(numbers.to_numpy(dtype=np.float64))


def seconds(function: Callable[[], Any], repeats: int) -> float:
    """Return the shortest of several runs, after one that compiles."""
    function()
    durations = []
    for _ in range(repeats):
        start = clock().seconds()
        function()
        durations.append(clock().seconds() - start)
    return min(durations)


def vectorbt_nav(close: np.ndarray, sizes: np.ndarray, capital: float = 1.0) -> np.ndarray:
    """Simulate target percentages with vectorbt; NaN rows do not trade.

    It takes trades of less than 1e-12 shares for none: the distance falls with the capital.
    """
    import vectorbt

    portfolio = vectorbt.Portfolio.from_orders(
        pd.DataFrame(close),
        pd.DataFrame(sizes),
        size_type="targetpercent",
        group_by=True,
        cash_sharing=True,
        call_seq="auto",
        fees=RATE,
        init_cash=capital,
        freq="D",
    )
    return portfolio.value().to_numpy() / capital


def cvxportfolio_nav(values: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Back-test fixed weights with cvxportfolio on every day; NaN before the first weights.

    Its value on a row that trades is that before costs.
    """
    import cvxportfolio as cvx

    times = pd.date_range("2000-01-01", periods=len(values), freq="D")
    names = [*map(str, range(values.shape[1])), "cash"]
    # The return at t is that from t to the next day.
    forward = np.vstack([values[1:], np.zeros((1, values.shape[1]))])
    market = pd.DataFrame(np.column_stack([forward, np.zeros(len(values))]), times, names)
    cash = 1.0 - weights.sum(axis=1)
    targets = pd.DataFrame(np.column_stack([weights, cash]), times[rows], names)
    simulator = cvx.MarketSimulator(
        market_data=cvx.UserProvidedMarketData(
            returns=market, cash_key="cash", min_history=pd.Timedelta(0, "D")
        ),
        costs=[cvx.TransactionCost(a=RATE)],
        round_trades=False,
    )
    found = simulator.backtest(
        cvx.FixedWeights(targets), start_time=times[rows[0]], initial_value=1
    )
    return np.append(np.full(rows[0], np.nan), found.v.to_numpy())


def spread(weights: np.ndarray, rows: np.ndarray, days: int, rebalance: str) -> np.ndarray:
    """Return the order sizes of every day: the weights where the rebalance trades, else NaN."""
    sizes = np.full((days, weights.shape[1]), np.nan)
    if rebalance == "daily":
        places = np.searchsorted(rows, np.arange(days), side="right") - 1
        sizes[places >= 0] = weights[places[places >= 0]]
    else:
        sizes[rows] = weights
    return sizes


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest relative distance of two paths."""
    return float(np.max(np.abs(one / other - 1.0)))


def line(what: str, duration: float, ratio: float, distance: float) -> None:
    """Print a row of the table."""
    print(f"{what:<52}{1e3 * duration:>11.3f}{ratio:>11,.0f}x{distance:>13.1e}")


def measure(values: np.ndarray, weights: np.ndarray, rows: np.ndarray, label: str) -> None:
    """Print the rows of one set of weights."""
    close = np.cumprod(1.0 + values, axis=0)
    for name, kind in REBALANCES.items():
        rebalance: Rebalance = kind()

        def custom(rebalance: Rebalance = rebalance) -> SimulatedPath:
            return simulate(
                Custom(), rebalance, values=values, weights=weights, rows=rows, rate=RATE
            )

        path, own = custom(), seconds(custom, 50)
        nav = path.nav
        slow = simulate_reference(rebalance, values=values, weights=weights, rows=rows, rate=RATE)
        line(f"{label} {name}: custom, against the reference", own, 1.0, apart(nav, slow.nav))
        adapters: list[Simulator] = [Vectorbt(), Cvxportfolio()]
        if label == "25 held":
            adapters += [Nautilus(), Nautilus(every_bar=True)]
        for simulator in adapters:
            given = {"weights": weights[:1], "rows": rows[:1], "rate": RATE}
            simulate(simulator, rebalance, values=values[: rows[0] + 1], **given)  # imports it
            started = clock().seconds()
            answer = simulate(
                simulator, rebalance, values=values, weights=weights, rows=rows, rate=RATE
            )
            duration = clock().seconds() - started
            distance = apart(answer.nav, nav)
            form = ", every bar" if getattr(simulator, "every_bar", False) else ""
            text = f"{label} {name}: adapter {simulator.name}{form}"
            line(text, duration, duration / own, distance)
        if name == "daily_5pct":
            continue  # they have no drift rule to compare with
        if name == "window" and label == "25 held":
            started = clock().seconds()
            found = cvxportfolio_nav(values, weights, rows)[rows[0] :]
            duration = clock().seconds() - started
            before_cost = (nav / (1.0 - path.cost))[rows[0] :]
            text = f"{label} {name}: cvxportfolio's back-test of every day"
            line(text, duration, duration / own, apart(found, before_cost))
        sizes = spread(weights, rows, len(values), name)
        found = vectorbt_nav(close, sizes)
        duration = seconds(lambda sizes=sizes: vectorbt_nav(close, sizes), 3)
        line(f"{label} {name}: vectorbt, every day", duration, duration / own, apart(found, nav))
        found = vectorbt_nav(close, sizes, 1e12)
        text = f"{label} {name}: vectorbt, every day, capital of 1e12"
        line(text, duration, duration / own, apart(found, nav))
        if name == "window":
            found = vectorbt_nav(close[rows], weights)
            duration = seconds(lambda: vectorbt_nav(close[rows], weights), 3)
            distance = apart(found, nav[rows])
            line(f"{label} {name}: vectorbt, trade rows only", duration, duration / own, distance)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--returns", help="wide table of simple returns, CSV or Parquet")
    values = read_returns(parser.parse_args().returns)
    days, columns = values.shape
    rows = np.arange(min(252, days // 4), days, STEP)
    draw = np.random.default_rng(1)
    dense = draw.dirichlet(np.ones(columns), len(rows)) * INVESTED
    few = np.zeros_like(dense)
    for window in few:
        window[draw.choice(columns, min(25, columns), replace=False)] = INVESTED / min(25, columns)
    print(f"{days:,} days, {columns} assets, {len(rows)} rebalances, cost {RATE:.1%}")
    print(f"{'':<52}{'ms':>11}{'ratio':>12}{'NAV apart':>13}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # vectorbt warns of pandas' and numba's futures
        measure(values, dense, rows, "all held")
        measure(values, few, rows, "25 held")


if __name__ == "__main__":
    main()
