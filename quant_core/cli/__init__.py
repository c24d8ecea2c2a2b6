"""The command line, ``quant``."""

from quant_core.cli._app import app, main

__all__ = ["app", "main"]
