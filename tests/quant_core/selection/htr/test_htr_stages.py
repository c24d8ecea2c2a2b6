"""Each stage of relaxation against its definition, in sets and loops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.selection.htr import STAGES, relax

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Case:
    """k candidates and the bounds on the winners."""

    score: list[float]
    cluster: list[int]
    strict: list[bool]
    spectral: list[bool]
    orderly: list[bool]
    least: int
    most: int

    def stages(self) -> list[int]:
        return relax(
            np.array(self.score),
            np.array(self.cluster, dtype=np.int32),
            np.array(self.strict, dtype=bool),
            np.array(self.spectral, dtype=bool),
            np.array(self.orderly, dtype=bool),
            least=self.least,
            most=self.most,
        ).tolist()

    def taken(self, *stages: int) -> set[int]:
        return {at for at, stage in enumerate(self.stages()) if stage in stages}

    def ranked(self, candidates: set[int]) -> list[int]:
        return sorted(candidates, key=lambda at: (-self.score[at], at))

    def representatives(self, passes: list[bool], before: set[int]) -> set[int]:
        """Return the best that pass in the clusters without a winner, as far as there is room."""
        held = {self.cluster[at] for at in before}
        best: dict[int, int] = {}
        for at in self.ranked({at for at, may in enumerate(passes) if may}):
            if self.cluster[at] not in held:
                best.setdefault(self.cluster[at], at)
        return set(list(best.values())[: self.most - len(before)])


@st.composite
def cases(draw: Callable[..., Any]) -> Case:
    count = draw(st.integers(0, 14))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    least = draw(st.integers(1, 9))
    strict = column(st.booleans())
    return Case(
        score=column(st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.7, 0.9])),
        cluster=column(st.integers(0, 6)),
        strict=strict,
        spectral=[one or more for one, more in zip(strict, column(st.booleans()), strict=True)],
        orderly=column(st.booleans()),
        least=least,
        most=draw(st.integers(least, 12)),
    )


YES, NO = True, False
# Eight candidates in four clusters, best first.
EIGHT = Case(
    score=[0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2],
    cluster=[0, 0, 1, 1, 2, 2, 3, 3],
    strict=[NO, YES, NO, NO, NO, NO, YES, YES],
    spectral=[YES, YES, NO, YES, NO, NO, YES, YES],
    orderly=[YES, YES, YES, YES, NO, YES, YES, YES],
    least=1,
    most=8,
)


@pytest.mark.parametrize(
    ("case", "stages"),
    [
        # The best strict one of a cluster, though others of the cluster have better scores.
        (EIGHT, [0, 1, 0, 0, 0, 0, 1, 0]),
        (replace(EIGHT, least=2), [0, 1, 0, 0, 0, 0, 1, 0]),
        # A stage fills every empty cluster that it can, past the least; cluster 0 stays as it is.
        (replace(EIGHT, least=3), [0, 1, 0, 2, 0, 0, 1, 0]),
        # The third stage asks for order alone: the best of cluster 2 is too noisy.
        (replace(EIGHT, least=4), [0, 1, 0, 2, 0, 3, 1, 0]),
        # The last one goes by score, but takes the one without a veto first.
        (replace(EIGHT, least=5), [0, 1, 0, 2, 0, 3, 1, 4]),
        (replace(EIGHT, least=6), [4, 1, 0, 2, 0, 3, 1, 4]),
        (replace(EIGHT, least=8), [4, 1, 4, 2, 4, 3, 1, 4]),
        # More cannot be had than there are.
        (replace(EIGHT, least=20, most=25), [4, 1, 4, 2, 4, 3, 1, 4]),
        # The best representatives when there is no room for all.
        (replace(EIGHT, least=1, most=1), [0, 1, 0, 0, 0, 0, 0, 0]),
        (replace(EIGHT, strict=[YES] * 8, most=3), [1, 0, 1, 0, 1, 0, 0, 0]),
        (replace(EIGHT, strict=[NO] * 8, spectral=[NO] * 8, least=2), [3, 0, 3, 0, 0, 3, 3, 0]),
        (
            replace(EIGHT, strict=[NO] * 8, spectral=[NO] * 8, orderly=[NO] * 8, least=3),
            [4, 4, 4, 0, 0, 0, 0, 0],
        ),
        # Of equal scores the first.
        (replace(EIGHT, strict=[YES] * 8, score=[0.5] * 8, most=3), [1, 0, 1, 0, 1, 0, 0, 0]),
        (
            replace(EIGHT, strict=[YES] * 8, score=[0.5] * 8, cluster=[0] * 8, least=3),
            [1, 4, 4, 0, 0, 0, 0, 0],
        ),
    ],
)
def test_stages_of_eight_candidates(case: Case, stages: list[int]) -> None:
    assert case.stages() == stages


@given(cases())
def test_there_are_as_many_winners_as_asked_for_or_all(case: Case) -> None:
    winners = case.taken(*STAGES)
    assert min(case.least, len(case.score)) <= len(winners) <= case.most
    assert set(case.stages()) <= {0, *STAGES}


@given(cases())
def test_the_strict_stage_takes_the_best_of_each_cluster(case: Case) -> None:
    assert case.taken(1) == case.representatives(case.strict, set())


@given(cases())
def test_the_spectral_stage_takes_the_best_of_each_cluster_still_empty(case: Case) -> None:
    before = case.taken(1)
    needed = len(before) < case.least
    assert case.taken(2) == (case.representatives(case.spectral, before) if needed else set())


@given(cases())
def test_the_cluster_stage_fills_empty_clusters_with_any_that_is_orderly(case: Case) -> None:
    before = case.taken(1, 2)
    needed = len(before) < case.least
    assert case.taken(3) == (case.representatives(case.orderly, before) if needed else set())


@given(cases())
def test_the_last_stage_fills_by_score_those_without_a_veto_first(case: Case) -> None:
    before = case.taken(1, 2, 3)
    room = max(0, case.least - len(before))
    rest = set(range(len(case.score))) - before
    free = {at for at in rest if case.strict[at]}
    queue = case.ranked(free) + case.ranked(rest - free)
    assert case.taken(4) == set(queue[:room])


@given(cases())
def test_two_of_a_cluster_only_by_the_last_stage(case: Case) -> None:
    clusters = [case.cluster[at] for at in case.taken(1, 2, 3)]
    assert len(clusters) == len(set(clusters))


@given(cases(), st.data())
def test_a_stage_knows_nothing_of_the_later_ones(case: Case, data: st.DataObject) -> None:
    def other() -> list[bool]:
        count = len(case.score)
        return data.draw(st.lists(st.booleans(), min_size=count, max_size=count))

    assert replace(case, spectral=other(), orderly=other()).taken(1) == case.taken(1)
    assert replace(case, orderly=other()).taken(2) == case.taken(2)


@given(cases(), st.integers(1, 3))
def test_asking_for_more_keeps_who_was_taken_by_the_stages_before_the_last(
    case: Case, more: int
) -> None:
    greedy = replace(case, least=case.least + more, most=case.most + more)
    if len(case.taken(1, 2, 3)) < case.most:
        assert case.taken(1, 2, 3) <= greedy.taken(1, 2, 3)


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_decides_between_equal_scores_alone(case: Case, random: Any) -> None:
    count = len(case.score)
    distinct = replace(case, score=[at / max(1, count) for at in range(count)])
    order = list(range(count))
    random.shuffle(order)
    turned = replace(
        distinct,
        **{
            name: [getattr(distinct, name)[at] for at in order]
            for name in ("score", "cluster", "strict", "spectral", "orderly")
        },
    )
    stages = distinct.stages()
    assert turned.stages() == [stages[at] for at in order]
