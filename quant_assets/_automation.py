"""When assets bring themselves up to date."""

from __future__ import annotations

import dagster as dg

from quant_assets._sleeves import sleeves
from quant_assets.partitions import simulated_key

__all__ = ["OF_CONFIGURED_SIMULATORS", "WHEN_INPUTS_CHANGE", "WHEN_LEADERBOARDS_CHANGE"]

# `eager` would fire on a materialization that changed nothing; months that the calendar already
# has and the data do not yet are no reason to wait.
WHEN_INPUTS_CHANGE = (
    dg.AutomationCondition.eager()
    .without(~dg.AutomationCondition.any_deps_missing())
    .replace(
        "any_deps_updated",
        dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed()),
    )
    .with_label("when inputs change")
)
"""Once the content of an input has changed, and nothing that feeds it is running."""

# A leaderboard comes last in its sleeve: what changed before it is not to be looked at alone.
WHEN_LEADERBOARDS_CHANGE = (
    dg.AutomationCondition.eager()
    .without(~dg.AutomationCondition.any_deps_missing())
    .replace(
        "any_deps_updated",
        dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed()).allow(
            dg.AssetSelection.assets("leaderboard")
        ),
    )
    .with_label("when leaderboards change")
)
"""Once the content of a leaderboard has changed, and nothing that feeds it is running."""


class _OfConfiguredSimulators(dg.AutomationCondition[dg.AssetKey]):
    """True for the simulators that the sleeve's file names.

    Any simulator is a partition of any sleeve, so that a person may launch it; by themselves only
    those are brought up to date that were asked for in the file.
    """

    @property
    def name(self) -> str:
        return "of configured simulators"

    def evaluate(
        self, context: dg.AutomationContext[dg.AssetKey]
    ) -> dg.AutomationResult[dg.AssetKey]:
        wanted = {
            str(simulated_key(name, choice.label))
            for name, sleeve in sleeves().items()
            for choice in sleeve.config.simulators
        }
        candidates = context.candidate_subset
        keys = {
            key for key in candidates.expensively_compute_partition_keys() if str(key) in wanted
        }
        partitions = context.asset_graph.get(context.key).partitions_def
        subset = context.asset_graph_view.get_subset_from_partition_keys(
            context.key, partitions, keys
        )
        return dg.AutomationResult(context, true_subset=subset)


OF_CONFIGURED_SIMULATORS = _OfConfiguredSimulators()
"""A condition of partitions; sensors evaluate it in the code server."""
