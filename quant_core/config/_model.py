"""The configuration of a tournament."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from quant_core.atoms import Direction
from quant_core.calendars import OBSERVED, open_calendar
from quant_core.config._champion import ChampionConfig
from quant_core.config._choice import LABEL, Choice, resolve_axis
from quant_core.config._fidelity import (
    FIDELITIES,
    RANKING_SIMULATOR,
    Fidelity,
    is_tier,
    simulators_at,
    tier_of,
)
from quant_core.config._problems import Problem, fail, problems_of, told
from quant_core.config._registries import AXES, Axis
from quant_core.config._sections import CostConfig, WindowConfig
from quant_core.config._universe import UniverseConfig
from quant_core.data import SAMPLE_BENCHMARK, SOURCES, DataConfig
from quant_core.errors import ConfigError
from quant_core.strategies import StrategyConfig

if TYPE_CHECKING:
    from quant_core.windows import WindowGrid

__all__ = ["InvalidConfigError", "TournamentConfig"]


type _Choices = tuple[Choice[Any], ...]


def _axis(axis: Axis) -> PlainValidator:
    return PlainValidator(partial(resolve_axis, axis))


def _names(*names: str) -> Any:
    return Field(default=names)


_OPEN = WithJsonSchema({"type": "array", "minItems": 1})
_SYMBOL = Field(min_length=1)


def _named_sample(value: Any) -> Any:
    return {"sample": True} if value == "sample" else value


def _symbols(value: Any) -> Any:
    return () if value is None else (value,) if isinstance(value, str) else value


def _benchmark(given: dict[str, Any]) -> tuple[str, ...]:
    data = given.get("data")
    return (SAMPLE_BENCHMARK,) if data is not None and data.sample else ()


def _at_most(path: tuple[str, ...], found: int, train: int) -> None:
    if found > train:
        text = f"expected at most the {train} observations of windows.train, found {found}"
        fail([Problem(path, text)])


class InvalidConfigError(ConfigError):
    """A configuration with problems, kept so that the loader can add their lines."""

    def __init__(self, message: str, problems: list[Problem]) -> None:
        super().__init__(message)
        self.problems = problems


class TournamentConfig(BaseModel):
    """What a tournament runs on, and everything it tries.

    Every entry of an axis is a name, or a mapping with ``name``, optionally ``as`` (its label) and
    the parameters of what it names. The cells are the cross product of the axes.

    Parameters
    ----------
    sleeve : str
        Name of the universe.
    periods_per_year : int
        Observations in a year: 252 for stocks, 365 for crypto.
    data : DataConfig or None
        Where prices or returns come from; ``"sample"`` is short for ``{"sample": true}``. None if
        the matrix is given otherwise.
    calendar : str
        Days on which the universe trades: ``"observed"`` (those that the data have), ``"24/7"``,
        or the code of an exchange such as ``"XNYS"``. Rows on other days are dropped.
    universe : UniverseConfig
        Who belongs to the universe of a window; everything with a complete train period unless
        there are rules.
    windows : WindowConfig
        The walk-forward windows.
    costs : CostConfig
        Costs of trading.
    risk_free : float
        Simple risk-free rate of a year, as a fraction.
    benchmark : tuple of str
        Symbols of the benchmark: given as one name, a list, or nothing. The sample's is its index
        unless the configuration says otherwise.
    directions : tuple of {"long", "short"}
        How assets may be held: an atom each. Strategies have directions of their own.
    selections, engines, profiles, rebalances, simulators : tuple of Choice
        The axes.
    fidelity : {"low", "medium", "high"} or None
        Names the simulators by their tier. Where ``simulators`` are given too, they are those of
        the tier, with parameters or labels. None when the simulators are those of no tier.
    finalists : int or None
        Cells that simulators other than ``custom`` see: the best by their Sharpe ratio under
        ``custom``, each a selection, engine, profile and rebalance. None for all.
    strategies : tuple of StrategyConfig
        Strategies whose streams of returns are atoms beside the assets.
    champion : ChampionConfig
        What may be deployed.
    seed : int
        Seed of everything random.

    Raises
    ------
    ConfigError
        With every problem found.

    Examples
    --------
    >>> config = TournamentConfig(profiles=["hrp", {"name": "min_variance", "cap": 0.1}])
    >>> [choice.label for choice in config.profiles]
    ['hrp', 'min_variance']
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    sleeve: Annotated[str, Field(pattern=f"^{LABEL.pattern}$")] = "default"
    periods_per_year: Annotated[int, Field(ge=1)] = 252
    data: Annotated[DataConfig | None, BeforeValidator(_named_sample)] = None
    calendar: str = OBSERVED
    windows: WindowConfig = WindowConfig()
    universe: UniverseConfig = UniverseConfig()
    costs: CostConfig = CostConfig()
    risk_free: Annotated[float, Field(gt=-1, le=1, allow_inf_nan=False)] = 0.0
    benchmark: Annotated[tuple[Annotated[str, _SYMBOL], ...], BeforeValidator(_symbols)] = Field(
        default_factory=_benchmark
    )
    directions: Annotated[tuple[Direction, ...], Field(min_length=1)] = ("long",)
    selections: Annotated[_Choices, _axis("selections"), _OPEN] = _names(
        "all", "top_momentum", "low_volatility", "clustered"
    )
    engines: Annotated[_Choices, _axis("engines"), _OPEN] = _names("native")
    profiles: Annotated[_Choices, _axis("profiles"), _OPEN] = _names(
        "equal_weight",
        "market",
        "min_variance",
        "max_sharpe",
        "risk_parity",
        "hrp",
        "max_diversification",
        "mean_variance",
    )
    rebalances: Annotated[_Choices, _axis("rebalances"), _OPEN] = _names(
        "window", "daily", "daily_5pct"
    )
    simulators: Annotated[_Choices, _axis("simulators"), _OPEN] = _names("custom")
    fidelity: Fidelity | None = None
    finalists: Annotated[int, Field(ge=1)] | None = None
    strategies: tuple[StrategyConfig, ...] = ()
    champion: ChampionConfig = ChampionConfig()
    seed: Annotated[int, Field(ge=0)] = 0

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            problems = problems_of(error, type(self))
            raise InvalidConfigError(told("configuration", problems, {}), problems) from error

    @model_validator(mode="before")
    @classmethod
    def _of_the_tier(cls, given: Any) -> Any:
        tier = given.get("fidelity")
        if tier not in FIDELITIES or "simulators" in given:
            return given
        return {**given, "simulators": simulators_at(tier)}

    @field_validator("fidelity")
    @classmethod
    def _is_that_of_the_simulators(
        cls, tier: Fidelity | None, info: ValidationInfo
    ) -> Fidelity | None:
        simulators = info.data.get("simulators")
        if tier is None:
            return tier_of(simulators or ())
        if simulators is None or is_tier(tier, simulators):
            return tier
        names = ", ".join(choice.spec.name for choice in simulators_at(tier))
        told = ", ".join(choice.spec.name for choice in simulators)
        raise ValueError(
            f"{tier} means the simulators {names}, and simulators names {told}; remove one of the "
            "two, or let them agree"
        )

    @field_validator("finalists")
    @classmethod
    def _can_be_ranked(cls, count: int | None, info: ValidationInfo) -> int | None:
        names = [choice.spec.name for choice in info.data.get("simulators", ())]
        if count is not None and names and RANKING_SIMULATOR not in names:
            raise ValueError(
                f"cells are ranked by the simulator {RANKING_SIMULATOR}, and simulators names "
                f"{', '.join(names)}; add {RANKING_SIMULATOR}, or remove finalists"
            )
        return count

    @field_validator("selections")
    @classmethod
    def _take_the_train_period(
        cls, choices: tuple[Choice[Any], ...], info: ValidationInfo
    ) -> tuple[Choice[Any], ...]:
        if (windows := info.data.get("windows")) is None:
            return choices
        problems = []
        for place, choice in enumerate(choices):
            least, most = choice.spec.train_span
            if not least <= windows.train <= most:
                text = f"{choice.spec.name} takes train periods of {least} to {most} observations"
                found = f"windows.train is {windows.train}; change one of the two"
                problems.append(Problem((place,), f"{text}, {found}"))
        if problems:
            fail(problems)
        return choices

    @field_validator("calendar")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            open_calendar(name)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return name

    @field_validator("universe")
    @classmethod
    def _can_be_judged(cls, universe: UniverseConfig, info: ValidationInfo) -> UniverseConfig:
        windows, data = info.data.get("windows"), info.data.get("data")
        if windows is not None and universe.history is not None:
            _at_most(("history",), universe.history, windows.train)
        if (liquidity := universe.liquidity) is None:
            return universe
        if windows is not None:
            _at_most(("liquidity", "sessions"), liquidity.sessions, windows.train)
        if data is not None and not data.has_volume:
            text = "needs volumes; name their column by data.volume, or remove universe.liquidity"
            fail([Problem(("liquidity",), text)])
        return universe

    @field_validator("benchmark")
    @classmethod
    def _once(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(symbols)) < len(symbols):
            raise ValueError(f"expected each symbol once, found {', '.join(symbols)}")
        return symbols

    @field_validator("directions")
    @classmethod
    def _each_once(cls, directions: tuple[Direction, ...]) -> tuple[Direction, ...]:
        if len(set(directions)) < len(directions):
            raise ValueError(f"expected each direction once, found {', '.join(directions)}")
        return directions

    @field_validator("strategies")
    @classmethod
    def _names_once(cls, strategies: tuple[StrategyConfig, ...]) -> tuple[StrategyConfig, ...]:
        names = [strategy.name for strategy in strategies]
        for place, name in enumerate(names):
            if name in names[:place]:
                first = f"strategies[{names.index(name)}]"
                fail([Problem((place, "name"), f"{name!r} is already the name of {first}")])
        return strategies

    @property
    def grid(self) -> WindowGrid:
        """The grid of windows."""
        return self.windows.grid

    @property
    def risk_free_per_period(self) -> float:
        """Simple risk-free rate of one observation: the year's, divided by its observations."""
        return self.risk_free / self.periods_per_year

    def axis(self, axis: Axis) -> tuple[Choice[Any], ...]:
        """Return the choices of an axis."""
        found: tuple[Choice[Any], ...] = getattr(self, axis)
        return found

    def with_data(self, **data: Any) -> Self:
        """Return the same configuration on other data.

        Parameters
        ----------
        **data
            Fields of the ``data`` section to change; ``prices``, ``returns`` or ``sample`` takes
            the place of the others.
        """
        given = {} if self.data is None else self.data.model_dump(exclude_unset=True)
        if data.keys() & set(SOURCES):
            given = {name: value for name, value in given.items() if name not in SOURCES}
        return self._with(data={**given, **data})

    def at(self, fidelity: Fidelity | None = None, *, finalists: int | None = None) -> Self:
        """Return the same configuration at another fidelity.

        Parameters
        ----------
        fidelity : {"low", "medium", "high"}, optional
            The tier. Simulators that the configuration gives parameters or labels keep them;
            those that are not of the tier are left out.
        finalists : int, optional
            Cells that simulators other than ``custom`` see.
        """
        changes: dict[str, Any] = {} if finalists is None else {"finalists": finalists}
        if fidelity is not None:
            simulators = simulators_at(fidelity, self.simulators)
            changes |= {"fidelity": fidelity, "simulators": simulators}
        return self._with(**changes) if changes else self

    def _with(self, **changes: Any) -> Self:
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**fields, **changes})

    def resolved(self) -> dict[str, Any]:
        """Return the configuration as plain values, every default written out.

        Two configurations that mean the same give the same values, whatever the order of their
        keys; the result can be read back by `parse_config`.
        """
        plain = self.model_dump(mode="json", exclude={str(axis) for axis in AXES})
        return plain | {axis: [choice.to_dict() for choice in self.axis(axis)] for axis in AXES}
