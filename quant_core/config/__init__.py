"""The configuration of a tournament: one YAML file, one frozen model."""

from quant_core.config._caps import check_caps
from quant_core.config._cells import Cell, cells
from quant_core.config._champion import ChampionConfig, GateConfig, ModelGateConfig
from quant_core.config._choice import Choice
from quant_core.config._constraints import check_constraints
from quant_core.config._fidelity import FIDELITIES, RANKING_SIMULATOR, Fidelity, simulators_at
from quant_core.config._load import load_config, parse_config
from quant_core.config._model import TournamentConfig
from quant_core.config._registries import AXES, Axis, registry
from quant_core.config._schema import json_schema
from quant_core.config._sections import CostConfig, WindowConfig
from quant_core.config._universe import LiquidityConfig, UniverseConfig

__all__ = [
    "AXES",
    "FIDELITIES",
    "RANKING_SIMULATOR",
    "Axis",
    "Cell",
    "ChampionConfig",
    "Choice",
    "CostConfig",
    "Fidelity",
    "GateConfig",
    "LiquidityConfig",
    "ModelGateConfig",
    "TournamentConfig",
    "UniverseConfig",
    "WindowConfig",
    "cells",
    "check_caps",
    "check_constraints",
    "json_schema",
    "load_config",
    "parse_config",
    "registry",
    "simulators_at",
]
