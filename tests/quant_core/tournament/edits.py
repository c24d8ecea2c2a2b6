"""Kinds of edit, the cells that each makes stale, and the ways to carry them out."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import quant_core
from quant_core.canonical import digest, digest_json
from quant_core.cells import _code_version
from quant_core.compute import SerialCompute
from quant_core.config import parse_config
from quant_core.engines import ENGINES
from quant_core.simulators import SIMULATORS
from quant_core.tournament import run

from .conftest import AXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from quant_core.config import TournamentConfig
    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

EQUAL, MARKET = "equal_weight", "market"
SHARPE = {"name": "max_sharpe", "covariance": "sample"}
VARIANCE = {"name": "min_variance", "cap": 0.5}
LOW = {"name": "low_volatility", "count": 4}
LIMITED = {"profiles": [{"name": "min_variance", "covariance": "sample", "turnover": 0.1}]}
TWO_ENGINES = {"engines": ["native", "cvxpy"]}
KINDS = ("selection", "solve", "simulation")
SOLVER = ("engines", "native", "_min_variance.py")


def unchanged(market: Market) -> Market:
    return market


def extended(market: Market) -> Market:
    """Append the rest of August and the whole of September."""
    every = np.arange(np.datetime64("2020-08-10"), np.datetime64("2020-10-01"))
    dates = np.concatenate([market.dates, every[np.is_busday(every)]])
    drawn = np.random.default_rng(4).normal(0, 0.01, (len(dates), len(market.symbols)))
    drawn[: len(market.dates)] = market.values
    return replace(market, dates=dates, values=drawn)


def moved_day(market: Market) -> Market:
    """Let a Friday have been a Saturday: no return moves."""
    dates = market.dates.copy()
    dates[dates == np.datetime64("2020-05-15")] = np.datetime64("2020-05-16")
    return replace(market, dates=dates)


def with_newcomer(market: Market) -> Market:
    series = np.where(market.dates < np.datetime64("2020-07-10"), np.nan, 0.001)
    series[::2] *= 2
    return market.with_symbol("NEW", series)


def with_wild_one(market: Market) -> Market:
    return market.with_symbol("WILD", np.random.default_rng(9).normal(0, 0.1, len(market.dates)))


def as_before(_patch: pytest.MonkeyPatch, _folder: Path) -> None:
    """Leave the library and its surroundings alone."""


def with_source(text: str, *module: str) -> Callable[[pytest.MonkeyPatch, Path], None]:
    """Append text to a module, in a copy of the library that is read."""

    def arrange(patch: pytest.MonkeyPatch, folder: Path) -> None:
        root = folder / "quant_core"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(quant_core.__file__).parent, root, ignore=ignored, dirs_exist_ok=True)
        path = root.joinpath(*module)
        path.write_text(path.read_text() + text)
        patch.setattr(_code_version, "_ROOT", root)

    return arrange


def with_release(patch: pytest.MonkeyPatch, _folder: Path) -> None:
    found = _code_version.version
    patch.setattr(
        _code_version, "version", lambda name: "0.0.1" if name == "numpy" else found(name)
    )


def with_variable(patch: pytest.MonkeyPatch, _folder: Path) -> None:
    patch.setenv("TV_SOMETHING", "else")


class Backwards:
    """A backend of many workers: the last unit comes first, each from a fresh start."""

    name = "backwards"
    workers = 7

    def map[U, R](
        self,
        function: Callable[[U, Mapping[str, np.ndarray]], R],
        units: Sequence[U],
        *,
        shared: Mapping[str, np.ndarray],
        seconds_per_unit: float = 0.1,
    ) -> Iterator[tuple[int, R]]:
        for number in reversed(range(len(units))):
            alone = SerialCompute().map(
                function, [units[number]], shared=shared, seconds_per_unit=seconds_per_unit
            )
            yield number, next(alone)[1]

    def close(self) -> None:
        """Release nothing."""


@dataclass(frozen=True)
class Edit:
    """An edit of a base, and the cells of each kind that it makes stale, with the reason."""

    name: str
    selection: tuple[int, str] = (0, "")
    solve: tuple[int, str] = (0, "")
    simulation: tuple[int, str] = (0, "")
    base: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    data: Callable[[Market], Market] = unchanged
    arrange: Callable[[pytest.MonkeyPatch, Path], None] = as_before
    workers: bool = False
    keys_turned: bool = False

    @property
    def predicted(self) -> dict[str, dict[str, int]]:
        """The stale cells of each kind, by reason."""
        found = {kind: getattr(self, kind) for kind in KINDS}
        return {kind: {why: count} if count else {} for kind, (count, why) in found.items()}

    @property
    def lack(self) -> str:
        """Why it cannot be carried out here; empty when it can."""
        wanted = {**self.base, **self.changes}
        found = [ENGINES[name]().lack for name in wanted.get("engines", ())]
        if wanted.get("fidelity") == "medium":
            found.append(SIMULATORS["vectorbt"]().lack)
        return "; ".join(filter(None, found))

    @property
    def slug(self) -> str:
        return self.name.replace(" ", "-").replace(",", "").replace(":", "")


# The base has 6 windows (March to August), 2 selections, 4 profiles and 2 rebalances: 12
# selections, 48 solves, 16 paths.
EDITS = [
    Edit("nothing"),
    Edit(
        "add a profile",
        solve=(12, "new"),
        simulation=(4, "new"),
        changes={"profiles": [EQUAL, MARKET, SHARPE, VARIANCE, "hrp"]},
    ),
    Edit(
        "add an engine",
        solve=(48, "new"),
        simulation=(16, "new"),
        changes=TWO_ENGINES,
    ),
    Edit(
        # What native solved stays, and so do its paths.
        "change the code of an engine, beside another",
        solve=(48, "code changed"),
        simulation=(16, "inputs changed"),
        base=TWO_ENGINES,
        changes=TWO_ENGINES,
        arrange=with_source("\nANOTHER = 1\n", "engines", "_cvxpy.py"),
    ),
    Edit("remove an engine", base=TWO_ENGINES, changes={"engines": ["native"]}),
    Edit("remove a profile", changes={"profiles": [EQUAL, MARKET, VARIANCE]}),
    Edit("turn the profiles round", changes={"profiles": [VARIANCE, SHARPE, MARKET, EQUAL]}),
    Edit(
        "change the cap of a profile",
        solve=(12, "parameters changed"),
        simulation=(4, "inputs changed"),
        changes={"profiles": [EQUAL, MARKET, SHARPE, {**VARIANCE, "cap": 0.6}]},
    ),
    Edit(
        "change one parameter of a profile, its estimator",
        solve=(12, "parameters changed"),
        simulation=(4, "inputs changed"),
        changes={"profiles": [EQUAL, MARKET, {**SHARPE, "covariance": "ledoit_wolf"}, VARIANCE]},
    ),
    Edit(
        "rename a label",
        changes={"profiles": [EQUAL, MARKET, {**SHARPE, "as": "tangency"}, VARIANCE]},
    ),
    Edit("rename the sleeve", changes={"sleeve": "eu"}),
    Edit(
        # Where the benchmark is held, it does not matter what is selected.
        "add a selection",
        selection=(6, "new"),
        solve=(18, "new"),
        simulation=(6, "new"),
        changes={"selections": ["all", LOW, {"name": "top_momentum", "count": 3}]},
    ),
    Edit(
        "change a selection",
        selection=(6, "parameters changed"),
        solve=(18, "inputs changed"),
        simulation=(6, "inputs changed"),
        changes={"selections": ["all", {**LOW, "count": 3}]},
    ),
    Edit(
        "add a rebalance",
        simulation=(8, "new"),
        changes={"rebalances": ["window", "daily", "daily_5pct"]},
    ),
    Edit(
        "change the costs of the simulators",
        simulation=(16, "parameters changed"),
        changes={"costs": {"slippage_bps": 7.0}},
    ),
    Edit(
        # Every path by a simulator more.
        "raise the fidelity",
        simulation=(16, "new"),
        changes={"fidelity": "medium"},
    ),
    Edit("lower the fidelity", base={"fidelity": "medium"}, changes={"fidelity": "low"}),
    Edit(
        # Of the profiles, the maximum Sharpe ratio alone reads it.
        "change the risk-free rate",
        solve=(12, "parameters changed"),
        simulation=(4, "inputs changed"),
        changes={"risk_free": 0.02},
    ),
    Edit("write a comment in a solver", arrange=with_source("\n# A comment.\n", *SOLVER)),
    Edit(
        "change the code of a solver",
        solve=(12, "code changed"),
        simulation=(4, "inputs changed"),
        arrange=with_source("\nANOTHER = 1\n", *SOLVER),
    ),
    Edit(
        # It may change the last bit of anything.
        "install another release of numpy",
        selection=(12, "code changed"),
        solve=(48, "code changed"),
        simulation=(16, "code changed"),
        arrange=with_release,
    ),
    Edit("set an environment variable", arrange=with_variable),
    Edit("run on seven workers", workers=True),
    Edit("turn the keys of the configuration round", keys_turned=True),
    Edit("change the seed", changes={"seed": 7}),
    Edit("change the days of a year", changes={"periods_per_year": 365}),
    Edit(
        "train a day longer",
        selection=(12, "inputs changed"),
        solve=(36, "inputs changed"),
        simulation=(12, "inputs changed"),
        changes={"windows": {"train": 41, "step": "month"}},
    ),
    Edit(
        # The new window is computed, the paths get longer, and August's keys stay.
        "append a month",
        selection=(2, "new"),
        solve=(8, "new"),
        simulation=(16, "inputs changed"),
        data=extended,
    ),
    Edit(
        # January is in the train period of March alone, the first window.
        "correct one return of the first window, of an asset in both selections",
        selection=(2, "inputs changed"),
        solve=(6, "inputs changed"),
        simulation=(12, "inputs changed"),
        data=lambda market: market.with_value("2020-01-15", "AAA", 0.0),
    ),
    Edit(
        # August is traded and not yet trained on.
        "correct the very last return, of an asset in both selections",
        simulation=(12, "inputs changed"),
        data=lambda market: market.with_value("2020-08-07", "AAA", 0.0),
    ),
    Edit(
        # July is in the train period of August alone.
        "correct one return of the last window, of an asset in both selections",
        selection=(2, "inputs changed"),
        solve=(6, "inputs changed"),
        simulation=(12, "inputs changed"),
        data=lambda market: market.with_value("2020-07-15", "AAA", 0.0),
    ),
    Edit(
        "correct one return of the last window, of an asset in one selection",
        selection=(2, "inputs changed"),
        solve=(3, "inputs changed"),
        simulation=(6, "inputs changed"),
        data=lambda market: market.with_value("2020-07-15", "HHH", 0.0),
    ),
    Edit(
        # Every solve starts from what the one before it left.
        "correct one return of the first window, under a turnover limit",
        selection=(2, "inputs changed"),
        solve=(12, "inputs changed"),
        simulation=(4, "inputs changed"),
        base=LIMITED,
        data=lambda market: market.with_value("2020-01-15", "AAA", 0.0),
    ),
    Edit(
        "correct one return of the last window, under a turnover limit",
        selection=(2, "inputs changed"),
        solve=(2, "inputs changed"),
        simulation=(4, "inputs changed"),
        base=LIMITED,
        data=lambda market: market.with_value("2020-07-15", "AAA", 0.0),
    ),
    Edit(
        "correct a return of the benchmark",
        simulation=(4, "inputs changed"),
        data=lambda market: market.with_value("2020-07-15", "INDEX", 0.0),
    ),
    Edit(
        # Seen in August only, and not yet eligible there.
        "add an asset that was listed in July",
        selection=(2, "inputs changed"),
        data=with_newcomer,
    ),
    Edit(
        "add an asset that one selection takes",
        selection=(12, "inputs changed"),
        solve=(18, "inputs changed"),
        simulation=(6, "inputs changed"),
        data=with_wild_one,
    ),
    Edit(
        "remove an asset that one selection took",
        selection=(12, "inputs changed"),
        solve=(18, "inputs changed"),
        simulation=(6, "inputs changed"),
        data=lambda market: market.columns([0, 1, 2, 3, 4, 5, 6, 8]),
    ),
    Edit(
        "turn the order of the rows round", data=lambda market: market.rows(slice(None, None, -1))
    ),
    Edit(
        "turn the order of the columns round",
        data=lambda market: market.columns(slice(None, None, -1)),
    ),
    Edit("move a day within its month", data=moved_day),
]


def _turned(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with its keys in the opposite order, at every depth."""
    return {
        key: _turned(value)
        if isinstance(value, dict)
        else [_turned(one) if isinstance(one, dict) else one for one in value]
        if isinstance(value, list)
        else value
        for key, value in reversed(config.items())
    }


