"""The five levels of data, and the frame that a contract reads at each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from quant_core.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEVELS", "Level", "as_frame", "level_of"]

Level = Literal["prices", "returns", "features", "scores", "weights"]

LEVELS: dict[Level, str] = {
    "prices": "L0: a row an observation: date, symbol, value; bars beside it where there are any",
    "returns": "L1: a row a date, a column a symbol, simple returns as fractions",
    "features": "L2: a row a date and symbol, a column a feature",
    "scores": "L3: a row an atom of a window and selection: selected or not, score, reason",
    "weights": "L4: a row an atom of a solve: weight and net weight",
}
"""What the frame of each level is."""


def level_of(name: str) -> Level:
    """Return a level by its name.

    Raises
    ------
    ContractError
        If there is no such level.
    """
    if name not in get_args(Level):
        raise ContractError(f"contract {name!r}: expected one of {', '.join(LEVELS)}")
    return cast("Level", name)


def as_frame(level: Level, value: Any) -> pd.DataFrame:
    """Return what a contract reads: a frame whose rows are numbered from 0.

    Parameters
    ----------
    level : str
        Level of the data.
    value : pandas.DataFrame, pyarrow.Table or a matrix with ``dates``, ``symbols``, ``values``
        The data; not changed, and not copied where that can be avoided.

    Raises
    ------
    ContractError
        If the value is none of these, or two columns share a name.
    """
    import numpy as np  # noqa: PLC0415 - contracts are declared where they are not run
    import pandas as pd  # noqa: PLC0415 - as above
    import pyarrow as pa  # noqa: PLC0415 - as above

    if isinstance(value, pa.Table):
        frame = value.to_pandas()
    elif isinstance(value, pd.DataFrame):
        frame = value.reset_index() if _tells(value) else value.reset_index(drop=True)
    elif all(hasattr(value, name) for name in ("dates", "symbols", "values")):
        dates = pd.DatetimeIndex(np.asarray(value.dates), tz="UTC")
        frame = pd.DataFrame(value.values, columns=list(value.symbols), copy=False)
        frame.insert(0, "date", dates)
    else:
        raise ContractError(
            f"{level}: expected a pandas DataFrame, a pyarrow Table or a ReturnsMatrix, found "
            f"{type(value).__name__}"
        )
    names = frame.columns.tolist()
    twice = (
        sorted({str(name) for name in names if names.count(name) > 1})
        if len(set(names)) < len(names)
        else []
    )
    if twice:
        raise ContractError(f"{level}: columns named alike: {', '.join(twice[:3])}; rename one")
    return frame


def _tells(frame: pd.DataFrame) -> bool:
    return all(name is not None for name in frame.index.names)
