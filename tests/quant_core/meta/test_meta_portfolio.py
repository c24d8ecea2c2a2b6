from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from quant_core.cells import parquet_bytes
from quant_core.errors import ConfigError, MissingPartitionError
from quant_core.meta import (
    CASH,
    MetaTables,
    bound_violations,
    cell_text,
    compute_metas,
    date_violations,
    leaks,
    read_holdings,
    weekend_fills,
)
from quant_core.metrics import path_metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from quant_core.meta import MetaConfig, MetaPortfolio

PARTS = ("weights", "streams", "nav", "leaderboard", "members", "holdings")


def computed(
    config: MetaConfig, sleeves: dict[str, Any], *inside: MetaConfig, **stored: Any
) -> MetaPortfolio:
    metas = {one.name: one for one in (*inside, config)}
    return compute_metas(config.name, metas, sleeves, stored)[config.name]


def tables_of(portfolio: MetaPortfolio) -> MetaTables:
    return MetaTables.of(portfolio, tried=3)


def sources(portfolio: MetaPortfolio) -> dict[tuple[str, str], Any]:
    return {
        (stream.member, cell_text(stream.cell)): (stream.days, stream.nav)
        for family in portfolio.families
        for stream in family.streams
    }


def test_every_solve_keeps_its_bounds_and_sums_to_one_with_cash(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    portfolio = computed(meta(), sleeves)
    tables = tables_of(portfolio)
    assert {solve.status for solve in portfolio.every_solve} == {"optimal"}
    assert bound_violations(portfolio.config, tables.weights) == []
    weights = np.array([solve.weights for solve in portfolio.solves["min_variance"]])
    assert weights.min() == pytest.approx(0.05, abs=1e-9)  # crypto is three times as volatile
    assert weights.max() <= 0.5 + 1e-9


def test_the_weights_of_equal_risk_are_those_of_the_common_days(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    config = meta(profiles=[{"name": "risk_parity", "covariance": "sample"}], bounds={"most": 1.0})
    portfolio = computed(config, sleeves)
    window, solve = portfolio.windows[3], portfolio.solves["risk_parity"][3]
    train = portfolio.families[0].values[window.train]
    share = solve.weights * (np.cov(train.T) @ solve.weights)
    assert share / share.sum() == pytest.approx([1 / 3] * 3, abs=1e-8)
    assert solve.day == portfolio.families[0].days[window.test.start]
    assert portfolio.families[0].days[window.train][-1] < window.start


def test_days_are_common_and_weekends_are_compounded(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    portfolio = computed(meta(), sleeves)
    tables = tables_of(portfolio)
    assert np.is_busday(portfolio.common).all()
    assert date_violations(tables.streams, tables.nav, portfolio.days) == []
    assert weekend_fills(tables.streams, sources(portfolio)) == []


def test_a_filled_weekend_and_a_left_out_day_are_found(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    portfolio = computed(meta(), sleeves)
    tables = tables_of(portfolio)
    shifted = pa.array(tables.streams["date"].to_numpy() + np.timedelta64(5, "D"))
    moved = tables.streams.set_column(4, "date", shifted.cast(pa.date32()))
    assert "is no day of" in date_violations(moved, tables.nav, portfolio.days)[0]
    short = tables.nav.slice(0, 5)
    fewer = short.filter(pa.array([True, True, False, True, True]))
    assert "are common to all members" in date_violations(tables.streams, fewer, portfolio.days)[0]
    nav = tables.streams["nav"].to_numpy().copy()
    nav[10:] *= 0.999
    wrong = tables.streams.set_column(5, "nav", pa.array(nav))
    assert "the return of" in weekend_fills(wrong, sources(portfolio))[0]


def test_two_members_that_may_hold_half_each_hold_half_each_and_one_is_infeasible(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    two = computed(meta(members=[{"sleeve": "us"}, {"sleeve": "crypto"}]), sleeves)
    assert {tuple(solve.weights.round(9)) for solve in two.every_solve} == {(0.5, 0.5)}
    one = computed(meta(members=[{"sleeve": "us"}]), sleeves)
    assert {solve.status for solve in one.every_solve} == {"infeasible"}
    assert one.absent["hrp" if "hrp" in one.solves else "risk_parity", "window"][0] == "infeasible"
    board = tables_of(one).leaderboard.to_pylist()
    assert [row["rank"] for row in board] == [None] * 3
    assert board[0]["windows_in_cash"] == board[0]["windows"]
    cash = [row for row in tables_of(one).weights.to_pylist() if row["member"] == CASH]
    assert {row["weight"] for row in cash} == {1.0}


def test_a_family_that_a_member_lacks_is_unavailable_with_the_reason(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    portfolio = computed(meta(profiles=["hrp", "equal_weight"]), sleeves)
    status, reason = portfolio.absent["hrp", "window"]
    assert status == "unavailable"
    assert "crypto: it has no profile hrp" in reason
    assert [path.profile for path in portfolio.paths] == ["equal_weight"]


def test_the_path_is_the_members_less_the_cost_of_moving_between_them(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    free = {"slippage_bps": 0, "commission_bps": 0}
    config = meta(profiles=["equal_weight"], rebalances=["daily"], costs=free)
    portfolio = computed(config, sleeves)
    path, family = portfolio.paths[0], portfolio.families[0]
    own = family.values[portfolio.span].mean(axis=1)
    assert path.period_return[1:] == pytest.approx(own[1:], abs=1e-14)
    dear = computed(meta(profiles=["equal_weight"], rebalances=["daily"]), sleeves).paths[0]
    assert dear.nav[-1] < path.nav[-1]
    assert dear.cost[0] == pytest.approx(6e-4)


def test_the_best_cell_is_that_of_the_train_rows_alone(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    members = [{"sleeve": "us", "choose": "best"}, {"sleeve": "crypto"}, {"sleeve": "bonds"}]
    portfolio = computed(meta(members=members), sleeves)
    family = portfolio.families[0]
    own = [at for at, stream in enumerate(family.streams) if stream.member == "us"]
    assert len(own) == 2
    chosen = set()
    for window, solve in zip(portfolio.windows, portfolio.solves["equal_weight"], strict=True):
        train = np.ascontiguousarray(family.values[window.train][:, own].T)
        sharpe = path_metrics(train, periods_per_year=252)["sharpe"]
        assert solve.cells[0] == family.streams[own[int(np.argmax(sharpe))]].cell
        chosen.add(solve.cells[0])
    assert len(chosen) == 2


def test_the_best_of_finalists_is_refused(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    picked = {**sleeves, "us": replace(sleeves["us"], changes={"finalists": 2})}
    members = [{"sleeve": "us", "choose": "best", "simulator": "vectorbt"}, {"sleeve": "crypto"}]
    with pytest.raises(ConfigError, match="known in hindsight alone"):
        computed(meta(members=members), picked)


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ({"selection": "fw"}, r"selection: it has no 'fw' \(did you mean 'few'\?\)"),
        ({"profiles": {"equal_weight": "hrp"}}, "profiles.equal_weight: it has no 'hrp'"),
        ({"simulator": "nautilus"}, "expected one of custom, vectorbt"),
    ],
)
def test_a_cell_that_the_sleeve_does_not_have_is_refused(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any], member: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        computed(meta(members=[{"sleeve": "us", **member}, {"sleeve": "crypto"}]), sleeves)


def test_a_sleeve_without_results_is_named(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    with pytest.raises(MissingPartitionError, match=r"no results of sleeve 'cripto'.*'crypto'"):
        computed(meta(members=[{"sleeve": "us"}, {"sleeve": "cripto"}]), sleeves)


def test_equal_inputs_give_equal_bytes_and_solves_are_found_again(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    first = computed(meta(), sleeves)
    tables = tables_of(first)
    again = computed(meta(), dict(reversed(sleeves.items())), world=tables.weights)
    assert (first.computed, again.computed) == (len(first.every_solve), 0)
    for part in PARTS:
        found = [parquet_bytes(getattr(one, part)) for one in (tables, tables_of(again))]
        assert found[0] == found[1], part


def test_an_edit_recomputes_its_own_profile_and_a_new_day_its_own_window(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    stored = tables_of(computed(meta(), sleeves)).weights
    capped = ["equal_weight", {"name": "min_variance", "cap": 0.45}, "risk_parity"]
    edited = computed(meta(profiles=capped), sleeves, world=stored)
    assert edited.computed == len(edited.windows)
    assert computed(meta(bounds={"most": 0.6}), sleeves, world=stored).computed == len(
        edited.every_solve
    )
    past = {name: sleeve.until("2021-01-15") for name, sleeve in sleeves.items()}
    old = computed(meta(), past)
    now = computed(meta(), sleeves, world=tables_of(old).weights)
    assert now.computed == 3 * (len(now.windows) - len(old.windows)) == 3


def test_a_portfolio_may_hold_another(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    inner = meta("inner", members=[{"sleeve": "crypto"}, {"sleeve": "bonds"}])
    outer = meta(
        members=[{"sleeve": "us"}, {"meta": "inner"}], windows={"train": 40, "step": "month"}
    )
    portfolio = computed(outer, sleeves, inner)
    tables = tables_of(portfolio)
    lost, wrong = leaks(tables.holdings, tables.weights)
    assert lost < 1e-12
    assert wrong == []
    rows = tables.holdings.to_pylist()
    last = max(row["date"] for row in rows)
    held = read_holdings(
        row for row in rows if row["date"] == last and row["profile"] == "equal_weight"
    )
    by_path: dict[str, float] = {}
    for holding in held:
        for one in holding.contributors:
            by_path[f"{one.path}:{one.sleeve}"] = (
                by_path.get(f"{one.path}:{one.sleeve}", 0.0) + one.weight
            )
    assert {name: round(weight, 12) for name, weight in by_path.items()} == {
        "world:us": 0.5,
        "world/inner:crypto": 0.25,
        "world/inner:bonds": 0.25,
    }
    gold = next(holding for holding in held if holding.symbol == "GLD")
    assert [one.sleeve for one in gold.contributors] == ["us", "crypto"]
    short = next(holding for holding in held if holding.symbol == "AAA")
    assert short.net_weight < 0
    assert portfolio.trials == 6 + 12 + 3


def test_a_lost_weight_is_found(meta: Callable[..., MetaConfig], sleeves: dict[str, Any]) -> None:
    tables = tables_of(computed(meta(), sleeves))
    rows = tables.holdings.to_pylist()
    rows[4]["contributors"][0]["weight"] += 1e-5
    holdings = pa.Table.from_pylist(rows, schema=tables.holdings.schema)
    lost, wrong = leaks(holdings, tables.weights)
    assert lost == pytest.approx(1e-5, rel=1e-6)
    assert len(wrong) == 1


def test_symbols_may_be_called_otherwise_outside(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    members = [{"sleeve": "us", "symbols": {"GLD": "gold"}}, {"sleeve": "crypto"},
               {"sleeve": "bonds"}]  # fmt: skip
    symbols = set(
        tables_of(computed(meta(members=members), sleeves)).holdings["symbol"].to_pylist()
    )
    assert {"gold", "GLD", CASH} <= symbols


def test_a_portfolio_with_the_name_of_a_sleeve_is_refused(
    meta: Callable[..., MetaConfig], sleeves: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="its name is that of a sleeve"):
        computed(meta("us"), sleeves)
