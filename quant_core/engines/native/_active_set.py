"""Compiled kernels of the active-set solvers.

Two problems: ``min x'Sx/2 - q'x`` over ``x >= 0``, and the same over ``0 <= x <= cap`` with
``sum x = 1``, where ``q'x / sqrt(x'Sx)`` may be the goal instead. A guess of the support is brought
close by coordinate descent and made exact by pivoting whole sets at a time. What a pivoting kernel
returns is a function of the last sets it held, whatever led there. Loops run side by side over
entries only and sums run in one order, so results do not depend on the machine's vector width.

A kernel calls kernels of its own file only: numba's cache on disk does not notice an edit of
another file.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = [
    "FREE",
    "LOWER",
    "RATIO",
    "UPPER",
    "UTILITY",
    "box_descent",
    "box_pivot",
    "gradient",
    "nonnegative_descent",
    "nonnegative_pivot",
    "ratio_ascent",
    "residual",
    "sets_of",
    "variance_and_gain",
]

LOWER, FREE, UPPER = 0, 1, 2
UTILITY, RATIO = 0, 1

_PIVOT = 1e-12
_FEASIBLE = 1e-12
_PATIENCE = 4
_FAR = 1e6
_TINY = 1e-300


@njit(cache=True)
def gradient(matrix: np.ndarray, linear: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return ``S x - q``, reading only the rows of S at which x is not zero."""
    out = -linear
    held = np.flatnonzero(x)
    k = 0
    while k + 4 <= len(held):
        a, b, c, d = x[held[k]], x[held[k + 1]], x[held[k + 2]], x[held[k + 3]]
        first, second = matrix[held[k]], matrix[held[k + 1]]
        third, fourth = matrix[held[k + 2]], matrix[held[k + 3]]
        for j in range(len(out)):
            out[j] = (((out[j] + a * first[j]) + b * second[j]) + c * third[j]) + d * fourth[j]
        k += 4
    while k < len(held):
        a = x[held[k]]
        first = matrix[held[k]]
        for j in range(len(out)):
            out[j] += a * first[j]
        k += 1
    return out


@njit(cache=True)
def _factor(matrix: np.ndarray, free: np.ndarray, ridge: float, upper: np.ndarray) -> int:
    """Factor ``S_FF + ridge`` as ``U'U``; columns without a pivot leave ``free`` in place."""
    count = 0
    work = np.empty(len(free))
    for candidate in range(len(free)):
        source = matrix[free[candidate]]
        free[count] = free[candidate]
        size = len(free) - candidate
        for j in range(size):
            work[j] = source[free[candidate + j]] + ridge
        _eliminate(upper, count, candidate, work[:size])
        if work[0] > _PIVOT * (source[free[candidate]] + ridge):
            root = np.sqrt(work[0])
            row = upper[count, candidate : candidate + size]
            for j in range(size):
                row[j] = work[j] / root
            # The factor's own columns are kept compact as others drop out.
            if count != candidate:
                for k in range(count + 1):
                    upper[k, count] = upper[k, candidate]
            count += 1
    return count


@njit(cache=True)
def _eliminate(upper: np.ndarray, count: int, first: int, work: np.ndarray) -> None:
    k = 0
    while k + 4 <= count:
        a, b, c, d = upper[k, first], upper[k + 1, first], upper[k + 2, first], upper[k + 3, first]
        r0, r1 = upper[k, first:], upper[k + 1, first:]
        r2, r3 = upper[k + 2, first:], upper[k + 3, first:]
        for j in range(len(work)):
            work[j] = (((work[j] - a * r0[j]) - b * r1[j]) - c * r2[j]) - d * r3[j]
        k += 4
    while k < count:
        a = upper[k, first]
        r0 = upper[k, first:]
        for j in range(len(work)):
            work[j] -= a * r0[j]
        k += 1


@njit(cache=True)
def _substitute(upper: np.ndarray, count: int, right: np.ndarray) -> None:
    for i in range(count):
        right[i] /= upper[i, i]
        row = upper[i]
        for j in range(i + 1, count):
            right[j] -= row[j] * right[i]
    for i in range(count - 1, -1, -1):
        row = upper[i]
        total = right[i]
        for j in range(i + 1, count):
            total -= row[j] * right[j]
        right[i] = total / row[i]


