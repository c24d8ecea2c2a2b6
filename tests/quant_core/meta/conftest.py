"""Sleeves with the results that a tournament would have, made without running one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.meta import Book, parse_meta

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from quant_core.meta import Cell, MetaConfig

PROFILES = ("equal_weight", "min_variance", "risk_parity")
SELECTIONS = ("all", "few")


@dataclass(frozen=True)
class StubSleeve:
    """A sleeve of three assets, the first of which is sold short."""

    name: str
    days: np.ndarray
    paths: dict[Cell, np.ndarray]
    every: dict[tuple[str, ...], list[Book]]
    periods_per_year: int = 252
    trials: int = 6
    version: str = "1"
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        def axis(*names: str) -> list[dict[str, str]]:
            return [{"name": name, "as": name} for name in names]

        return {
            "sleeve": self.name,
            "periods_per_year": self.periods_per_year,
            "selections": axis(*SELECTIONS),
            "engines": axis("native"),
            "profiles": axis(*PROFILES),
            "rebalances": axis("window"),
            "simulators": axis("custom", "vectorbt"),
            "finalists": None,
            **self.changes,
        }

    def navs(self, cells: Collection[Cell]) -> tuple[np.ndarray, dict[Cell, np.ndarray]]:
        found = {cell: self.paths[cell] for cell in cells if cell in self.paths}
        return (self.days if found else self.days[:0]), found

    def books(self, line: tuple[str, ...], days: np.ndarray) -> list[Book]:
        return [book for book in self.every[line] if book.day <= days[-1]]

    def until(self, day: str) -> StubSleeve:
        """Return the sleeve as it was on a day."""
        rows = self.days <= np.datetime64(day)
        paths = {cell: nav[rows] for cell, nav in self.paths.items()}
        every = {
            line: [book for book in books if book.day <= np.datetime64(day)]
            for line, books in self.every.items()
        }
        return replace(self, days=self.days[rows], paths=paths, every=every)


def made(
    name: str, seed: int, *, weekends: bool, symbols: tuple[str, ...], days: int = 400
) -> StubSleeve:
    """Return a sleeve with random paths, and weights that change every 20 of its days."""
    random = np.random.default_rng(seed)
    every = np.datetime64("2020-01-01") + np.arange(days)
    own = every if weekends else every[np.is_busday(every)]
    paths, books = {}, {}
    for selection in SELECTIONS:
        for number, profile in enumerate(PROFILES):
            scale = 0.01 * (1 + number) * (3 if weekends else 1)
            returns = random.normal(0.0008, scale, len(own))
            paths[selection, "native", profile, "window", "custom"] = np.cumprod(1 + returns)
            line = (selection, "native", profile)
            books[line] = [
                Book(
                    own[row],
                    tuple(f"{s}_hold_{'short' if s == symbols[0] else 'long'}" for s in symbols),
                    symbols,
                    random.dirichlet([1.0] * 3) * 0.9 * np.array([-1.0, 1.0, 1.0]),
                )
                for row in range(0, len(own), 20)
            ]
    return StubSleeve(name, own, paths, books, periods_per_year=365 if weekends else 252)


@pytest.fixture(scope="session")
def us() -> StubSleeve:
    return made("us", 1, weekends=False, symbols=("AAA", "BBB", "GLD"))


@pytest.fixture(scope="session")
def crypto() -> StubSleeve:
    return made("crypto", 2, weekends=True, symbols=("btc", "eth", "GLD"))


@pytest.fixture(scope="session")
def bonds() -> StubSleeve:
    return made("bonds", 3, weekends=False, symbols=("TLT", "IEF", "SHY"))


@pytest.fixture(scope="session")
def sleeves(us: StubSleeve, crypto: StubSleeve, bonds: StubSleeve) -> dict[str, StubSleeve]:
    return {one.name: one for one in (us, crypto, bonds)}


@pytest.fixture(scope="session")
def meta() -> Callable[..., MetaConfig]:
    def config(name: str = "world", **changes: Any) -> MetaConfig:
        plain = {
            "name": name,
            "members": [{"sleeve": "us"}, {"sleeve": "crypto"}, {"sleeve": "bonds"}],
            "profiles": list(PROFILES),
            "windows": {"train": 60, "step": "month"},
        }
        return parse_meta({**plain, **changes})

    return config
