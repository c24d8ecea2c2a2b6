"""Reproducing published results: the job and its weekly schedule."""

import dagster as dg

__all__ = ["reproduction", "weekly"]

reproduction = dg.define_asset_job(
    "reproduction",
    selection=["published_results"],
    description="Reproduce published results with the code that is installed.",
)

weekly = dg.ScheduleDefinition(
    name="weekly",
    job=reproduction,
    cron_schedule="0 5 * * 1",
    execution_timezone="UTC",
    description="Reproduces published results on Monday mornings.",
)
