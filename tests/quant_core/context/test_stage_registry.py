from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quant_core.context import Stage, StageRegistry
from quant_core.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Callable


def stage(name: str, needs: str = "", provides: str = "", **more: Any) -> Stage[Any]:
    return Stage(
        name,
        lambda _run, given: dict.fromkeys(provides.split(), sorted(given)),
        needs=tuple(needs.split()),
        provides=tuple(provides.split()),
        **more,
    )


THREE: StageRegistry[Any] = StageRegistry(
    [stage("a", "", "x"), stage("b", "x", "y"), stage("c", "x y", "z")]
)


def test_stages_are_in_order_and_found_by_name() -> None:
    assert THREE.names == ("a", "b", "c")
    assert (len(THREE), "b" in THREE, "d" in THREE) == (3, True, False)
    assert THREE["b"].needs == ("x",)
    assert [one.name for one in THREE] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda stages: stages.insert(stage("d")), ("a", "b", "c", "d")),
        (lambda stages: stages.insert(stage("d"), before="a"), ("d", "a", "b", "c")),
        (lambda stages: stages.insert(stage("d"), after="b"), ("a", "b", "d", "c")),
        (lambda stages: stages.remove("b"), ("a", "c")),
        (lambda stages: stages.replace(stage("b", "x", "w")), ("a", "b", "c")),
    ],
)
def test_a_change_gives_another_registry(
    change: Callable[[StageRegistry[Any]], StageRegistry[Any]], names: tuple[str, ...]
) -> None:
    assert change(THREE).names == names
    assert THREE.names == ("a", "b", "c")
    assert THREE["b"].provides == ("y",)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: StageRegistry([stage("a"), stage("a")]), "stage 'a': the name is taken"),
        (lambda: THREE.insert(stage("b")), "stage 'b': the name is taken"),
        (lambda: THREE.insert(stage("d"), before="a", after="b"), "stage 'd': .* found both"),
        (lambda: THREE.remove("bb"), "stage 'bb': unknown; did you mean 'b'?"),
        (lambda: THREE["select"], "stage 'select': unknown; known: a, b, c"),
        (
            lambda: THREE.remove("b").of(None),
            "stage 'c': needs y, which no stage before it provides \\(none does\\)",
        ),
        (
            lambda: THREE.remove("b").insert(stage("b", "x", "y")).of(None),
            "stage 'c': needs y, .*\\(stage 'b' does, but comes later\\)",
        ),
        (lambda: THREE["c"].given({"x": 1}), "stage 'c': needs y, found x; run a stage that"),
        (lambda: THREE["c"].given({}), "stage 'c': needs x, y, found nothing"),
        (lambda: THREE["b"].provided({}), "stage 'b': did not return y; correct its provides"),
        (lambda: THREE["b"].provided(None), "stage 'b': did not return y"),
        (
            lambda: THREE["b"].provided({"y": 1, "w": 2}),
            "stage 'b': returned w, which it does not declare",
        ),
    ],
)
def test_what_is_wrong_names_the_stage_and_what_is_missing(
    act: Callable[[], object], message: str
) -> None:
    with pytest.raises(StageError, match=message):
        act()


def test_a_stage_is_given_what_it_declares_and_nothing_else() -> None:
    assert THREE["b"].given({"x": 1, "secret": 2}) == {"x": 1}
    assert THREE["b"].provided(THREE["b"].work(None, {"x": 1})) == {"y": ["x"]}


def test_what_is_given_from_the_start_counts() -> None:
    assert THREE.remove("b").of(None, given=("y",)).names == ("a", "c")


def test_a_stage_that_does_not_apply_is_left_out() -> None:
    stages = THREE.insert(stage("d", "nowhere", applies=bool))
    assert stages.of(0).names == ("a", "b", "c")
    with pytest.raises(StageError, match="stage 'd': needs nowhere"):
        stages.of(1)
