"""A tournament from a plain script; needs neither Dagster, Ray nor MLflow."""

from tempfile import mkdtemp

from quant_core import TournamentConfig, run

config = TournamentConfig(data="sample", profiles=["equal_weight", "hrp", "min_variance"])
result = run(config, out=mkdtemp())
best = result.leaderboard.sort_by("rank").slice(0, 5)
print(best.select(["rank", "selection", "profile", "rebalance", "sharpe", "dsr"]).to_pandas())
