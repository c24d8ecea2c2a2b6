"""Strategies in a YAML file, and stores of strategies by their address."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import fsspec
from pydantic import ValidationError

from quant_core.canonical import digest
from quant_core.errors import ConfigError, UnavailableError
from quant_core.live._strategy import StrategyRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.live._protocols import Served, StrategyStore

__all__ = ["GROUP", "FileStrategies", "open_strategies"]

GROUP = "quant_core.strategy_stores"
"""Entry points of this group name a callable ``(url: str) -> StrategyStore``."""

_SQL = "sql"
_FILES = (".yaml", ".yml", ".json")
_KEY = "strategies"


class FileStrategies:
    """The strategies of a YAML file: a list of rows, or a mapping with the list as ``strategies``.

    A model's ``uri`` that is relative counts from the folder of the file. Reports are kept in
    ``served`` and go nowhere.

    Parameters
    ----------
    url : str
        Path or fsspec URL of the file.

    Examples
    --------
    >>> FileStrategies("strategies.yaml").rows()  # doctest: +SKIP
    [StrategyRow(name='momentum', ...)]
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._revision = 0
        self._digest = ""
        self.served: tuple[Served, ...] = ()

    def revision(self) -> int:
        """Return a number that grows with every change of the file.

        Raises
        ------
        ConfigError
            If there is no such file.
        """
        found = digest(self._bytes())
        if found != self._digest:
            self._digest, self._revision = found, self._revision + 1
        return self._revision

    def rows(self) -> list[StrategyRow]:
        """Return every row, by name.

        Raises
        ------
        ConfigError
            With every problem of the file: its line, the row and the field.
        """
        # These bring the whole configuration of tournaments.
        from quant_core.config._problems import Problem, problems_of, told  # noqa: PLC0415
        from quant_core.config._yaml import read_yaml  # noqa: PLC0415

        value, lines = read_yaml(self._bytes().decode("utf-8-sig"), self._url)
        items, above = self._items(value)
        rows: dict[str, StrategyRow] = {}
        problems: list[Problem] = []
        for place, item in enumerate(items):
            path: tuple[str | int, ...] = (*above, place)
            try:
                row = StrategyRow.model_validate(item)
            except ValidationError as error:
                found = problems_of(error, StrategyRow)
                problems.extend(Problem((*path, *one.path), one.text) for one in found)
                continue
            if row.name in rows:
                problems.append(Problem((*path, "name"), f"the name {row.name} stands twice"))
            rows[row.name] = self._resolved(row)
        if problems:
            raise ConfigError(told(self._url, problems, lines))
        return [rows[name] for name in sorted(rows)]

    def report(self, runner: str, served: Sequence[Served]) -> None:  # noqa: ARG002 - one runner reads a file
        """Keep what a runner serves now, in place of its last report."""
        self.served = tuple(served)

    def _items(self, value: Any) -> tuple[list[Any], tuple[str, ...]]:
        if isinstance(value, dict) and set(value) == {_KEY} and isinstance(value[_KEY], list):
            return value[_KEY], (_KEY,)
        if isinstance(value, list):
            return value, ()
        raise ConfigError(
            f"{self._url}: expected a list of strategies, or the key {_KEY} with one; found "
            f"{type(value).__name__}"
        )

    def _resolved(self, row: StrategyRow) -> StrategyRow:
        if row.model is None or "://" in row.model.uri or row.model.uri.startswith("/"):
            return row
        folder = self._url.rpartition("/")[0]
        uri = f"{folder}/{row.model.uri}" if folder else row.model.uri
        return row.model_copy(update={"model": row.model.model_copy(update={"uri": uri})})

    def _bytes(self) -> bytes:
        try:
            with fsspec.open(self._url, "rb") as handle:
                return bytes(handle.read())
        except FileNotFoundError as error:
            raise ConfigError(
                f"{self._url}: expected a YAML file of strategies, found no file"
            ) from error
        except OSError as error:
            raise ConfigError(f"{self._url}: cannot be read ({error})") from error


def open_strategies(url: str) -> StrategyStore:
    """Return the store of an address: a YAML file, or a database.

    Parameters
    ----------
    url : str
        Path or fsspec URL that ends in ``.yaml``, ``.yml`` or ``.json``; anything else goes to
        the entry point ``sql`` of `GROUP`, for example ``sqlite:///strategies.db``.

    Raises
    ------
    UnavailableError
        If no installed package offers databases, or what it needs is missing.
    """
    if url.endswith(_FILES):
        return FileStrategies(url)
    offered = {point.name: point for point in entry_points(group=GROUP)}
    if _SQL not in offered:
        raise UnavailableError(
            f"--strategies {url}: expected a file that ends in {', '.join(_FILES)}, or an "
            "installed package that opens databases; install quant-assets[live]"
        )
    try:
        build: Any = offered[_SQL].load()
    except ImportError as error:
        raise UnavailableError(
            f"--strategies {url}: {error}; install quant-assets[live]"
        ) from error
    store: StrategyStore = build(url)
    return store
