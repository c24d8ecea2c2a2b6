"""Decision rules: from predictions to signals in [-1, 1]."""

from quant_core.decisions._decision import Decision, Decisions, Scaled, Sign

__all__ = ["Decision", "Decisions", "Scaled", "Sign"]
