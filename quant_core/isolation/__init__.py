"""Processes of their own for what may hang or die, and messages to them without pickle."""

from quant_core.isolation._frames import Frame, FrameError, FrameReader, encode
from quant_core.isolation._process import WorkerProcess
from quant_core.isolation._worker import end_with_parent, frames, limit_memory, told

__all__ = [
    "Frame",
    "FrameError",
    "FrameReader",
    "WorkerProcess",
    "encode",
    "end_with_parent",
    "frames",
    "limit_memory",
    "told",
]
