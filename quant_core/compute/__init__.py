"""Compute backends: a small protocol, and the serial one."""

from quant_core.compute._protocol import Compute
from quant_core.compute._serial import SerialCompute

__all__ = ["Compute", "SerialCompute"]
