"""Digests of tables: equal where the same data are meant, different where they are not."""

from quant_core.frames._digest import digest_frame

__all__ = ["digest_frame"]
