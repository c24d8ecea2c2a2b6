"""The contexts of a run, of a selection and of a portfolio of portfolios."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from quant_core.context._context import Context
from quant_core.context._frozen import NOTHING, Frozen

__all__ = ["DataIdentity", "MetaContext", "RunData", "SelectionContext"]


def _sorted(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


type Names = Annotated[tuple[str, ...], AfterValidator(_sorted)]


class DataIdentity(BaseModel):
    """Which data a run reads.

    Parameters
    ----------
    origin : str
        Where they came from.
    version : str
        Digest of the validated returns.
    symbols, dates : int
        Columns and rows.
    first, last : str
        First and last date, ``YYYY-MM-DD``; empty without any.
    kept, dropped : int
        Observations; together they are all that was found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: str
    version: str
    symbols: Annotated[int, Field(ge=0)]
    dates: Annotated[int, Field(ge=0)]
    first: str = ""
    last: str = ""
    kept: Annotated[int, Field(ge=0)] = 0
    dropped: Annotated[int, Field(ge=0)] = 0


class RunData(Context):
    """What a run knows of itself before its first stage.

    Parameters
    ----------
    run_id : str
        Identity of the run, the same in every record, file and tag.
    sleeve : str
        The universe.
    config_hash : str
        Digest of the resolved configuration.
    config : mapping
        The resolved configuration.
    data : DataIdentity
        The data that it reads.
    windows : tuple of str
        Keys of its windows, in time order.
    seed : int
        Seed of everything random.
    started : datetime
        When it began, in UTC.
    """

    run_id: Annotated[str, Field(min_length=1)]
    sleeve: str
    config_hash: str
    config: Annotated[Frozen[Any], Field(repr=False)]
    data: DataIdentity
    windows: Annotated[tuple[str, ...], Field(repr=False)]
    seed: int
    started: datetime


class SelectionContext(Context):
    """What a stage hands on to the next: who is still considered, on what grounds.

    Parameters
    ----------
    run_id : str
        The run.
    atoms : tuple of str
        Ids of the atoms still considered, sorted: after ingest all of them, after the selection
        those that some window may hold.
    features : tuple of str
        Features that were computed for models, sorted.
    parameters : mapping
        What the stages so far were given: windows, selections, engines and profiles.
    counts : mapping of str to int
        What the stages so far counted.
    """

    run_id: str
    atoms: Annotated[Names, Field(repr=False)] = ()
    features: Names = ()
    parameters: Annotated[Frozen[Any], Field(repr=False)] = NOTHING
    counts: Frozen[int] = NOTHING


class MetaContext(Context):
    """What a portfolio of portfolios is made from.

    Parameters
    ----------
    run_id : str
        The run.
    name : str
        The meta-portfolio.
    members : tuple of str
        Sleeves and nested meta-portfolios, sorted.
    streams : mapping of str to str
        Digest of the streams that may stand for each member in a profile, on the common days,
        by ``member/profile``.
    first, last : str
        First and last date that all members have, ``YYYY-MM-DD``; empty without any.
    weights : mapping of str to float
        Weight of each member in the last window, by ``profile/member``.
    parameters : mapping
        Profiles, bounds and windows.
    counts : mapping of str to int
        What was counted, for example days of a member that another one lacks.
    """

    run_id: str
    name: str
    members: Names = ()
    streams: Frozen[str] = NOTHING
    first: str = ""
    last: str = ""
    weights: Frozen[float] = NOTHING
    parameters: Annotated[Frozen[Any], Field(repr=False)] = NOTHING
    counts: Frozen[int] = NOTHING
