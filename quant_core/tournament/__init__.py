"""The tournament: plan, select, solve, simulate and rank every cell of a configuration."""

from quant_core.tournament._atoms import ATOMS_SCHEMA, AtomsRecord
from quant_core.tournament._cube import CUBE_NAMES, CUBE_SCHEMA
from quant_core.tournament._discovery import discover
from quant_core.tournament._evidence import Evidence
from quant_core.tournament._finalists import (
    NOT_A_FINALIST,
    Finalists,
    SimulationStage,
    by_finalists,
    ranking_config,
)
from quant_core.tournament._gates import Yardstick
from quant_core.tournament._index import CubeIndex, read_weights
from quant_core.tournament._inputs import Inputs
from quant_core.tournament._leaderboard import (
    LEADERBOARD_SCHEMA,
    WINDOWS_SCHEMA,
    Leaderboard,
    rank,
)
from quant_core.tournament._modelling import Registered, register_models
from quant_core.tournament._parity import nav_gap
from quant_core.tournament._paths import (
    PATH_NAMES,
    PATH_SCHEMA,
    CellPath,
    StoredPaths,
    paths_table,
    read_paths,
)
from quant_core.tournament._pipeline import (
    StageOutcome,
    by_month,
    check_investable,
    collect_atoms,
    select,
    solve,
)
from quant_core.tournament._plan import Plan, plan
from quant_core.tournament._prepared import Prepared
from quant_core.tournament._progress import CELLS_SCHEMA, CellFact, Progress, Silent, facts_table
from quant_core.tournament._run import Pipeline, Result, Step, run
from quant_core.tournament._simulating import (
    SimulationPlan,
    Simulations,
    plan_simulations,
    run_simulations,
)
from quant_core.tournament._solving import plan_solves
from quant_core.tournament._stage import PartitionOutcome
from quant_core.tournament._stages import STAGES
from quant_core.tournament._staleness import PartitionPlan, StagePlan
from quant_core.tournament._strategies import model_facts
from quant_core.tournament._trials import configuration_ids
from quant_core.tournament._universe import Members, members

__all__ = [
    "ATOMS_SCHEMA",
    "CELLS_SCHEMA",
    "CUBE_NAMES",
    "CUBE_SCHEMA",
    "LEADERBOARD_SCHEMA",
    "NOT_A_FINALIST",
    "PATH_NAMES",
    "PATH_SCHEMA",
    "STAGES",
    "WINDOWS_SCHEMA",
    "AtomsRecord",
    "CellFact",
    "CellPath",
    "CubeIndex",
    "Evidence",
    "Finalists",
    "Inputs",
    "Leaderboard",
    "Members",
    "PartitionOutcome",
    "PartitionPlan",
    "Pipeline",
    "Plan",
    "Prepared",
    "Progress",
    "Registered",
    "Result",
    "Silent",
    "SimulationPlan",
    "SimulationStage",
    "Simulations",
    "StageOutcome",
    "StagePlan",
    "Step",
    "StoredPaths",
    "Yardstick",
    "by_finalists",
    "by_month",
    "check_investable",
    "collect_atoms",
    "configuration_ids",
    "discover",
    "facts_table",
    "members",
    "model_facts",
    "nav_gap",
    "paths_table",
    "plan",
    "plan_simulations",
    "plan_solves",
    "rank",
    "ranking_config",
    "read_paths",
    "read_weights",
    "register_models",
    "run",
    "run_simulations",
    "select",
    "solve",
]
