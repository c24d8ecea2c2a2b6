"""Which cells of a member may stand for it in a family of profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant_core.config._problems import nearest
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.meta._config import MemberConfig
    from quant_core.meta._sleeve import Cell

__all__ = ["candidates", "label_in_family"]

_SIMULATOR = "custom"

type Axis = Sequence[Mapping[str, Any]]


def candidates(member: MemberConfig, family: str, config: Mapping[str, Any]) -> list[Cell]:
    """Return the cells of a sleeve that may stand for it, in the order of its configuration.

    Parameters
    ----------
    member : MemberConfig
        The member.
    family : str
        Name of a profile, whatever its label and parameters.
    config : mapping
        The sleeve's configuration as plain values.

    Returns
    -------
    list of Cell
        One if the choice is fixed; none where the sleeve has no profile of the family.

    Raises
    ------
    ConfigError
        If the member names a label that the sleeve does not have, or would choose the best of
        cells that were picked in hindsight.
    """
    one = member.choose == "fixed"
    profiles = _profiles(member, family, config)
    axes = [
        _labels(member, "selection", config["selections"], one=one),
        _labels(member, "engine", config["engines"], one=one),
        profiles[:1] if one else profiles,
        _labels(member, "rebalance", config["rebalances"], one=one),
    ]
    simulator = _simulator(member, config)
    if not one:
        _refuse_hindsight(member, simulator, config)
    return [
        (selection, engine, profile, rebalance, simulator)
        for selection in axes[0]
        for engine in axes[1]
        for profile in axes[2]
        for rebalance in axes[3]
    ]


def label_in_family(member: MemberConfig, family: str, profiles: Axis) -> str | None:
    """Return the label of the profile that stands for a family; None where there is none."""
    found = _profiles(member, family, {"profiles": profiles})
    return found[0] if found else None


def _profiles(member: MemberConfig, family: str, config: Mapping[str, Any]) -> list[str]:
    named = member.profiles.get(family)
    if named is not None:
        return [_known(member, f"profiles.{family}", named, config["profiles"])]
    return [str(entry["as"]) for entry in config["profiles"] if entry["name"] == family]


def _labels(member: MemberConfig, field: str, axis: Axis, *, one: bool) -> list[str]:
    named = getattr(member, field)
    if named is not None:
        return [_known(member, field, named, axis)]
    labels = [str(entry["as"]) for entry in axis]
    return labels[:1] if one else labels


def _simulator(member: MemberConfig, config: Mapping[str, Any]) -> str:
    axis: Axis = config["simulators"]
    if member.simulator is not None:
        return _known(member, "simulator", member.simulator, axis)
    own = [str(entry["as"]) for entry in axis if entry["name"] == _SIMULATOR]
    return own[0] if own else str(axis[0]["as"])


def _refuse_hindsight(member: MemberConfig, simulator: str, config: Mapping[str, Any]) -> None:
    names = {str(entry["as"]): str(entry["name"]) for entry in config["simulators"]}
    if config.get("finalists") is not None and names[simulator] != _SIMULATOR:
        raise ConfigError(
            f"member {member.name}: choose: the best under {simulator} would be one of the "
            f"{config['finalists']} finalists, which are the best of the whole path and so known "
            f"in hindsight alone; choose under {_SIMULATOR}, or name the cell"
        )


def _known(member: MemberConfig, field: str, label: str, axis: Axis) -> str:
    labels = [str(entry["as"]) for entry in axis]
    if label not in labels:
        raise ConfigError(
            f"member {member.name}: {field}: it has no {label!r}{nearest(label, labels)}; "
            f"expected one of {', '.join(labels)}"
        )
    return label
