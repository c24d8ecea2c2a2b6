"""Published results, reproduced with the code that computes everything else."""

from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg

from quant_assets._assets import SINGLE_RUN, version_of
from quant_assets._figures import preview
from quant_core.verification import Agreement, PublishedResult, results_table, verify
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["published_results"]

_REPRODUCED = "reproduced"
_SHOWN = ("subject", "what", "expected", "measured", "tolerance", "agreement", "note")


class Reproduction(dg.Config):
    """What is not installed with the package.

    Parameters
    ----------
    riskfolio_sdist : str
        Source distribution of riskfolio-lib with its tables; empty without it.
    """

    riskfolio_sdist: str = ""


@dg.asset(
    group_name="verification",
    backfill_policy=SINGLE_RUN,
    code_version=version_of("quant_core.verification._verify"),
    check_specs=[
        dg.AssetCheckSpec(
            _REPRODUCED,
            asset="published_results",
            description="No published figure is off by more than its tolerance.",
        )
    ],
    kinds={"parquet"},
)
@without_retry
def published_results(config: Reproduction) -> Iterator[dg.MaterializeResult[Partition]]:
    """One row a published figure: what was expected, what was measured, and how."""
    found = verify(riskfolio_sdist=config.riskfolio_sdist or None)
    table = results_table(found)
    counts = Counter(str(result.agreement) for result in found)
    facts = {
        **{str(agreement): counts[agreement] for agreement in Agreement},
        "results": preview(table, _SHOWN, rows=table.num_rows),
    }
    yield dg.MaterializeResult(value=Partition(table, facts), check_results=[_check(found)])


def _check(found: Sequence[PublishedResult]) -> dg.AssetCheckResult:
    off = [result for result in found if result.agreement is Agreement.OFF]
    told = [f"{one.subject}, {one.what}: {one.expected}, measured {one.measured}" for one in off]
    return dg.AssetCheckResult(
        check_name=_REPRODUCED,
        passed=not off,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(told),
        metadata={"off": len(off), "of": len(found)},
    )
