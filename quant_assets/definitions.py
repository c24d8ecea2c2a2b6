"""Everything that Dagster loads."""

from __future__ import annotations

import warnings

import dagster as dg

__all__ = ["definitions"]


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the assets, checks, jobs, schedules and sensors of every domain."""
    # Backfill policies and partition mappings are public, and have been in beta for years.
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    from quant_assets import defs  # noqa: PLC0415 - after the filter
    from quant_assets._resources import (  # noqa: PLC0415
        AuditTrail,
        ComputeBackend,
        LakehouseRoot,
        Registry,
        Strategies,
    )
    from quant_assets.defs.deployment import jobs as deployment  # noqa: PLC0415
    from quant_assets.defs.meta import jobs as meta  # noqa: PLC0415
    from quant_assets.defs.research import jobs  # noqa: PLC0415
    from quant_assets.defs.verification import jobs as verification  # noqa: PLC0415
    from resources.ray_io_manager import RayIOManager  # noqa: PLC0415

    return dg.Definitions(
        assets=dg.load_assets_from_package_module(defs),
        asset_checks=dg.load_asset_checks_from_package_module(defs),
        jobs=[
            jobs.research,
            jobs.simulation,
            jobs.ranking,
            meta.portfolios,
            *deployment.JOBS,
            verification.reproduction,
        ],
        schedules=[jobs.monthly, verification.weekly],
        sensors=[jobs.automation, *deployment.SENSORS],
        # Every asset is bound to this one: Dagster's default would pickle.
        resources={
            "io_manager": RayIOManager(),
            "lakehouse": LakehouseRoot(),
            "backend": ComputeBackend(),
            "trail": AuditTrail(),
            "registry": Registry(),
            "strategy_database": Strategies(),
        },
        executor=dg.in_process_executor,
    )
