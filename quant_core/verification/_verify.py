"""Everything that is published and can be reproduced without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.verification._hierarchy_peers import hierarchical_peers
from quant_core.verification._luck import deflated_sharpe_example
from quant_core.verification._online_portfolios import online_portfolios
from quant_core.verification._patterns import permutation_entropies
from quant_core.verification._riskfolio_tables import riskfolio_tables

if TYPE_CHECKING:
    from quant_core.verification._result import PublishedResult

__all__ = ["verify"]


def verify(*, riskfolio_sdist: str | None = None) -> tuple[PublishedResult, ...]:
    """Reproduce published results with this library's own code.

    Nothing is fetched. What a missing package or file would be needed for is a result without a
    measured figure that says so.

    Parameters
    ----------
    riskfolio_sdist : str, optional
        Source distribution of riskfolio-lib, whose tests have prices and tables of weights.

    Returns
    -------
    tuple of PublishedResult
        In a fixed order.

    Raises
    ------
    DataError
        If a file is there and cannot be read.
    """
    return (
        *online_portfolios(),
        *deflated_sharpe_example(),
        *permutation_entropies(),
        *hierarchical_peers(),
        *riskfolio_tables(riskfolio_sdist),
    )
