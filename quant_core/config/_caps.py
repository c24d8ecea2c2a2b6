"""Whether the caps leave room for a full portfolio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.config._problems import Problem, told
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from quant_core.config._model import TournamentConfig

__all__ = ["check_caps"]

_ROUNDING = 1e-12


def check_caps(config: TournamentConfig, symbols: int) -> None:
    """Refuse caps that no portfolio of enough atoms can meet.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    symbols : int
        Investable symbols of the data.

    Raises
    ------
    ConfigError
        If ``cap * n < 1`` where n is the most atoms that a selection can choose.
    """
    rooms = [(symbols, f"the {symbols} symbols of the data")]
    for place, choice in enumerate(config.selections):
        most = getattr(choice.spec, "most", None)
        if most is not None and most < symbols:
            rooms.append((most, f"the {most} atoms of selections[{place}] ({choice.label})"))
    least, room = min(rooms)
    problems = [
        Problem(
            ("profiles", place, "cap"),
            f"{cap} x {room} is {cap * least:.6g}, below 1; expected at least {1 / least:.6g}",
        )
        for place, choice in enumerate(config.profiles)
        if (cap := getattr(choice.spec, "cap", None)) is not None and cap * least < 1 - _ROUNDING
    ]
    if problems:
        raise ConfigError(told("configuration", problems, {}))
