"""The configuration of a meta-portfolio: one YAML file, one frozen model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from quant_core.config import CostConfig, WindowConfig
from quant_core.config._choice import LABEL, Choice, resolve_axis
from quant_core.config._load import parse_as
from quant_core.config._model import InvalidConfigError
from quant_core.config._problems import Path, Problem, fail, nearest, problems_of, told

__all__ = ["Bounds", "MemberConfig", "MetaConfig", "parse_meta"]

_NAME = Field(pattern=f"^{LABEL.pattern}$")
_OPEN = WithJsonSchema({"type": "array", "minItems": 1})
_OF_SLEEVES = ("choose", "selection", "engine", "simulator", "symbols")

type _Choices = tuple[Choice[Any], ...]


def _names(*names: str) -> Any:
    return Field(default=names)


class Bounds(BaseModel):
    """How little and how much of a meta-portfolio a member may be.

    Parameters
    ----------
    least, most : float
        Smallest and largest weight of every member, 5 % and 50 % by default. Members that cannot
        sum to 1 within them make every solve ``infeasible``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    least: Annotated[float, Field(ge=0, lt=1)] = 0.05
    most: Annotated[float, Field(gt=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _leave_room(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least {self.least:g} is above most {self.most:g}")
        return self


class MemberConfig(BaseModel):
    """One member: a sleeve or another meta-portfolio, and which of its cells stands for it.

    Parameters
    ----------
    sleeve, meta : str or None
        What it is; exactly one of them is given.
    choose : {"fixed", "best"}
        ``fixed``: the cell that the fields below name, the first entry of an axis that they leave
        open. ``best``: before each window the cell with the highest Sharpe ratio over the train
        period alone, of all that the fields leave open.
    selection, engine, rebalance : str or None
        Labels of the sleeve's axes; of a meta-portfolio only ``rebalance``.
    simulator : str or None
        Label of the simulator; by default the sleeve's ``custom``, else its first one.
    profiles : mapping of str to str
        Label of the profile that stands for a family, where it is not the first of that name.
    symbols : mapping of str to str
        What symbols of the sleeve are called in the flattened portfolio, where it is not the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sleeve: Annotated[str, _NAME] | None = None
    meta: Annotated[str, _NAME] | None = None
    choose: Literal["fixed", "best"] = "fixed"
    selection: str | None = None
    engine: str | None = None
    rebalance: str | None = None
    simulator: str | None = None
    profiles: Mapping[str, str] = Field(default_factory=dict)
    symbols: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.sleeve is None) == (self.meta is None):
            raise ValueError("expected sleeve or meta, one of the two")
        if self.meta is not None:
            found = [name for name in _OF_SLEEVES if name in self.model_fields_set]
            if found:
                raise ValueError(f"{', '.join(found)}: only a sleeve has this; remove it")
        return self

    @property
    def name(self) -> str:
        """Name of the sleeve or meta-portfolio."""
        return str(self.sleeve or self.meta)


class MetaConfig(BaseModel):
    """A portfolio of sleeves, solved across their return streams profile by profile.

    Parameters
    ----------
    name : str
        Its name, different from that of every sleeve.
    members : tuple of MemberConfig
        Sleeves and other meta-portfolios, at least one, each once.
    profiles : tuple of Choice
        What is solved. An entry ``min_variance`` is solved over the members' own ``min_variance``
        streams.
    engine : str
        Who solves.
    rebalances : tuple of Choice
        When the members are traded back to their weights.
    windows : WindowConfig
        The walk-forward windows over the common days of the members.
    bounds : Bounds
        Of the weight of every member.
    costs : CostConfig
        Of moving money between members, on top of the members' own costs.
    periods_per_year : int or None
        Common days in a year; by default the fewest observations of a year among the members.
    risk_free : float
        Simple risk-free rate of a year, as a fraction.
    seed : int
        Seed of the bootstrap.

    Raises
    ------
    ConfigError
        With every problem found.

    Examples
    --------
    >>> config = MetaConfig(
    ...     name="world",
    ...     members=[{"sleeve": "us_equity"}, {"sleeve": "crypto"}],
    ...     bounds={"most": 0.9},
    ...     profiles=["risk_parity"],
    ... )
    >>> [member.name for member in config.members]
    ['us_equity', 'crypto']
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    name: Annotated[str, _NAME]
    members: Annotated[tuple[MemberConfig, ...], Field(min_length=1)]
    profiles: Annotated[_Choices, PlainValidator(partial(resolve_axis, "profiles")), _OPEN] = (
        _names("equal_weight", "min_variance", "risk_parity", "max_sharpe")
    )
    engine: str = "native"
    rebalances: Annotated[_Choices, PlainValidator(partial(resolve_axis, "rebalances")), _OPEN] = (
        _names("window")
    )
    windows: WindowConfig = WindowConfig()
    bounds: Bounds = Bounds()
    costs: CostConfig = CostConfig()
    periods_per_year: Annotated[int, Field(ge=1)] | None = None
    risk_free: Annotated[float, Field(gt=-1, le=1, allow_inf_nan=False)] = 0.0
    seed: Annotated[int, Field(ge=0)] = 0

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            problems = problems_of(error, type(self))
            raise InvalidConfigError(told("meta-portfolio", problems, {}), problems) from error

    @field_validator("members")
    @classmethod
    def _each_once(cls, members: tuple[MemberConfig, ...]) -> tuple[MemberConfig, ...]:
        names = [member.name for member in members]
        for place, name in enumerate(names):
            if name in names[:place]:
                first = f"members[{names.index(name)}]"
                fail([Problem((place,), f"{name!r} is already {first}")])
        return members

    @field_validator("profiles")
    @classmethod
    def _can_be_solved(cls, profiles: _Choices, info: ValidationInfo) -> _Choices:
        members = {member.name for member in info.data.get("members", ())}
        problems = []
        for place, choice in enumerate(profiles):
            if getattr(choice.spec, "turnover", None) is not None:
                text = "a meta-portfolio has no limit of turnover; remove it"
                problems.append(Problem((place, "turnover"), text))
            for number, group in enumerate(getattr(choice.spec, "groups", ())):
                unknown = sorted(set(group.symbols) - members)
                if members and unknown:
                    text = f"no member {unknown[0]!r}{nearest(unknown[0], members)}"
                    problems.append(Problem((place, "groups", number, "symbols"), text))
        if problems:
            fail(problems)
        return profiles

    @field_validator("engine")
    @classmethod
    def _is_known(cls, name: str) -> str:
        from quant_core.engines import ENGINES  # noqa: PLC0415 - brings every profile

        if name not in ENGINES:
            raise ValueError(
                f"unknown name {name!r}{nearest(name, ENGINES)}; known engines: "
                f"{', '.join(ENGINES)}"
            )
        return name

    def resolved(self) -> dict[str, Any]:
        """Return the configuration as plain values, every default written out."""
        plain = self.model_dump(mode="json", exclude={"profiles", "rebalances"})
        return plain | {
            "profiles": [choice.to_dict() for choice in self.profiles],
            "rebalances": [choice.to_dict() for choice in self.rebalances],
        }


def parse_meta(
    value: Any, *, origin: str = "meta-portfolio", lines: Mapping[Path, int] | None = None
) -> MetaConfig:
    """Make the configuration of a meta-portfolio of plain values.

    Parameters
    ----------
    value : mapping
        What the YAML file would hold.
    origin : str
        Where it comes from, for messages.
    lines : mapping of path to int, optional
        Line of each place, for messages.

    Raises
    ------
    ConfigError
        With every problem found.
    """
    return parse_as(MetaConfig, value, origin=origin, lines=lines)