def configured(edit: Edit, edited: Market) -> TournamentConfig:
    changes = {**edit.base, **edit.changes}
    if not edit.keys_turned:
        return edited.config(edit.slug, **changes)
    data = {"returns": str(edited.csv(edit.slug))}
    return parse_config(_turned({**AXES, "data": data, **changes}))


@contextmanager
def arranged(edit: Edit, folder: Path) -> Iterator[None]:
    """Have an edit's changes outside the configuration and the data in place."""
    with pytest.MonkeyPatch.context() as patch:
        edit.arrange(patch, folder)
        if edit.arrange is not as_before:
            # A process reads its sources once; these are to be read again.
            for name in ("_read", "_version"):
                patch.setattr(_code_version, name, cache(getattr(_code_version, name).__wrapped__))
        yield


class Fresh:
    """Runs into folders of their own, one for equal data and configurations.

    Parameters
    ----------
    name : str
        What the folders are called: runs of another library are others.
    """

    def __init__(self, name: str = "fresh") -> None:
        self._name = name
        self._folders: dict[str, Path] = {}

    def of(self, market: Market, changes: Mapping[str, Any]) -> Path:
        """Return the folder of a run; it is not to be changed."""
        data = [digest(array.tobytes()) for array in (market.dates, market.values)]
        key = digest_json([*data, *market.symbols, {**AXES, **changes}])
        if key not in self._folders:
            self._folders[key] = market.run(f"{self._name}-{key}", **changes).out
        return self._folders[key]


