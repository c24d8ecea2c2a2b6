"""What ``quant new`` writes."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from quant_core.errors import ConfigError

__all__ = ["new_strategy"]

_TEMPLATES = Path(__file__).parent / "templates" / "strategy"
_SUFFIX = ".j2"
_TEST = "test_strategy.py"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def new_strategy(name: str, folder: Path) -> tuple[Path, ...]:
    """Write a strategy in Python as a package of its own.

    Parameters
    ----------
    name : str
        The strategy, its package and its folder.
    folder : Path
        Where the package is made.

    Returns
    -------
    tuple of Path
        The files, sorted.

    Raises
    ------
    ConfigError
        If the name cannot name a package, or the folder of the package exists.
    """
    _check(name)
    package = folder / name
    try:
        package.mkdir(parents=True)
    except FileExistsError as error:
        raise ConfigError(
            f"{package}: expected no such folder, found one; nothing was written, choose another "
            "name or another --dir"
        ) from error
    written = []
    for template in sorted(_TEMPLATES.glob(f"*{_SUFFIX}")):
        found = template.name.removesuffix(_SUFFIX)
        path = package / (f"test_{name}.py" if found == _TEST else found)
        path.write_text(_rendered(template, name), encoding="utf-8")
        written.append(path)
    return tuple(sorted(written))


def _check(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            "name: expected at most 40 lower-case letters, digits and underscores, a letter first, "
            f"and no keyword of Python; found {name!r}"
        )
    if name in sys.stdlib_module_names or find_spec(name) is not None:
        raise ConfigError(
            f"name: expected a name that no installed package has, found {name!r}; "
            "importing one would bring the other"
        )


def _rendered(path: Path, name: str) -> str:
    from jinja2 import StrictUndefined, Template  # noqa: PLC0415 - only this command needs it

    text = path.read_text(encoding="utf-8")
    template = Template(text, undefined=StrictUndefined, keep_trailing_newline=True)
    rendered: str = template.render(name=name)
    return rendered