@njit(cache=True)
def nonnegative_descent(
    matrix: np.ndarray, linear: np.ndarray, sweeps: int, tolerance: float
) -> np.ndarray:
    """Return an approximate minimum over ``x >= 0`` by cyclical coordinate descent from 0."""
    n = len(linear)
    x, slope = np.zeros(n), -linear
    for _ in range(sweeps):
        largest, scale = 0.0, 0.0
        for i in range(n):
            if not matrix[i, i] > 0.0:
                continue
            new = max(x[i] - slope[i] / matrix[i, i], 0.0)
            step = new - x[i]
            if step != 0.0:
                x[i] = new
                row = matrix[i]
                for j in range(n):
                    slope[j] += step * row[j]
            largest, scale = max(largest, abs(step)), max(scale, new)
        if largest <= tolerance * scale:
            break
    return x


@njit(cache=True)
def nonnegative_pivot(
    matrix: np.ndarray, linear: np.ndarray, support: np.ndarray, limit: int
) -> tuple[bool, np.ndarray, float, float]:
    """Solve ``min x'Sx/2 - q'x`` over ``x >= 0`` by block principal pivoting from a support.

    Judice & Pires, Computers & Operations Research 21 (1994). Returns whether it ended, x, the
    smallest held entry relative to the largest, and the smallest gradient of what is not held:
    the margins by which the conditions hold strictly.
    """
    n = len(linear)
    held = support.copy()
    x = np.zeros(n)
    scale = max(np.abs(linear).max(), _TINY)
    fewest, patience = n + 1, _PATIENCE
    for _ in range(limit):
        x, slope, complete = _nonnegative_point(matrix, linear, held)
        size = max(np.abs(x).max(), _TINY)
        wrong, last = 0, -1
        margin, slack = np.inf if complete else 0.0, np.inf
        flips = np.zeros(n, dtype=np.bool_)
        for i in range(n):
            if held[i]:
                margin = min(margin, x[i] / size)
                flips[i] = x[i] < -_FEASIBLE * size
            else:
                slack = min(slack, slope[i])
                flips[i] = slope[i] < -_FEASIBLE * scale
            if flips[i]:
                wrong, last = wrong + 1, i
        if wrong == 0:
            return True, np.maximum(x, 0.0), margin, slack
        if wrong < fewest:
            fewest, patience = wrong, _PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            flips[:] = False
            flips[last] = True
        held = held ^ flips
    return False, x, 0.0, 0.0


@njit(cache=True)
def _nonnegative_point(
    matrix: np.ndarray, linear: np.ndarray, held: np.ndarray
) -> tuple[np.ndarray, np.ndarray, bool]:
    free = np.flatnonzero(held)
    wanted = len(free)
    upper = np.empty((wanted, wanted))
    count = _factor(matrix, free, 0.0, upper)
    right = np.empty(count)
    for k in range(count):
        right[k] = linear[free[k]]
    _substitute(upper, count, right)
    x = np.zeros(len(linear))
    for k in range(count):
        x[free[k]] = right[k]
    slope = gradient(matrix, linear, x)
    for k in range(count):
        right[k] = -slope[free[k]]
    _substitute(upper, count, right)
    for k in range(count):
        x[free[k]] += right[k]
    return x, slope, count == wanted


@njit(cache=True)
def box_descent(
    matrix: np.ndarray, linear: np.ndarray, cap: float, start: np.ndarray, steps: int
) -> np.ndarray:
    """Return an approximate minimum over the capped simplex by pairwise descent.

    Each step moves weight between the pair that violates the optimality conditions most (Keerthi
    et al., Neural Computation 13, 2001); a weight that reaches a bound is at it exactly.
    """
    n = len(linear)
    x = start.copy()
    slope = gradient(matrix, linear, x)
    for _ in range(steps):
        low, high = -1, -1
        for i in range(n):
            if x[i] < cap and (low < 0 or slope[i] < slope[low]):
                low = i
            if x[i] > 0.0 and (high < 0 or slope[i] > slope[high]):
                high = i
        if low < 0 or high < 0:
            break
        gap = slope[high] - slope[low]
        if not gap > 1e-13 * max(abs(slope[high]), abs(slope[low])):
            break
        curvature = matrix[low, low] + matrix[high, high] - 2.0 * matrix[low, high]
        room = min(cap - x[low], x[high])
        step = min(gap / curvature, room) if curvature > 0.0 else room
        x[low] = cap if step >= cap - x[low] else x[low] + step
        x[high] = 0.0 if step >= x[high] else x[high] - step
        first, second = matrix[low], matrix[high]
        for j in range(n):
            slope[j] += step * (first[j] - second[j])
    return x


