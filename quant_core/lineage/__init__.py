"""Where a signal came from: model, training partition and inputs, checked link by link."""

from quant_core.lineage._link import Link
from quant_core.lineage._signal import find_signal
from quant_core.lineage._trace import Trail, trace

__all__ = ["Link", "Trail", "find_signal", "trace"]
