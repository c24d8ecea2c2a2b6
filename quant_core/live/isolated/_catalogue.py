"""Which strategies in Python are wanted, loaded and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.canonical import digest_json
from quant_core.isolation import encode
from quant_core.live.isolated._messages import Serving

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quant_core.live._strategy import StrategyRow

__all__ = ["Catalogue"]

_LOADED = {"name", "python", "parameters", "features", "model"}


class Catalogue:
    """Rows by name, and what became of them.

    A *key* stands for a name and everything that its factory is given: two rows of one key need
    loading once. Where a row has changed, the key before it is served until its own is loaded.
    """

    def __init__(self) -> None:
        self._wanted: dict[str, str] = {}
        self._newest: dict[str, StrategyRow] = {}
        self._served: dict[str, str] = {}
        self._rows: dict[str, StrategyRow] = {}
        self._loaded: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        self.serving: dict[str, Serving] = {}
        self.revision = 0

    def apply(self, rows: Sequence[StrategyRow]) -> None:
        """Want these rows and no others; what was refused and is not wanted is forgotten."""
        chosen = sorted((row for row in rows if row.python), key=lambda row: row.name)
        self._newest = {row.name: row for row in chosen}
        self._wanted = {row.name: _key(row) for row in chosen}
        self._rows |= {key: self._newest[name] for name, key in self._wanted.items()}
        for name in [name for name in self._served if name not in self._wanted]:
            self._stop(name)
        for name in self._wanted:
            self._serve(name)
        self._forget()

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys that every worker should have loaded, those that are served first."""
        wanted = (key for key in self._wanted.values() if key not in self._refused)
        return tuple(dict.fromkeys([*self._served.values(), *wanted]))

    @property
    def served(self) -> frozenset[str]:
        """Keys that calls are made under."""
        return frozenset(self._served.values())

    @property
    def refused(self) -> dict[str, str]:
        """Why wanted rows could not be loaded, by name."""
        keys = self._wanted.items()
        return {name: self._refused[key] for name, key in keys if key in self._refused}

    @property
    def settled(self) -> bool:
        """Whether every wanted row is serving or refused."""
        return all(key in self._loaded or key in self._refused for key in self._wanted.values())

    def proven(self, key: str) -> bool:
        """Say whether some worker has loaded a key."""
        return key in self._loaded

    def key(self, row: StrategyRow) -> str | None:
        """Return the key of a row that is serving, None for any other."""
        kept = self.serving.get(row.name)
        if kept is None or (kept.row is not row and kept.row != row):
            return None
        return self._served[row.name]

    def request(self, key: str) -> bytes:
        """Return the message that asks a worker to load a key."""
        given = self._rows[key].model_dump(mode="json", include={"python", "parameters", "model"})
        return encode({"kind": "load", "key": key, **given})

    def loaded(self, key: str, history: int) -> None:
        """Record that a worker has loaded a key."""
        if key in self._rows and key not in self._loaded:
            self._loaded[key] = history
            self._serve(self._rows[key].name)
            self._forget()

    def refuse(self, keys: Iterable[str], detail: str) -> None:
        """Record that keys cannot be loaded, and stop serving them."""
        for key in keys:
            self._refused[key] = detail
            self._loaded.pop(key, None)
            for name in [name for name, served in self._served.items() if served == key]:
                self._stop(name)
        self._forget()

    def _serve(self, name: str) -> None:
        key = self._wanted.get(name)
        if key is not None and key in self._loaded:
            self.serving[name] = Serving(self._newest[name], self._loaded[key])
            self._served[name] = key

    def _stop(self, name: str) -> None:
        del self.serving[name]
        del self._served[name]

    def _forget(self) -> None:
        kept = {*self._wanted.values(), *self._served.values()}
        self._rows = {key: row for key, row in self._rows.items() if key in kept}
        self._loaded = {key: count for key, count in self._loaded.items() if key in kept}
        self._refused = {key: why for key, why in self._refused.items() if key in kept}
        self.revision += 1


def _key(row: StrategyRow) -> str:
    return f"{row.name} {digest_json(row.model_dump(mode='json', include=_LOADED))}"
