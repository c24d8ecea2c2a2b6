"""Compute backends: a small protocol, and the serial one."""

from quant_core.compute._protocol import Compute
from quant_core.compute._serial import SerialCompute
from quant_core.compute._unit import running_unit, unit_runs

__all__ = ["Compute", "SerialCompute", "running_unit", "unit_runs"]
