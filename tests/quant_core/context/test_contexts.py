from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from quant_core.context import (
    DataIdentity,
    Difference,
    MetaContext,
    RunData,
    SelectionContext,
)
from quant_core.errors import ConfigError

BASE = SelectionContext(
    run_id="r1",
    atoms=("B", "A", "B"),
    features=("hurst",),
    parameters={"windows": {"train": 252, "on": [1, 2]}},
    counts={"dates": 10, "kept": 20},
)


def test_names_are_sorted_and_each_is_there_once() -> None:
    assert BASE.atoms == ("A", "B")


def test_nothing_in_a_context_can_be_changed() -> None:
    with pytest.raises(ValidationError):
        BASE.atoms = ("C",)
    with pytest.raises(TypeError):
        BASE.counts["dates"] = 3  # type: ignore[index]
    with pytest.raises(TypeError):
        BASE.parameters["windows"]["train"] = 3


def test_a_context_holds_a_copy_of_what_it_was_given() -> None:
    counts = {"dates": 1}
    context = SelectionContext(run_id="r1", counts=counts)
    counts["dates"] = 2
    assert context.counts["dates"] == 1


def test_a_context_survives_json_and_a_copy_to_another_process() -> None:
    assert SelectionContext.model_validate_json(BASE.model_dump_json()) == BASE
    assert copy.deepcopy(BASE) == BASE


def test_what_changed_is_told_by_field_and_entry() -> None:
    after = BASE.with_changes(
        atoms=("A", "C"),
        features=("hurst", "entropy"),
        parameters={"windows": {"train": 60, "on": [1, 2]}},
        counts={"dates": 10, "kept": 19, "winners": 1},
    )
    changed = after.diff(BASE)
    assert changed == Difference(
        added={"atoms": ("C",), "features": ("entropy",)},
        removed={"atoms": ("B",)},
        changed={
            "parameters.windows": ({"train": 252, "on": (1, 2)}, {"train": 60, "on": (1, 2)}),
            "counts.kept": (20, 19),
            "counts.winners": (None, 1),
        },
    )
    assert str(changed) == "+1 atoms, +1 features, -1 atoms, kept 19, winners 1"
    assert not BASE.diff(BASE)
    assert str(BASE.diff(BASE)) == "nothing changed"


def test_a_long_difference_is_told_in_bounded_size() -> None:
    many = tuple(f"S{number:04d}" for number in range(5000))
    told = BASE.with_changes(atoms=many).diff(BASE).to_dict()
    assert told["added"]["atoms"]["count"] == 5000
    assert told["added"]["atoms"]["names"] == [f"S{number:04d}" for number in range(20)]
    assert len(told["added"]["atoms"]["digest"]) == 32
    assert told["removed"] == {"atoms": {"count": 2, "names": ["A", "B"]}}
    assert "changed" not in told


@pytest.mark.parametrize(
    ("one", "other", "keep", "expected"),
    [
        ({"atoms": ("A",)}, {"counts": {"x": 1}}, {}, {"atoms": ("A",), "counts": {"x": 1}}),
        ({"atoms": ("A",)}, {"atoms": ("A",)}, {}, {"atoms": ("A",)}),
        ({"counts": {"x": 1}}, {"counts": {"y": 2}}, {}, {"counts": {"x": 1, "y": 2}}),
        ({"atoms": ("A",)}, {"atoms": ("B",)}, {"atoms": "own"}, {"atoms": ("A",)}),
        ({"atoms": ("A",)}, {"atoms": ("B",)}, {"atoms": "other"}, {"atoms": ("B",)}),
        ({"atoms": ("B",)}, {"atoms": ("A",)}, {"atoms": "both"}, {"atoms": ("A", "B")}),
        (
            {"counts": {"x": 1}},
            {"counts": {"x": 2, "y": 3}},
            {"counts": "other"},
            {"counts": {"x": 2, "y": 3}},
        ),
    ],
)
def test_two_contexts_are_merged(
    one: dict[str, Any], other: dict[str, Any], keep: dict[str, Any], expected: dict[str, Any]
) -> None:
    left, right = (SelectionContext(run_id="r1", **given) for given in (one, other))
    before = left.model_dump()
    assert left.merge(right, keep=keep) == SelectionContext(run_id="r1", **expected)
    assert left.model_dump() == before


@pytest.mark.parametrize(
    ("other", "keep", "message"),
    [
        ({"atoms": ("C",)}, {}, r"context: atoms: .*\('A', 'B'\) and \('C',\).*'atoms': 'own'"),
        ({"counts": {"kept": 1}}, {}, r"context: counts.kept: .* 20 and 1; .*'counts': 'own'"),
        ({"counts": {"kept": 1}}, {"counts": "both"}, "'both' is for sequences of names"),
        ({"run_id": "r2"}, {"run_id": "both"}, "run_id: 'both' is for sequences"),
        ({"run_id": "r2"}, {}, "run_id: two contexts contradict each other, 'r1' and 'r2'"),
    ],
)
def test_contradictions_are_refused(
    other: dict[str, Any], keep: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        BASE.merge(SelectionContext(**{"run_id": "r1", **other}), keep=keep)


def test_a_run_knows_its_data_and_windows() -> None:
    data = DataIdentity(origin="prices.csv", version="9f", symbols=3, dates=5, kept=15)
    run = RunData(
        run_id="r1", sleeve="us", config_hash="c1", config={"seed": 7}, data=data,
        windows=("2020-01-01",), seed=7, started=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert RunData.model_validate_json(run.model_dump_json()) == run
    other = data.model_copy(update={"version": "aa"})
    assert run.with_changes(data=other).diff(run).changed == {"data": (data, other)}
    with pytest.raises(ValidationError):
        run.with_changes(run_id="")
    with pytest.raises(ValidationError):
        run.with_changes(unknown=1)


def test_portfolios_of_portfolios_are_put_together() -> None:
    one = MetaContext(run_id="r1", name="all", members=("us",), streams={"us/hrp": "1f"})
    two = MetaContext(run_id="r1", name="all", members=("crypto",), streams={"crypto/hrp": "2f"})
    both = one.merge(two, keep={"members": "both"})
    assert both.members == ("crypto", "us")
    assert dict(both.streams) == {"us/hrp": "1f", "crypto/hrp": "2f"}
