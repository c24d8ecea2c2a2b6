"""The permutation entropy of the series that introduced it."""

from __future__ import annotations

from math import factorial, log2
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quant_core.features import Feature, FeatureSet
from quant_core.verification._result import PublishedResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ENTROPIES", "permutation_entropies"]

_SOURCE = (
    "Bandt, C. and Pompe, B. (2002). Permutation Entropy: A Natural Complexity Measure for Time "
    "Series. Physical Review Letters 88, 174102"
)
_LAST_DIGIT = 0.0005
_SERIES = (4.0, 7.0, 9.0, 10.0, 6.0, 11.0, 3.0)

ENTROPIES: Mapping[int, float] = MappingProxyType({2: 0.918, 3: 1.522})
"""Entropy in bits as published, by the order of the patterns."""


def permutation_entropies() -> Iterator[PublishedResult]:
    """Yield the entropies of the series, from the feature that models and the runner read.

    The feature is divided by its largest value, ``log2(order!)``, which is taken back here.
    """
    prices = np.array(_SERIES)[:, None]
    for order, expected in ENTROPIES.items():
        feature = Feature(kind="permutation_entropy", window=len(_SERIES), order=order)
        share = float(FeatureSet(features=(feature,)).batch(prices)[-1, 0, 0])
        published = PublishedResult(
            "permutation entropy", f"order {order}, bits", _SOURCE, expected, _LAST_DIGIT
        )
        yield published.found(share * log2(factorial(order)), f"{share:.4f} of the largest")
