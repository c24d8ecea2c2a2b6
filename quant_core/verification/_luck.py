"""The deflated Sharpe ratio of the example that introduced it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.statistics import deflated_sharpe, expected_maximum_sharpe
from quant_core.verification._result import PublishedResult

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["deflated_sharpe_example"]

_SUBJECT = "deflated Sharpe ratio"
_SOURCE = (
    "Bailey, D. H. and Lopez de Prado, M. (2014). The Deflated Sharpe Ratio. Journal of Portfolio "
    "Management 40(5), numerical example"
)
_LAST_DIGIT = 0.00005
_DAYS, _OBSERVATIONS, _TRIALS = 250, 1250, 100
_SHARPE, _VARIANCE = 2.5, 0.5
_SKEWNESS, _KURTOSIS = -3.0, 10.0


def deflated_sharpe_example() -> Iterator[PublishedResult]:
    """Yield what luck explains of an annual Sharpe ratio of 2.5, and what it leaves.

    The best of 100 independent trials with a variance of 0.5 a year, seen over 1,250 days of 250 a
    year, skewness -3, kurtosis 10.
    """
    variance = _VARIANCE / _DAYS
    luck = expected_maximum_sharpe(variance=variance, trials=_TRIALS)
    yield PublishedResult(_SUBJECT, "SR0, a day", _SOURCE, 0.1132, _LAST_DIGIT).found(luck)
    deflated = deflated_sharpe(
        _SHARPE / _DAYS**0.5,
        observations=_OBSERVATIONS,
        skewness=_SKEWNESS,
        kurtosis=_KURTOSIS,
        variance=variance,
        trials=_TRIALS,
    )
    yield PublishedResult(_SUBJECT, "DSR", _SOURCE, 0.9004, _LAST_DIGIT).found(float(deflated))
