"""What is optimised: the profiles, and what an engine is asked and answers."""

from collections.abc import Mapping
from types import MappingProxyType

from quant_core.profiles._adaptive import Adaptive, Regime
from quant_core.profiles._barbell import Barbell
from quant_core.profiles._constraints import Constraints, Group
from quant_core.profiles._market_neutral import MarketNeutral
from quant_core.profiles._naive import EqualWeight, Market
from quant_core.profiles._parity import Hrp, RiskParity
from quant_core.profiles._problem import WEIGHTED, Problem, Solution, Status
from quant_core.profiles._profile import ConstrainedProfile, Profile, RiskProfile
from quant_core.profiles._ratio import MaxDiversification, MaxSharpe
from quant_core.profiles._variance import MeanVariance, MinVariance

__all__ = [
    "PROFILES",
    "WEIGHTED",
    "Adaptive",
    "Barbell",
    "ConstrainedProfile",
    "Constraints",
    "EqualWeight",
    "Group",
    "Hrp",
    "Market",
    "MarketNeutral",
    "MaxDiversification",
    "MaxSharpe",
    "MeanVariance",
    "MinVariance",
    "Problem",
    "Profile",
    "Regime",
    "RiskParity",
    "RiskProfile",
    "Solution",
    "Status",
]

PROFILES: Mapping[str, type[Profile]] = MappingProxyType(
    {
        "adaptive": Adaptive,
        "barbell": Barbell,
        "equal_weight": EqualWeight,
        "hrp": Hrp,
        "market": Market,
        "market_neutral": MarketNeutral,
        "max_diversification": MaxDiversification,
        "max_sharpe": MaxSharpe,
        "mean_variance": MeanVariance,
        "min_variance": MinVariance,
        "risk_parity": RiskParity,
    }
)
"""Every profile by its name, sorted."""
