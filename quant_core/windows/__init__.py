"""Walk-forward windows."""

from quant_core.windows._grid import Step, Window, WindowGrid

__all__ = ["Step", "Window", "WindowGrid"]
