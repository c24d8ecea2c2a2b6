from __future__ import annotations

from datetime import UTC, datetime

import pytest

from quant_core.clock import Clock, SystemClock, VirtualClock, clock, generator, use_clock


class FrozenClock:
    def now(self) -> datetime:
        return datetime(2020, 1, 2, tzinfo=UTC)

    def seconds(self) -> float:
        return 7.0

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def test_a_clock_is_in_force_inside_its_block_only() -> None:
    frozen: Clock = FrozenClock()
    before = clock()
    with use_clock(frozen) as current:
        assert current is frozen
        assert clock() is frozen
    assert clock() is before
    with pytest.raises(ZeroDivisionError), use_clock(frozen):
        raise ZeroDivisionError
    assert clock() is before


def test_the_system_clock_is_in_utc_and_never_runs_back() -> None:
    system = SystemClock()
    assert system.now().tzinfo is UTC
    first = system.seconds()
    assert system.seconds() >= first


@pytest.mark.parametrize(
    ("seed", "names", "expected"),
    [
        (0, (), [494, 636, 582]),
        (0, ("bootstrap",), [343, 818, 369]),
        (1, ("bootstrap",), [467, 238, 513]),
        (1, ("bootstrap", "us_equity"), [922, 620, 787]),
    ],
)
def test_a_stream_is_fixed_by_seed_and_purpose(
    seed: int, names: tuple[str, ...], expected: list[int]
) -> None:
    assert generator(seed, *names).integers(0, 1000, 3).tolist() == expected


def test_two_purposes_never_share_a_stream() -> None:
    streams = [
        generator(1, "a", "b"),
        generator(1, "ab"),
        generator(1, "a"),
        generator(2, "a", "b"),
    ]
    drawn = {tuple(stream.integers(0, 2**63, 2).tolist()) for stream in streams}
    assert len(drawn) == 4


def test_a_virtual_clock_moves_by_sleep_alone() -> None:
    with use_clock(VirtualClock(datetime(2024, 2, 29, tzinfo=UTC))) as virtual:
        readings = [virtual.seconds()]
        for seconds in (1.5, -1.0, 0.5):
            virtual.sleep(seconds)
            readings.append(virtual.seconds())
        assert readings == [0.0, 1.5, 1.5, 2.0]
        assert virtual.now() == datetime(2024, 2, 29, 0, 0, 2, tzinfo=UTC)