@njit(cache=True)
def _point(
    matrix: np.ndarray, linear: np.ndarray, cap: float, state: np.ndarray, scale: float, goal: int
) -> tuple[bool, bool, np.ndarray, float, float]:
    """Minimise ``x'Sx/2 - t q'x`` over ``sum x = 1`` with x in ``LOWER`` at 0, in ``UPPER`` at cap.

    t is the scale given, or that at which x maximises ``q'x / sqrt(x'Sx)`` among these x. With b
    the least variance of them, ``t = b'Sb / q'b``; without a maximum, ``q'b <= 0``, it is the scale
    given. Returns whether every free column had a pivot, whether there was a maximum, x, the
    budget's multiplier and t. The budget is added to S as ``ridge 1 1'``: the same minimum, and a
    factor exists where S is positive definite along the budget only.
    """
    start, rest, ridge = _at_cap(matrix, cap, state)
    free = np.flatnonzero(state == FREE)
    wanted = len(free)
    upper = np.empty((wanted, wanted))
    count = _factor(matrix, free, ridge, upper)
    bounded = True
    if goal == RATIO:
        base, _ = _on_factor(matrix, 0.0 * linear, start, rest, ridge, free[:count], upper)
        variance, gain = variance_and_gain(matrix, linear, base)
        bounded = gain > 0.0
        scale = variance / gain if bounded else scale
    x, price = _on_factor(matrix, scale * linear, start, rest, ridge, free[:count], upper)
    if count == 0:
        slope = gradient(matrix, scale * linear, x)
        complete = wanted == 0 and abs(rest) <= _FEASIBLE
        return complete, bounded, x, _vertex_price(slope, state), scale
    return count == wanted, bounded, x, price, scale


