"""Jobs, the monthly schedule and the automation of what follows."""

import dagster as dg
import numpy as np

from quant_assets._sleeves import sleeves
from quant_assets.partitions import partition_key

__all__ = ["automation", "monthly", "ranking", "research", "simulation"]

research = dg.define_asset_job(
    "research",
    selection=[
        "raw_prices",
        "returns_matrix",
        "feature_matrix",
        "strategy_models",
        "atom_returns",
        "universe",
        "selected_atoms",
        "weights_cube",
    ],
    description="From prices to weights, for any range of months.",
)

simulation = dg.define_asset_job(
    "simulation",
    selection=["simulation_results"],
    description="The path of every cell of a sleeve.",
)

ranking = dg.define_asset_job(
    "ranking",
    selection=["leaderboard"],
    description="The leaderboard of a sleeve.",
)


@dg.schedule(job=research, cron_schedule="0 6 1 * *", execution_timezone="UTC")
def monthly(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """Launch the month that has just ended, for every sleeve whose data go on."""
    month = str(
        np.datetime64(context.scheduled_execution_time.strftime("%Y-%m"), "M")
        - np.timedelta64(1, "M")
    )
    found = [name for name, sleeve in sleeves().items() if sleeve.holds(month)]
    if not found:
        return dg.SkipReason(f"no sleeve has data for {month}")
    return [
        dg.RunRequest(
            run_key=f"{name}/{month}",
            partition_key=partition_key(name, month),
            tags={"sleeve": name, "month": month},
        )
        for name in found
    ]


automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.assets("simulation_results", "leaderboard", "meta_portfolio"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    use_user_code_server=True,
)
