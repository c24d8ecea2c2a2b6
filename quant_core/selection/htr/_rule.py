"""The selection by hierarchical threshold relaxation."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from quant_core.selection._base import Selected, Selection, TrainView
from quant_core.selection._clusters import ward_clusters
from quant_core.selection.htr._features import price_paths, train_features, train_span
from quant_core.selection.htr._score import ScoreWeights, scores
from quant_core.selection.htr._stages import relax
from quant_core.selection.htr._vetoes import Thresholds, metadata_vetoes, passing, texts

__all__ = ["ThresholdRelaxation"]

type _Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
type _Volatility = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]

_TAKEN = "its cluster has a better representative"
_ENOUGH = "enough winners with better scores"


class ThresholdRelaxation(Selection):
    """Hold the best of each cluster that strict thresholds let pass, and relax them in need.

    Features, scores, vetoes and clusters are computed once; then stages go on until there are
    ``winners_min`` winners, with never more than ``winners_max``:

    1. *strict*: of each cluster, the best by score that no veto concerns;
    2. *spectral*: of each cluster still empty, the best that passes with
       ``min(1, entropy_max * entropy_relaxation)`` and ``efficiency_min * efficiency_relaxation``;
    3. *cluster*: of each cluster still empty, the best with an entropy of at most
       ``cluster_entropy_max``, whatever else speaks against it;
    4. *fill*: where all that leaves fewer than ``winners_min``, the best of the others by score,
       those that no strict veto concerns before the rest.

    A second atom of a cluster is taken by the last stage alone: until then the screen looks for
    breadth, and ``clusters`` bounds the winners. What the data veto (an atom whose price seldom
    moved, lost everything or never varied) is not scored, is in no cluster, and is never taken.

    Parameters
    ----------
    winners_min, winners_max : int
        Winners that the stages go on for, and the most that they take.
    entropy_max, efficiency_min, volatility_min, volatility_max : float
        The strict thresholds; volatility is that of one observation.
    coverage_min : float
        The least share of observations at which the price moved.
    entropy_relaxation, efficiency_relaxation : float
        Factors of the second stage, applied to the strict thresholds.
    cluster_entropy_max : float
        The most entropy of the third stage.
    weights : ScoreWeights
        Exponents of the score ``prod p_i ** w_i``, where p_i is the share of candidates that a
        candidate is at least as good as.
    threshold, clusters : float, int
        Height of the cut through the tree of Ward's clusters, and the most clusters to keep.
    skip : int
        Latest observations that momentum leaves out.
    order : int
        Prices in a pattern of the permutation entropy.
    """

    name: Literal["htr"] = "htr"
    winners_min: int = Field(15, ge=1)
    winners_max: int = Field(25, ge=1)
    entropy_max: _Share = 0.96
    efficiency_min: _Share = 0.06
    volatility_min: _Volatility = 0.001
    volatility_max: _Volatility = 0.05
    coverage_min: _Share = 0.8
    entropy_relaxation: float = Field(1.2, ge=1, le=100, allow_inf_nan=False)
    efficiency_relaxation: _Share = 0.8
    cluster_entropy_max: _Share = 0.999
    weights: ScoreWeights = ScoreWeights()
    threshold: float = Field(0.7, gt=0, allow_inf_nan=False)
    clusters: int = Field(25, ge=1)
    skip: int = Field(21, ge=0)
    order: int = Field(3, ge=2, le=6)
    code_module: ClassVar[str] = __name__

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for least, most in (
            ("winners_min", "winners_max"),
            ("volatility_min", "volatility_max"),
        ):
            if getattr(self, least) > getattr(self, most):
                raise ValueError(
                    f"{least}: expected at most {most}, which is {getattr(self, most):g}, found "
                    f"{getattr(self, least):g}"
                )
        return self

    @property
    def train_span(self) -> tuple[int, int]:
        """The fewest and the most observations of a train period that the features take."""
        return train_span(self.order)

    @property
    def most(self) -> int:
        """The most atoms the rule can choose."""
        return self.winners_max

    def select(self, view: TrainView) -> Selected:
        """Return the winners with their stages, and what speaks against every candidate.

        The order of the candidates decides nothing: they are looked at by name.

        Raises
        ------
        ConfigError
            If the train period is shorter than the features need.
        """
        prices, correlation = price_paths(view.returns), view.correlation()
        unusable = metadata_vetoes(view.returns, prices, np.diag(correlation), self.coverage_min)
        usable = passing(unusable)
        by_name = sorted(np.flatnonzero(usable).tolist(), key=view.symbols.__getitem__)
        rows = np.array(by_name, dtype=np.int64)
        features = train_features(prices[:, rows], skip=self.skip, order=self.order)
        base = self._thresholds
        vetoes = base.vetoes(features)
        score = scores(features, self.weights)
        cluster = ward_clusters(correlation[np.ix_(rows, rows)], self.threshold, self.clusters)
        stage = relax(
            score,
            cluster,
            passing(vetoes),
            passing(self._relaxed(base).vetoes(features)),
            features["entropy"] <= self.cluster_entropy_max,
            least=self.winners_min,
            most=self.winners_max,
        )
        against = np.array(texts(unusable), dtype=object)
        against[rows] = texts(vetoes)
        return _spread(rows, score, cluster, stage, against)

    @property
    def _thresholds(self) -> Thresholds:
        return Thresholds(
            self.entropy_max, self.efficiency_min, self.volatility_min, self.volatility_max
        )

    def _relaxed(self, base: Thresholds) -> Thresholds:
        return base.relaxed(entropy=self.entropy_relaxation, efficiency=self.efficiency_relaxation)


def _spread(
    rows: np.ndarray, score: np.ndarray, cluster: np.ndarray, stage: np.ndarray, against: np.ndarray
) -> Selected:
    """Put what was found of usable candidates to their places among all of them."""
    count = len(against)
    every_score = np.full(count, np.nan)
    every_cluster, every_stage = np.full(count, -1, np.int32), np.zeros(count, np.int32)
    every_score[rows], every_cluster[rows], every_stage[rows] = score, cluster, stage
    chosen = every_stage > 0
    held = np.isin(every_cluster, every_cluster[chosen])
    reason = tuple(
        "" if winner else veto or (_TAKEN if taken else _ENOUGH)
        for winner, veto, taken in zip(chosen, against, held, strict=True)
    )
    return Selected(
        chosen, every_score, every_cluster, reason, every_stage, tuple(against.tolist())
    )
