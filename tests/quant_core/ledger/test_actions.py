from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quant_core.errors import LedgerError
from quant_core.ledger import records, tried_configurations

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from quant_core.ledger import Ledger

    type Begin = Callable[[], AbstractContextManager[Ledger]]


def test_a_success_tells_what_was_made(path: Path, begin: Begin) -> None:
    context, inputs = {"window": "2020-01-01"}, {"m": "aa"}
    with begin() as ledger, ledger.action("solve", context=context, inputs=inputs) as action:
        assert action.seq == ledger.head().seq == 1
        action.outputs["cube"] = "bb"
        action.outcome["solves"] = 3
    _, intent, success = records(path)
    shared = {"name": "solve", "context": {"window": "2020-01-01"}, "inputs": {"m": "aa"}}
    assert intent.body == {**shared, "phase": "intent"}
    assert success.body == {
        **shared,
        "phase": "success",
        "intent": 1,
        "outputs": {"cube": "bb"},
        "outcome": {"solves": 3},
    }


@pytest.mark.parametrize("error", [ValueError("no data"), KeyboardInterrupt("no data")])
def test_an_error_is_recorded_and_raised(path: Path, begin: Begin, error: BaseException) -> None:
    with begin() as ledger, pytest.raises(type(error), match="no data"), ledger.action("solve"):
        raise error
    _, intent, failure = records(path)
    assert (intent.body["phase"], failure.body["phase"]) == ("intent", "error")
    assert failure.body["outcome"] == {"error": type(error).__name__, "message": "no data"}
    assert "outputs" not in failure.body


def test_an_error_message_is_made_writable_and_short(path: Path, begin: Begin) -> None:
    with begin() as ledger, pytest.raises(OSError, match="x"), ledger.action("read"):
        raise OSError("\udce9" + "x" * 5000)
    *_, failure = records(path)
    assert failure.body["outcome"]["message"] == "\\udce9" + "x" * 1994


def test_the_first_error_wins_over_that_of_the_ledger(begin: Begin) -> None:
    with begin() as ledger:
        action = ledger.action("solve")
        action.__enter__()
        ledger.close()
        first = ValueError("first")
        assert action.__exit__(ValueError, first, None) is False
    assert "does not hold this error" in first.__notes__[0]


def test_outputs_that_cannot_be_written_are_an_error(begin: Begin) -> None:
    with (
        begin() as ledger,
        pytest.raises(LedgerError, match="found object"),
        ledger.action("solve") as action,
    ):
        action.outputs["x"] = object()


def test_configurations_are_counted_once_and_only_when_simulated(path: Path, begin: Begin) -> None:
    with begin() as ledger:
        for name, ids in [("simulate", ["b", "a"]), ("simulate", ["a", "c"]), ("solve", ["z"])]:
            with ledger.action(name, context={"configurations": ids}):
                pass
        broken = ledger.action("simulate", context={"configurations": ["y"]})
        with pytest.raises(ValueError, match="x"), broken:
            raise ValueError("x")
        with ledger.action("simulate"):
            pass
    assert tried_configurations(path) == ("a", "b", "c")


def test_configurations_of_a_broken_ledger_are_not_counted(path: Path, begin: Begin) -> None:
    with begin() as ledger, ledger.action("simulate", context={"configurations": ["a", "b"]}):
        pass
    path.write_bytes(path.read_bytes().replace(b'["a","b"]', b'["a"]'))
    with pytest.raises(LedgerError, match=r"audit\.jsonl: line 2: hash: .* it was edited"):
        tried_configurations(path)
