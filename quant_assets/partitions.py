"""The partitions of the assets, and how those of one asset read those of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import numpy as np
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from quant_assets._sleeves import Sleeve, sleeves
from quant_assets._strategies import strategies
from quant_core.config import registry
from quant_core.strategies import MONTHS_HELD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "FEATURES",
    "MONTH",
    "MONTHLY",
    "ONE_MONTH_BACK",
    "SIMULATED",
    "SIMULATOR",
    "SLEEVE",
    "SLEEVES",
    "STRATEGIES",
    "STRATEGY",
    "TRAIN",
    "TRAINING",
    "TWO_MONTHS_BACK",
    "WHOLE_SLEEVE",
    "month_partitions",
    "months_of_run",
    "partition_key",
    "same_sleeve",
    "simulated_key",
    "sleeves_with_months",
]

SLEEVE, MONTH, SIMULATOR, STRATEGY = "sleeve", "month", "simulator", "strategy"
_FORMAT = "%Y-%m"


class RangedPartitions(dg.MultiPartitionsDefinition):
    """Two dimensions whose ranges a backfill of a job runs whole.

    Dagster hands the tags of the first key to a run over a range of keys. It takes the name of the
    partition out of them and leaves its dimensions in, which then count for more than the range:
    the run would compute one key and be booked as all of them. Without these tags it is right.
    """

    def get_tags_for_partition_key(self, partition_key: str) -> Mapping[str, str]:
        """Return the name of the partition as the only tag."""
        return {PARTITION_NAME_TAG: str(partition_key)}


def month_partitions(found: dict[str, Sleeve]) -> dg.MonthlyPartitionsDefinition:
    """Return the months from the first one of any sleeve to the last one of any."""
    last = [sleeve.last for sleeve in found.values()]
    ends = [month for month in last if month is not None]
    after = (
        str(np.datetime64(max(ends), "M") + np.timedelta64(1, "M"))
        if len(ends) == len(last)
        else None
    )
    return dg.MonthlyPartitionsDefinition(
        start_date=min(sleeve.first for sleeve in found.values()), end_date=after, fmt=_FORMAT
    )


def same_sleeve(months: dg.PartitionMapping | None = None) -> dg.MultiPartitionMapping:
    """Return the mapping of each sleeve to itself.

    Parameters
    ----------
    months : PartitionMapping, optional
        How months are mapped; without it a partition reads every month of its sleeve.
    """
    own = {SLEEVE: dg.DimensionPartitionMapping(SLEEVE, dg.IdentityPartitionMapping())}
    if months is not None:
        own[MONTH] = dg.DimensionPartitionMapping(MONTH, months)
    return dg.MultiPartitionMapping(own)


def _months_before(count: int, *, until: int) -> dg.MultiPartitionMapping:
    return same_sleeve(
        dg.TimeWindowPartitionMapping(
            start_offset=-count, end_offset=until, allow_nonexistent_upstream_partitions=True
        )
    )


def _reaching(reaches: Iterable[tuple[int, int]]) -> dg.MultiPartitionMapping:
    """Return the mapping that holds the months of every sleeve; `spans` cuts each to its own."""
    starts, ends = zip(*reaches, strict=True)
    return _months_before(-min(starts), until=max(ends))


def partition_key(sleeve: str, month: str) -> dg.MultiPartitionKey:
    """Return the key of a sleeve's month."""
    return dg.MultiPartitionKey({SLEEVE: sleeve, MONTH: month})


def simulated_key(sleeve: str, simulator: str) -> dg.MultiPartitionKey:
    """Return the key of a sleeve under a simulator."""
    return dg.MultiPartitionKey({SLEEVE: sleeve, SIMULATOR: simulator})


def sleeves_with_months(keys: list[str]) -> dict[str, list[str]]:
    """Return the months of each sleeve in a run, sorted: Dagster's order is random."""
    found: dict[str, list[str]] = {}
    for key in sorted(keys):
        month, sleeve = key.split("|")
        found.setdefault(sleeve, []).append(month)
    return dict(sorted(found.items()))


_FOUND = sleeves()
_NAMES = dg.StaticPartitionsDefinition(list(_FOUND))

SLEEVES = _NAMES
"""One partition a sleeve."""

MONTHLY = RangedPartitions({SLEEVE: _NAMES, MONTH: month_partitions(_FOUND)})
"""One partition a sleeve and month."""

STRATEGIES = dg.StaticPartitionsDefinition(list(strategies()))
"""One partition a strategy, over all sleeves."""

SIMULATED = RangedPartitions(
    {
        SLEEVE: _NAMES,
        SIMULATOR: dg.StaticPartitionsDefinition(
            sorted(
                {choice.label for s in _FOUND.values() for choice in s.config.simulators}
                | set(registry("simulators"))
            )
        ),
    }
)
"""One partition a sleeve and simulator: any simulator may look at any sleeve."""

ONE_MONTH_BACK = _months_before(1, until=0)
"""A month and the one before it: the first return of a month needs the last price before it."""

TWO_MONTHS_BACK = _months_before(MONTHS_HELD, until=0)
"""A month and the two before it: a stream follows signals of these."""

FEATURES = _reaching(sleeve.feature_reach for sleeve in _FOUND.values())
"""The months that the features of a month read, in the sleeve that reads most."""

TRAINING = _reaching(sleeve.training_reach for sleeve in _FOUND.values())
"""The months that the models of a month are trained on, in the sleeve that reads most."""

TRAIN = _reaching(sleeve.train_reach for sleeve in _FOUND.values())
"""The months that the train periods of a month's windows lie in, in the sleeve that reads most."""

WHOLE_SLEEVE = same_sleeve()
"""Every month of the same sleeve."""


def months_of_run(tags: Mapping[str, str]) -> dict[str, list[str]] | None:
    """Return the months of each sleeve of a run by its tags; None if it is not of months.

    A check is not partitioned, so that its context does not tell.
    """
    first = tags.get(ASSET_PARTITION_RANGE_START_TAG) or tags.get(PARTITION_NAME_TAG)
    last = tags.get(ASSET_PARTITION_RANGE_END_TAG) or first
    if first is None or last is None or not MONTHLY.has_partition_key(first):
        return None
    within = dg.PartitionKeyRange(first, last)
    return sleeves_with_months(list(MONTHLY.get_partition_keys_in_range(within)))
