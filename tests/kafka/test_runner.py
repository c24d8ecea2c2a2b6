"""The runner on a real broker: killed, handed over, and without its broker for a while."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kafka._broker import wait_for
from tests.kafka._market import Market, Quote, drawn_quotes

if TYPE_CHECKING:
    from tests.kafka._broker import Broker

REAL = Path(__file__).parents[3] / "shared/data/ticks"


@pytest.fixture
def market(broker: Broker, request: pytest.FixtureRequest, tmp_path: Path) -> Market:
    return Market(broker, request.node.name.removeprefix("test_").replace("_", "-"), tmp_path)


def real_quotes(count: int) -> list[Quote]:
    pandas = pytest.importorskip("pandas")
    if not REAL.exists():
        pytest.skip("no real quotes in a folder shared/data beside the repository")
    frames = [
        pandas.read_parquet(REAL / f"oanda_{name}_quotes_201405.parquet")[:count].assign(name=name)
        for name in ("eurusd", "nzdusd", "xauusd")
    ]
    frame = pandas.concat(frames).sort_values(["ts", "name"], kind="stable")
    instants = frame["ts"].astype("datetime64[ns, UTC]").astype("int64")
    return list(zip(frame["name"], instants.tolist(), frame["bid"], frame["ask"], strict=True))


def test_real_quotes_give_the_signals_of_the_library(market: Market) -> None:
    quotes = real_quotes(1500)
    market.send(quotes)
    expected = len(market.expected())
    assert expected > len(quotes)
    with market.runner():
        found = market.wait_for_signals(expected)
    assert market.check(found) == 0


def test_a_runner_killed_between_emit_and_commit_loses_nothing(market: Market) -> None:
    quotes = drawn_quotes(4, 300)
    market.send(quotes[:600])
    with market.runner(commit_seconds=1000) as process:
        before = market.wait_for_signals(len(market.expected()))
        process.kill()
        process.wait()
    market.send(quotes[600:])
    with market.runner():
        found = wait_for(lambda: _all_of(market, twice=len(before)), seconds=120)
    assert market.check(found) == len(before)


def _all_of(market: Market, *, twice: int) -> dict[str, list[object]] | None:
    found = market.signals()
    whole = len(found) >= len(market.expected())
    return found if whole and sum(len(ones) > 1 for ones in found.values()) >= twice else None


def test_the_one_left_of_two_replicas_takes_over_with_equal_signals(market: Market) -> None:
    quotes = drawn_quotes(6, 400)
    with market.runner() as first, market.runner():
        market.send(quotes[:1200])
        market.wait_for_signals(len(market.expected()))
        with market.broker.admin() as admin:
            wait_for(lambda: _owners(admin, market.name) == [1, 1], seconds=60)
        market.send(quotes[1200:1800])
        market.wait_for_signals(len(market.expected()))
        first.kill()
        first.wait()
        market.send(quotes[1800:])
        found = market.wait_for_signals(len(market.expected()))
    market.check(found)


def _owners(admin: object, group: str) -> list[int]:
    """Return how many partitions each member of a group has."""
    described = admin.describe_groups([group])[group]  # type: ignore[attr-defined] # kafka-python
    # While a group rebalances, its members have no assignment.
    assigned = [member["member_assignment"] or {} for member in described["members"]]
    return [
        sum(len(topic["partitions"]) for topic in one.get("assigned_partitions", ()))
        for one in assigned
    ]


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_broker_killed_and_started_again_loses_no_signal(
    mortal_broker: Broker, tmp_path: Path
) -> None:
    market = Market(mortal_broker, "outage", tmp_path)
    quotes = drawn_quotes(4, 300)
    with market.runner() as process:
        market.send(quotes[:600])
        market.wait_for_signals(100)
        mortal_broker.kill()
        mortal_broker.start()
        market.send(quotes[600:])
        found = market.wait_for_signals(len(market.expected()))
        assert process.poll() is None
    market.check(found)