def measured(out: Path) -> dict[str, dict[str, int]]:
    """Return the cells that the last run computed, by kind and reason."""
    facts = pq.read_table(out / "cells.parquet", columns=["kind", "outcome", "why"]).to_pylist()
    computed = [fact for fact in facts if fact["outcome"] == "computed"]
    return {
        kind: dict(Counter(fact["why"] for fact in computed if fact["kind"] == kind))
        for kind in KINDS
    }


def carried_out(edit: Edit, edited: Market, out: Path) -> Result:
    """Run what an edit makes of a tournament, in the folder of the run before it."""
    compute = Backwards() if edit.workers else None
    return run(configured(edit, edited), out=out, compute=compute)


def row(edit: Edit, result: Result) -> str:
    """Return the line of the page about an edit that was carried out."""
    found = measured(result.out)
    why = {kind: ", ".join(reasons) for kind, reasons in found.items() if reasons}
    alike = len(set(why.values())) == 1
    hits = sum(hits for hits, _ in result.counts.values())
    computed = sum(computed for _, computed in result.counts.values())
    cells = (
        edit.name,
        *(
            " + ".join(str(sum(stale[kind].values())) for kind in KINDS)
            for stale in (edit.predicted, found)
        ),
        f"{hits / (hits + computed):.0%}",
        next(iter(why.values())) if alike else "; ".join(map(": ".join, why.items())),
    )
    return f"| {' | '.join(cells)} |"
