"""What may not reach the ledger: passwords, tokens, keys."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from typing import Any

from quant_core.errors import LedgerError

__all__ = ["REDACTED", "error_text", "redact"]

REDACTED = "[redacted]"
_DEPTH = 64
_TEXT = 2000
_SHORTEST = 8  # a shorter value of an environment variable would also erase ordinary words

_TELLING = (
    r"pass_?w(?:or)?d|passwd|pass_?phrase|pwd|token|secret|credential|authorization|bearer|cookie"
    r"|(?:access|account|api|encryption|master|private|service|session|shared|signing|ssh|storage)"
    r"_?key|key_?id"
)
_NAME = re.compile(_TELLING)
_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_USERINFO = re.compile(r"(?<=://)[^/?#\s]+@")
_SPOKEN = _TELLING.replace("_?", "[-_ ]?")
_ASSIGNED = re.compile(
    rf"""((?:{_SPOKEN}|signature|\bsig)[\w-]{{0,40}}["']?\s*[=:]\s*)"""
    r"""(?:"[^"]*"|'[^']*'|(?:(?:bearer|basic)\s+)?[^\s"',;&)}\]]+)""",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
_SHAPED = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)


@functools.lru_cache(4096)
def _secret(name: str) -> bool:
    if "/" in name:  # a path or a URL, not the name of a setting
        return False
    return _NAME.search(_BORDER.sub("_", name).lower()) is not None


def _scrub(text: str) -> str:
    if "@" in text:
        text = _USERINFO.sub(f"{REDACTED}@", text)
    if "=" in text or ":" in text:
        text = _ASSIGNED.sub(rf"\1{REDACTED}", text)
    if " " in text:
        text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    return _SHAPED.sub(REDACTED, text)


def redact(value: Any, depth: int = 0) -> Any:
    """Return a value as plain dicts and lists, without its secrets.

    The value of a key whose name tells a secret (password, token, secret, access key, key id,
    credential...) is replaced as a whole; ``key`` alone names a cell. Inside any text, the user
    part of a URL, ``name=value`` with such a name, and the common shapes of tokens are replaced.

    Parameters
    ----------
    value : Any
        What is to be written.
    depth : int
        How deep ``value`` lies already.

    Raises
    ------
    LedgerError
        If the value is nested more than 64 levels deep.
    """
    if depth > _DEPTH:
        raise LedgerError(f"audit record: nested more than {_DEPTH} levels deep; write a digest")
    if isinstance(value, Mapping):
        return {
            _scrub(str(key)): REDACTED if _secret(str(key)) else redact(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact(item, depth + 1) for item in value]
    return _scrub(value) if type(value) is str else value


def error_text(error: BaseException) -> str:
    """Return the message of an error, at most 2,000 characters, without secrets.

    Values of this process's environment variables whose names tell a secret are replaced too.
    """
    text = str(error)
    for name, value in os.environ.items():
        if _secret(name) and len(value) >= _SHORTEST:
            text = text.replace(value, REDACTED)
    return _scrub(text).encode(errors="backslashreplace").decode()[:_TEXT]
