"""Places of data that name environment variables."""

from __future__ import annotations

import os
import re

from quant_core.errors import ConfigError

__all__ = ["check_place", "expanded"]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_place(url: str) -> None:
    """Refuse a place whose ``${NAME}`` is not one.

    Raises
    ------
    ValueError
        If a brace stays open or a name is no name of a variable.
    """
    wrong = [name for name in _VARIABLE.findall(url) if _NAME.fullmatch(name) is None]
    if wrong or "${" in _VARIABLE.sub("", url):
        found = f"${{{wrong[0]}}}" if wrong else "a brace that stays open"
        raise ValueError(f"expected ${{NAME}} for an environment variable, found {found}")


def expanded(url: str) -> str:
    """Return a place with the values of its variables.

    Raises
    ------
    ConfigError
        If a variable is not set, or empty.
    """
    for name in _VARIABLE.findall(url):
        if not os.environ.get(name):
            raise ConfigError(
                f"data: {url} names the environment variable {name}, which is not set; set it to "
                f"the folder or URL that holds the file, for example export {name}=/data"
            )
    return _VARIABLE.sub(lambda found: os.environ[found[1]], url)
