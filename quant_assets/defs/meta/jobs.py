"""The job of the meta-portfolios."""

import dagster as dg

__all__ = ["portfolios"]

portfolios = dg.define_asset_job(
    "portfolios",
    selection=["meta_portfolio"],
    description="Portfolios of sleeves, from the results that their leaderboards tell of.",
)
