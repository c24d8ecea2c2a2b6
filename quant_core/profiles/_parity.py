"""Profiles that spread risk."""

from __future__ import annotations

from typing import Literal

from quant_core.profiles._profile import RiskProfile

__all__ = ["Hrp", "RiskParity"]


class RiskParity(RiskProfile):
    """Equalise risk contributions: ``w_i (Sw)_i = w'Sw / n`` for every i, ``sum w = 1``.

    Maillard, Roncalli & Teiletche, "The properties of equally weighted risk contribution
    portfolios", Journal of Portfolio Management 36 (2010): the minimum of
    ``x'Sx/2 - sum(log x)/n``, normalised. With a cap, the constrained risk budgeting portfolio of
    Richard & Roncalli, "Constrained risk budgeting portfolios" (2019): the minimum of
    ``x'Sx/2 - lambda sum(log x)/n`` over ``x <= cap`` with the ``lambda`` at which ``sum x = 1``.
    The objective reported is the volatility ``sqrt(w'Sw)`` per period.
    """

    name: Literal["risk_parity"] = "risk_parity"


class Hrp(RiskProfile):
    """Split hierarchically by inverse variance along a single-linkage tree of correlations.

    Hierarchical risk parity, Lopez de Prado, "Building diversified portfolios that outperform out
    of sample", Journal of Portfolio Management 42 (2016), with the distance
    ``sqrt((1 - rho) / 2)`` itself linked, not the distance of its columns. With a cap, every split
    is bounded so that both halves can hold their share. The objective reported is the volatility
    ``sqrt(w'Sw)`` per period; nothing is optimised, so there is no residual.
    """

    name: Literal["hrp"] = "hrp"
