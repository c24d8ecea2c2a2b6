"""Transitions of the quarantine, one table a rule, under a clock that stands still."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.clock import VirtualClock, use_clock
from quant_core.live import CircuitBreaker, Quarantine, Settings, Standing

SETTINGS = Settings(max_failures=3, backoff_seconds=10.0, max_backoff_seconds=35.0)


@pytest.fixture
def still() -> Iterator[VirtualClock]:
    with use_clock(VirtualClock()) as replacement:
        assert isinstance(replacement, VirtualClock)
        yield replacement


def play(quarantine: Quarantine, clock: VirtualClock, script: str) -> str:
    """F fails, S succeeds, B begins a call, a digit passes that many tens of seconds.

    Return the state after each step: t trusted, q quarantined, ? on trial.
    """
    states = ""
    for step in script:
        if step == "F":
            quarantine.failed("a", "raised")
        elif step == "S":
            quarantine.succeeded(["a"])
        elif step == "B":
            quarantine.started("a")
        else:
            clock.sleep(10.0 * int(step))
        states += {"trusted": "t", "quarantined": "q", "trial": "?"}[quarantine.standing("a").state]
    return states


@pytest.mark.parametrize(
    ("script", "states"),
    [
        ("FF", "tt"),
        ("FFF", "ttq"),
        ("FFSFF", "ttttt"),  # a success starts the count anew
        ("FFSFFF", "tttttq"),
        ("FFF0", "ttqq"),
        ("FFF1", "ttq?"),
        ("FFF1S", "ttq?t"),
        ("FFF1SFF", "ttq?ttt"),  # and the record is clean after a trial
        ("FFF1SFFF", "ttq?tttq"),
        ("FFF1F", "ttq?q"),  # one failure is enough on trial
        ("FFF1F1", "ttq?qq"),  # twice as long
        ("FFF1F2", "ttq?q?"),
        ("FFF1F2F3", "ttq?q?qq"),  # 35 seconds, not 40
        ("FFF1F2F4", "ttq?q?q?"),
        ("FFF1F2F4F3", "ttq?q?q?qq"),  # and no longer
        ("FFF1F2F4F4", "ttq?q?q?q?"),
        ("FFFF1", "ttqq?"),  # outcomes of earlier calls lengthen nothing
        ("FFFS", "ttqq"),  # and end nothing
        ("FFF1B", "ttq?q"),  # one call is under way, a second is not allowed
        ("FFF1BS", "ttq?qt"),
        ("FFF1BF", "ttq?qq"),
        ("FFF1BF1", "ttq?qqq"),
        ("FFF1BF2", "ttq?qq?"),
        ("FFF1B1", "ttq?q?"),  # its outcome never came: another trial
        ("FFF1B1S", "ttq?q?t"),
        ("B", "t"),
        ("BFFF", "tttq"),
    ],
)
def test_every_transition(still: VirtualClock, script: str, states: str) -> None:
    assert play(Quarantine(SETTINGS), still, script) == states


def test_the_record_says_why_and_until_when(still: VirtualClock) -> None:
    quarantine = Quarantine(SETTINGS)
    assert [quarantine.failed("a", f"reason {k}") for k in range(4)] == [False, False, True, False]
    assert quarantine.standing("a") == Standing("quarantined", 4, 10.0, 10.0, "reason 3")
    still.sleep(10.0)
    assert quarantine.standing("a") == Standing("trial", 4, 10.0, 10.0, "reason 3")
    quarantine.succeeded(["a"])
    assert quarantine.standing("a") == Standing("trusted", 0, -math.inf, 0.0, "")


def test_the_first_backoff_is_kept_where_the_longest_is_shorter(still: VirtualClock) -> None:
    settings = Settings(max_failures=1, backoff_seconds=10.0, max_backoff_seconds=1.0)
    quarantine = Quarantine(settings)
    assert play(quarantine, still, "F1F1") == "q?q?"


def test_the_mask_follows_failures_time_and_names(still: VirtualClock) -> None:
    quarantine = Quarantine(Settings(max_failures=1, backoff_seconds=10.0))
    names = ("a", "b", "c")
    assert quarantine.allowed(names).tolist() == [True, True, True]
    quarantine.failed("b", "raised")
    assert quarantine.allowed(names).tolist() == [True, False, True]
    assert quarantine.allowed(("b", "a")).tolist() == [False, True]
    still.sleep(9.0)
    quarantine.failed("c", "raised")
    assert quarantine.allowed(names).tolist() == [True, False, False]
    assert list(quarantine.quarantined()) == ["b", "c"]
    still.sleep(1.0)
    assert quarantine.allowed(names).tolist() == [True, True, False]
    assert list(quarantine.quarantined()) == ["c"]
    quarantine.forget("c")
    assert quarantine.allowed(names).tolist() == [True, True, True]
    assert quarantine.quarantined() == {}


def test_an_unchanged_mask_is_not_computed_again(still: VirtualClock) -> None:
    quarantine = Quarantine(Settings(max_failures=1, backoff_seconds=10.0))
    names = ("a", "b")
    quarantine.failed("a", "raised")
    first = quarantine.allowed(names)
    quarantine.succeeded(["b"])
    still.sleep(9.0)
    assert quarantine.allowed(names) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = True
    still.sleep(1.0)
    assert quarantine.allowed(names) is not first


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("FSB1")), max_size=60))
def test_the_mask_agrees_with_the_standings(steps: list[tuple[str, str]]) -> None:
    names = ("a", "b", "c")
    with use_clock(VirtualClock()) as clock:
        assert isinstance(clock, VirtualClock)
        quarantine = Quarantine(Settings(max_failures=2, backoff_seconds=10.0))
        for name, step in steps:
            if step == "F":
                quarantine.failed(name, "raised")
            elif step == "S":
                quarantine.succeeded([name])
            elif step == "B":
                quarantine.started(name)
            else:
                clock.sleep(10.0)
            cached = quarantine.allowed(names)
            fresh = quarantine.allowed(list(names))
            states = [quarantine.standing(name).state != "quarantined" for name in names]
            np.testing.assert_array_equal(cached, fresh)
            assert cached.tolist() == states


def test_a_circuit_opens_per_backend_and_closes_on_a_success(still: VirtualClock) -> None:
    breaker = CircuitBreaker(Settings(max_failures=2, backoff_seconds=10.0))
    assert not breaker.failed("remote", "refused the connection")
    assert breaker.failed("remote", "refused the connection")
    assert (breaker.closed("remote"), breaker.closed("trees")) == (False, True)
    still.sleep(10.0)
    assert breaker.closed("remote")
    breaker.succeeded("remote")
    assert breaker.standing("remote") == Standing()
