"""Which months an input reads, sleeve by sleeve, where one partition mapping serves them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import dagster as dg

__all__ = ["own_months", "reached"]


def own_months(context: dg.InputContext) -> dict[str, list[str]]:
    """Return the months of each sleeve that the step makes out of an input."""
    step = context.step_context
    definition: Any = step.entity_partitions_def
    found: dict[str, list[str]] = {}
    for key in definition.get_partition_keys_in_range(step.partition_key_range, step.instance):
        month, sleeve = str(key).split("|")
        found.setdefault(sleeve, []).append(month)
    return found


def reached(
    places: Mapping[str, str],
    reach: Mapping[str, Sequence[int]],
    own: Mapping[str, Sequence[str]],
) -> dict[str, str]:
    """Return the places that the months of their own sleeve read.

    Parameters
    ----------
    places : mapping of str to str
        Place ``sleeve/month`` by key.
    reach : mapping of str to (first, last)
        First and last month, counted from its own, that a month of each sleeve reads.
    own : mapping of str to sequence of str
        The months, ``YYYY-MM``, that are made of each sleeve.
    """
    spans = {
        sleeve: (_after(min(own[sleeve]), first), _after(max(own[sleeve]), last))
        for sleeve, (first, last) in reach.items()
        if sleeve in own
    }
    found = {}
    for key, place in places.items():
        sleeve, _, month = place.partition("/")
        first, last = spans[sleeve]
        if first <= month <= last:
            found[key] = place
    return found


def _after(month: str, count: int) -> str:
    return str(np.datetime64(month, "M") + np.timedelta64(count, "M"))
