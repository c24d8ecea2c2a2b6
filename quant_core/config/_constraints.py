"""Whether the constraints of profiles name what exists and leave room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.config._problems import Problem, nearest, told
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from quant_core.config._model import TournamentConfig
    from quant_core.profiles import Group

__all__ = ["check_constraints"]

_ROUNDING = 1e-12


def check_constraints(config: TournamentConfig, symbols: Collection[str]) -> None:
    """Refuse constraints that no window can keep, and symbols that the data do not have.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    symbols : collection of str
        Symbols of the data.

    Raises
    ------
    ConfigError
        If a group names an unknown or a benchmark symbol or asks for more than the caps of its
        symbols, a minimum is above its cap, or ``recent`` leaves nothing of the train period.
    """
    problems = [
        Problem(("profiles", place, *found.path), found.text)
        for place, choice in enumerate(config.profiles)
        for found in _problems(choice.spec, config, symbols)
    ]
    if problems:
        raise ConfigError(told("configuration", problems, {}))


def _problems(
    profile: object, config: TournamentConfig, symbols: Collection[str]
) -> Iterator[Problem]:
    cap, minimum = getattr(profile, "cap", None) or 1.0, getattr(profile, "minimum", 0.0)
    if minimum > cap:
        yield Problem(("minimum",), f"expected at most the cap {cap:g}, found {minimum:g}")
    for number, group in enumerate(getattr(profile, "groups", ())):
        for found in _of_group(group, cap, config, symbols):
            yield Problem(("groups", number, *found.path), found.text)
    recent, train = getattr(profile, "recent", 0), config.windows.train
    if recent >= train:
        yield Problem(("recent",), f"expected fewer than windows.train {train}, found {recent}")


def _of_group(
    group: Group, cap: float, config: TournamentConfig, symbols: Collection[str]
) -> Iterator[Problem]:
    for place, symbol in enumerate(group.symbols):
        if symbol in config.benchmark:
            yield Problem(("symbols", place), f"{symbol!r} is the benchmark: it is never selected")
        elif symbol not in symbols:
            why = f"no data for {symbol!r}{nearest(symbol, symbols)}"
            yield Problem(("symbols", place), why)
    # An asset held long and short, or traded by strategies as well, is more than one atom.
    atoms = len(group.symbols) * len(config.directions) + 2 * len(group.symbols) * len(
        config.strategies
    )
    if group.least > cap * atoms + _ROUNDING:
        room = f"{len(group.symbols)} symbols under a cap of {cap:g}"
        yield Problem(("least",), f"{room} hold at most {cap * atoms:g}, below {group.least:g}")
