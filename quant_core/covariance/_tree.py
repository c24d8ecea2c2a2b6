"""Moments of calendar blocks, added along an aligned binary tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quant_core.covariance import _kernels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["BlockTree", "Moments"]

_LIMIT = 128


@dataclass(frozen=True, slots=True)
class Moments:
    """Weight, weighted mean and packed centred Gram matrix of rows ``[start, stop)``."""

    start: int
    stop: int
    weight: float
    mean: np.ndarray
    gram: np.ndarray


class BlockTree:
    """Moments of any slice, from nodes that each depend on their own rows alone.

    Leaves are calendar blocks, a node of ``2**k`` blocks starts at a multiple of ``2**k`` of the
    calendar's own count. A slice is its first block, the few nodes that tile the blocks inside,
    and its last block. The outer two never enter a node, because the slice cannot tell whether
    they are complete: so the sum is a function of the slice, and what is kept from an earlier
    slice saves time only.

    The parts are merged by the pairwise update of centred moments (Chan, Golub & LeVeque 1983),
    which does not cancel where means are large against the spread.

    Parameters
    ----------
    values : numpy.ndarray, shape (T, n)
        Simple returns per period.
    blocks : numpy.ndarray of int64, shape (T,)
        Calendar ordinal of the block of each row, not decreasing.
    decay : float
        Factor of a row's weight per row of age, in (0, 1].
    """

    def __init__(self, values: np.ndarray, blocks: np.ndarray, decay: float) -> None:
        self._values, self._blocks, self._decay = values, blocks, decay
        self._nodes: dict[tuple[int, int], Moments] = {}
        self._window: Moments | None = None

    def moments(self, start: int, stop: int) -> Moments:
        """Return the moments of rows ``[start, stop)``."""
        window = self._window
        if window is None or (window.start, window.stop) != (start, stop):
            self._forget(start, stop)
            self._window = window = self._merge(list(self._parts(start, stop)))
        return window

    def _forget(self, start: int, stop: int) -> None:
        kept = {
            key: node
            for key, node in self._nodes.items()
            if start <= node.start and node.stop <= stop
        }
        for key in list(kept)[: max(0, len(kept) - _LIMIT)]:
            del kept[key]
        self._nodes = kept

    def _parts(self, start: int, stop: int) -> Iterator[Moments]:
        first, last = int(self._blocks[start]), int(self._blocks[stop - 1])
        if first == last:
            yield self._leaf(start, stop)
            return
        yield self._leaf(start, self._row(first + 1))
        ordinal = first + 1
        while ordinal < last:
            size = _aligned(ordinal, last)
            node = self._node(size, ordinal)
            if node is not None:
                yield node
            ordinal += size
        # An inner block of a later slice, where the data has all of it.
        whole = stop == len(self._blocks) or int(self._blocks[stop]) != last
        node = self._node(1, last) if whole else self._leaf(self._row(last), stop)
        assert node is not None
        yield node

    def _node(self, size: int, ordinal: int) -> Moments | None:
        start, stop = self._row(ordinal), self._row(ordinal + size)
        if start == stop:
            return None
        node = self._nodes.get((size, ordinal))
        if node is None:
            node = self._leaf(start, stop) if size == 1 else self._branch(size // 2, ordinal)
            self._nodes[size, ordinal] = node
        return node

    def _branch(self, half: int, ordinal: int) -> Moments:
        children = self._node(half, ordinal), self._node(half, ordinal + half)
        return self._merge([child for child in children if child is not None])

    def _row(self, ordinal: int) -> int:
        return int(np.searchsorted(self._blocks, ordinal))

    def _leaf(self, start: int, stop: int) -> Moments:
        return Moments(start, stop, *_kernels.moments(self._values, start, stop, self._decay))

    def _merge(self, parts: Sequence[Moments]) -> Moments:
        if len(parts) == 1:
            return parts[0]
        stop = parts[-1].stop
        scales = [self._decay ** (stop - part.stop) for part in parts]
        weights = [scale * part.weight for scale, part in zip(scales, parts, strict=True)]
        total, origin = sum(weights), parts[0].mean
        shift = np.zeros_like(origin)
        for weight, part in zip(weights, parts, strict=True):
            shift += weight * (part.mean - origin)
        mean = origin + shift / total
        gram = np.zeros_like(parts[0].gram)
        for scale, weight, part in zip(scales, weights, parts, strict=True):
            _kernels.add_part(gram, part.gram, scale, weight, part.mean - mean)
        return Moments(parts[0].start, stop, total, mean, gram)


def _aligned(ordinal: int, stop: int) -> int:
    size = 1
    while ordinal % (2 * size) == 0 and ordinal + 2 * size <= stop:
        size *= 2
    return size
