"""The engines: which can run here, and how far each is from the certified optimum."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from quant_core.cli._console import print_json, results
from quant_core.covariance import CovarianceSpec, RollingCovariance
from quant_core.data import DataConfig, ingest, open_source
from quant_core.engines import ENGINES, Match, compare_engines
from quant_core.errors import ConfigError, DataError
from quant_core.profiles import PROFILES, MarketNeutral, Problem
from quant_core.windows import WindowGrid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from quant_core.data import ReturnsMatrix
    from quant_core.profiles import Profile
    from quant_core.windows import Window

__all__ = ["BEGIN", "END", "compare", "list_engines", "markdown_of"]

BEGIN, END = "<!-- engine matrix -->", "<!-- end of engine matrix -->"
"""Marks between which a page holds the measured tables."""

_TRAIN = 252


def list_engines(*, as_json: bool) -> None:
    """Print the engines, whether each can run here, and what it solves."""
    found = [_engine(name) for name in ENGINES]
    if as_json:
        print_json(found)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("engine", "installed", "release", "profiles"):
        table.add_column(name, overflow="fold")
    for one in found:
        installed = "yes" if one["installed"] else escape(one["lack"])
        release = one["release"].replace(" ", "\n")
        table.add_row(one["name"], installed, escape(release), ", ".join(one["profiles"]))
    results().print(table)


def _engine(name: str) -> dict[str, Any]:
    engine = ENGINES[name]()
    return {
        "name": name,
        "installed": not engine.lack,
        "lack": engine.lack,
        "release": engine.release,
        "profiles": list(engine.profiles),
    }


def compare(
    data: DataConfig,
    *,
    atoms: int,
    windows: int,
    engines: Sequence[str],
    profiles: Sequence[str],
    into: Path | None,
    as_json: bool,
) -> None:
    """Solve real problems by every engine, and print the matrix of engine by profile.

    Raises
    ------
    ConfigError
        If an engine or a profile is not known.
    DataError
        If the data hold no window with that many atoms, or a page has no marks.
    """
    for asked, known, what in ((engines, ENGINES, "engines"), (profiles, PROFILES, "profiles")):
        unknown = sorted(set(asked) - set(known))
        if unknown:
            names = ", ".join(known)
            raise ConfigError(
                f"--{what[:-1]}: expected some of {names}, found {', '.join(unknown)}"
            )
    source = open_source(data)
    problems, keys = _problems(ingest(source, data).matrix, atoms, windows)
    found = compare_engines(
        problems,
        engines=tuple(engines) or tuple(ENGINES),
        profiles=tuple(profiles) or tuple(PROFILES),
    )
    of_what = f"{atoms} atoms of {_last(source.origin)}, windows {', '.join(keys)}"
    if into is not None:
        _write(into, markdown_of(found, of_what))
    if as_json:
        print_json({"problems": of_what, "matrix": [_document(one) for one in found]})
    else:
        _show(found, of_what)


def _problems(
    matrix: ReturnsMatrix, atoms: int, count: int
) -> tuple[Callable[[Profile], list[Problem]], list[str]]:
    grid = WindowGrid(train=_TRAIN, step="month")
    windows = grid.windows(matrix.dates)
    chosen = [windows[at] for at in np.linspace(0, len(windows) - 1, count).astype(int)]
    blocks = grid.ordinals(matrix.dates)
    long = [_problem(matrix, blocks, window, atoms, short=False) for window in chosen]
    # Without atoms held short, which fall where the market rises, nothing is neutral.
    mixed = [_problem(matrix, blocks, window, atoms, short=True) for window in chosen]

    def problems(profile: Profile) -> list[Problem]:
        return mixed if isinstance(profile, MarketNeutral) else long

    return problems, [window.key for window in chosen]


def _problem(
    matrix: ReturnsMatrix, blocks: np.ndarray, window: Window, atoms: int, *, short: bool
) -> Problem:
    rows = matrix.values[window.train]
    known = np.flatnonzero(np.isfinite(rows).all(axis=0) & (rows.std(axis=0) > 0))
    if len(known) < atoms:
        raise DataError(
            f"--atoms: the window {window.key} has {len(known)} assets without a gap, expected "
            f"{atoms}; ask for fewer"
        )
    columns = known[np.linspace(0, len(known) - 1, atoms).astype(int)]
    signs = np.where(np.arange(atoms) % 2, -1.0, 1.0) if short else np.ones(atoms)
    values = np.ascontiguousarray(rows[:, columns] * signs)
    estimate = RollingCovariance(values, blocks[window.train]).estimate(
        CovarianceSpec(), slice(0, len(values)), np.arange(atoms)
    )
    market = rows[:, known].mean(axis=1)
    away = market - market.mean()
    return Problem(
        estimate.mean,
        estimate.covariance,
        shrinkage=estimate.shrinkage,
        condition_number=estimate.condition_number,
        symbols=tuple(matrix.symbols[column] for column in columns),
        beta=away @ values / float(away @ away),
        market=market,
    )


def _last(origin: str) -> str:
    return origin.rsplit("/", 1)[-1]


def _document(one: Match) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Match.__dataclass_fields__}


def _by_profile(found: Sequence[Match]) -> dict[str, dict[str, Match]]:
    rows: dict[str, dict[str, Match]] = {}
    for one in found:
        rows.setdefault(one.profile, {})[one.engine] = one
    return rows


def _show(found: Sequence[Match], of_what: str) -> None:
    console = results()
    console.print(escape(of_what))
    for title, cell in _TABLES.items():
        rows = _by_profile(found)
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        table.add_column("profile")
        for engine in next(iter(rows.values())):
            table.add_column(engine, justify="right")
        for profile, row in rows.items():
            table.add_row(profile, *(cell(one) for one in row.values()))
        console.print(table)
    for reason in _reasons(found):
        console.print(escape(reason), soft_wrap=True)


def markdown_of(found: Sequence[Match], of_what: str) -> str:
    """Return the tables as Markdown."""
    rows = _by_profile(found)
    engines = list(next(iter(rows.values())))
    parts = [f"Measured on {of_what}."]
    for title, cell in _TABLES.items():
        lines = [f"| profile | {' | '.join(engines)} |", "|---" * (len(engines) + 1) + "|"]
        for profile, row in rows.items():
            lines.append(f"| `{profile}` | {' | '.join(cell(one) for one in row.values())} |")
        parts += [f"**{title[0].upper()}{title[1:]}**", "\n".join(lines)]
    reasons = _reasons(found)
    if reasons:
        parts.append("\n".join(f"- {reason}" for reason in reasons))
    return "\n\n".join(parts)


def _write(page: Path, tables: str) -> None:
    text = page.read_text("utf-8") if page.is_file() else ""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise DataError(f"{page}: expected the lines {BEGIN} and {END}, found {begin or 'neither'}")
    page.write_text(f"{head}{BEGIN}\n{tables}\n{END}{tail}", "utf-8")


def _reasons(found: Sequence[Match]) -> list[str]:
    """Say once for each engine why it has no weights, where it has none."""
    kinds = Counter((one.engine, one.message, tuple(one.statuses)) for one in found if one.message)
    missing: dict[tuple[str, str], list[str]] = {}
    for one in found:
        if one.message and "unsupported" in one.statuses:
            missing.setdefault((one.engine, "does not know"), []).append(one.profile)
        elif one.message and kinds[one.engine, one.message, tuple(one.statuses)] == 1:
            missing.setdefault((one.engine, f"{one.profile}: {one.message}"), [])
        elif one.message:
            missing.setdefault((one.engine, one.message), [])
    return [
        f"{engine}: {what} {', '.join(profiles)}".rstrip()
        for (engine, what), profiles in missing.items()
    ]


def _distances(one: Match) -> str:
    if math.isnan(one.distance):
        return _status(one)
    gap = "" if math.isnan(one.gap) else f"{_small(max(one.gap, 0.0))}, "
    return f"{gap}{_small(one.distance)}"


def _time(one: Match) -> str:
    if math.isnan(one.seconds):
        return _status(one)
    residual = "" if math.isnan(one.residual) else f", {_small(one.residual)}"
    return f"{one.seconds * 1e3:.3g} ms{residual}"


def _small(value: float) -> str:
    return f"{value:.0e}" if value else "0"


def _status(one: Match) -> str:
    total = sum(one.statuses.values())
    if len(one.statuses) == 1:
        return next(iter(one.statuses))
    return ", ".join(f"{count}/{total} {name}" for name, count in one.statuses.items())


_TABLES: Mapping[str, Callable[[Match], str]] = {
    "shortfall of the objective and one-way distance of the weights": _distances,
    "status of the solves": _status,
    "median of a solve and largest residual of the optimality conditions": _time,
}
