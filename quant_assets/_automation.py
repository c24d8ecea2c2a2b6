"""When assets bring themselves up to date."""

from __future__ import annotations

import dagster as dg

__all__ = ["WHEN_INPUTS_CHANGE"]

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