@njit(cache=True)
def variance_and_gain(matrix: np.ndarray, linear: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Return ``x'Sx`` and ``q'x``."""
    slope = gradient(matrix, 0.0 * linear, x)
    variance, gain = 0.0, 0.0
    for i in range(len(x)):
        variance += x[i] * slope[i]
        gain += x[i] * linear[i]
    return variance, gain


@njit(cache=True)
def sets_of(weights: np.ndarray, cap: float) -> np.ndarray:
    """Return which weights are at 0, free and at the cap, as int64 codes of shape (n,)."""
    sets = np.empty(len(weights), dtype=np.int64)
    for i in range(len(weights)):
        sets[i] = UPPER if weights[i] >= cap else FREE if weights[i] > 0.0 else LOWER
    return sets


@njit(cache=True)
def _at_cap(matrix: np.ndarray, cap: float, state: np.ndarray) -> tuple[np.ndarray, float, float]:
    n = len(matrix)
    x = np.zeros(n)
    rest = 1.0
    ridge = 0.0
    for i in range(n):
        ridge += matrix[i, i] / n
        if state[i] == UPPER:
            x[i] = cap
            rest -= cap
    return x, rest, ridge


@njit(cache=True)
def _on_factor(
    matrix: np.ndarray,
    linear: np.ndarray,
    start: np.ndarray,
    rest: float,
    ridge: float,
    free: np.ndarray,
    upper: np.ndarray,
) -> tuple[np.ndarray, float]:
    x, count = start.copy(), len(free)
    price = 0.0
    if count == 0:
        return x, price
    ones = np.ones(count)
    _substitute(upper, count, ones)
    missing = rest
    for _ in range(3):
        slope = gradient(matrix, linear, x)
        right = np.empty(count)
        for k in range(count):
            right[k] = price - slope[free[k]]
        _substitute(upper, count, right)
        change = (missing - right.sum()) / ones.sum()
        for k in range(count):
            x[free[k]] += right[k] + change * ones[k]
        price += change - ridge * missing
        missing = rest
        for k in range(count):
            missing -= x[free[k]]
    return x, price


@njit(cache=True)
def _vertex_price(slope: np.ndarray, state: np.ndarray) -> float:
    most, least = -np.inf, np.inf
    for i in range(len(slope)):
        if state[i] == UPPER:
            most = max(most, slope[i])
        else:
            least = min(least, slope[i])
    if most == -np.inf or least == np.inf:
        return least if most == -np.inf else most
    return (most + least) / 2.0


@njit(cache=True)
def _snap(x: np.ndarray, cap: float, sets: np.ndarray) -> bool:
    """Move free weights that landed on a bound to its set: an optimum at a corner is strict."""
    moved = False
    for i in range(len(x)):
        if sets[i] == FREE and min(x[i], cap - x[i]) <= _FEASIBLE:
            sets[i] = LOWER if x[i] <= _FEASIBLE else UPPER
            moved = True
    return moved


@njit(cache=True)
def box_pivot(
    matrix: np.ndarray,
    linear: np.ndarray,
    cap: float,
    state: np.ndarray,
    limit: int,
    goal: int,
) -> tuple[bool, np.ndarray, float, float]:
    """Solve ``min x'Sx/2 - q'x`` over the capped simplex by a primal-dual active set.

    With the goal ``RATIO`` it is ``max q'x / sqrt(x'Sx)``: the scale of q is solved for on every
    set. Returns whether it ended, x, and the margins by which the conditions hold strictly: the
    least distance of a free weight to a bound, and the least multiplier of a bound. It may cycle;
    then it stops after a few rounds without progress.
    """
    sets = state.copy()
    x = np.zeros(len(linear))
    fewest, patience = len(linear) + 1, 3 * _PATIENCE
    snapped, scale = False, 1.0
    for _ in range(limit):
        complete, bounded, x, price, scale = _point(matrix, linear, cap, sets, scale, goal)
        slope = gradient(matrix, scale * linear, x)
        size = max(np.abs(slope).max(), scale * np.abs(linear).max())
        new, wrong, margin, slack = _corrected(x, slope - price, cap, sets, _FEASIBLE * size)
        margin = margin if complete else 0.0
        if wrong == 0 and not bounded:
            break
        if wrong == 0 and (snapped or margin > _FEASIBLE or not _snap(x, cap, new)):
            return True, np.minimum(np.maximum(x, 0.0), cap), margin, slack
        if wrong == 0 or wrong < fewest:
            snapped = snapped or wrong == 0
            fewest, patience = wrong if wrong > 0 else len(x) + 1, 3 * _PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            break
        sets = new
    return False, x, 0.0, 0.0


@njit(cache=True)
def ratio_ascent(
    matrix: np.ndarray, reward: np.ndarray, cap: float, start: np.ndarray, steps: int
) -> np.ndarray:
    """Maximise ``q'x / sqrt(x'Sx)`` over the capped simplex by a primal active set.

    Each step moves to the maximum on the sets, or as far towards it as no bound is crossed; there
    one bound is left whose multiplier is the most wrong. The ratio is quasi-concave where ``q'x``
    is positive, as it is at the start, so it never falls. Where the ratio has no maximum on the
    sets it grows towards ``t = inf``, and a bound stops the step.
    """
    x, sets = start.copy(), sets_of(start, cap)
    for _ in range(steps):
        variance, gain = variance_and_gain(matrix, reward, x)
        if not (variance > 0.0 and gain > 0.0):
            break
        far = _FAR * variance / gain
        _, _, target, _, scale = _point(matrix, reward, cap, sets, far, RATIO)
        if _step(x, target, cap, sets):
            slope = gradient(matrix, scale * reward, x)
            if not _release(slope, scale * np.abs(reward).max(), sets):
                break
    return x


@njit(cache=True)
def _step(x: np.ndarray, target: np.ndarray, cap: float, sets: np.ndarray) -> bool:
    """Move x to its target, or to the first bounds on the way; return whether it got there."""
    step = 1.0
    for i in range(len(x)):
        if sets[i] == FREE and target[i] < 0.0:
            step = min(step, x[i] / (x[i] - target[i]))
        elif sets[i] == FREE and target[i] > cap:
            step = min(step, (cap - x[i]) / (target[i] - x[i]))
    there = step >= 1.0
    for i in range(len(x)):
        if sets[i] == FREE:
            x[i] += step * (target[i] - x[i])
            if x[i] <= _FEASIBLE and (there or target[i] <= 0.0):
                x[i], sets[i] = 0.0, LOWER
            elif x[i] >= cap - _FEASIBLE and (there or target[i] >= cap):
                x[i], sets[i] = cap, UPPER
    return there


@njit(cache=True)
def _release(slope: np.ndarray, size: float, sets: np.ndarray) -> bool:
    """Free the bound whose multiplier is the most wrong; return whether one was wrong.

    At a vertex no free weight says what the multiplier of the budget is: a pair is freed.
    """
    low, high, inner = -1, -1, -1
    for i in range(len(slope)):
        size = max(size, abs(slope[i]))
        if sets[i] == FREE:
            inner = i
        if sets[i] != UPPER and (low < 0 or slope[i] < slope[low]):
            low = i
        if sets[i] != LOWER and (high < 0 or slope[i] > slope[high]):
            high = i
    if low < 0 or high < 0 or not slope[high] - slope[low] > _FEASIBLE * size:
        return False
    below = slope[inner] - slope[low] if inner >= 0 else np.inf
    above = slope[high] - slope[inner] if inner >= 0 else np.inf
    if below >= above:
        sets[low] = FREE
    if above >= below:
        sets[high] = FREE
    return True


@njit(cache=True)
def _corrected(
    x: np.ndarray, reduced: np.ndarray, cap: float, sets: np.ndarray, tolerance: float
) -> tuple[np.ndarray, int, float, float]:
    new, wrong = sets.copy(), 0
    margin, slack = np.inf, np.inf
    for i in range(len(x)):
        if sets[i] == FREE:
            margin = min(margin, x[i], cap - x[i])
            if x[i] < -_FEASIBLE:
                new[i] = LOWER
            elif x[i] > cap + _FEASIBLE:
                new[i] = UPPER
        else:
            pull = reduced[i] if sets[i] == LOWER else -reduced[i]
            slack = min(slack, pull)
            if pull < -tolerance:
                new[i] = FREE
        wrong += new[i] != sets[i]
    return new, wrong, margin, slack


@njit(cache=True)
def residual(
    matrix: np.ndarray, linear: np.ndarray, cap: float, x: np.ndarray
) -> tuple[float, float]:
    """Return the relative KKT residual, and the size that a strict multiplier relates to.

    The problem is ``min x'Sx/2 - q'x`` over the capped simplex. With ``g = Sx - q``, x is optimal
    if and only if one number separates the gradient of what can still grow from that of what is
    held: ``max(g_i : x_i > 0) <= min(g_i : x_i < cap)``. Stationarity, dual feasibility and
    complementarity are that one inequality. The residual is half its violation (the best multiplier
    lies midway), divided by the largest ``(|S| x)_i + |q_i|`` of a held i, which makes it free of
    scale; or the violation of the budget or of a bound, if larger. A multiplier below the rounding
    of the mean variance is not strict, even where what is held has no risk.
    """
    n = len(x)
    slope = gradient(matrix, linear, x)
    held_most, open_least, size = -np.inf, np.inf, 0.0
    primal = 0.0
    budget, variance = 0.0, 0.0
    held = np.flatnonzero(x)
    for i in range(n):
        budget += x[i]
        variance += matrix[i, i] / n
        primal = max(primal, -x[i], x[i] - cap)
        if x[i] > 0.0:
            held_most = max(held_most, slope[i])
            terms = abs(linear[i])
            for k in range(len(held)):
                terms += abs(matrix[i, held[k]]) * abs(x[held[k]])
            size = max(size, terms)
        if x[i] < cap:
            open_least = min(open_least, slope[i])
    gap = max(held_most - open_least, 0.0) / 2.0
    dual = gap / size if size > 0.0 else (0.0 if gap == 0.0 else np.inf)
    return max(dual, primal, abs(budget - 1.0)), max(size, variance)
