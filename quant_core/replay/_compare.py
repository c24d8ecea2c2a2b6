"""Two runs, record by record."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quant_core.ledger import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quant_core.ledger import Record
    from quant_core.replay._recorded import RecordedRun

__all__ = ["Comparison", "compare"]

_ABSENT = "nothing"
_OF_MODEL = ("sha256", "strategy", "month", "version", "inputs_hash", "key", "seed")
_OF_CANDIDATE = ("cell", "passed", "reason", "rank", "key", "figures")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One fact of a run, as it was recorded and as it came out again.

    Parameters
    ----------
    seq : int
        Number of the record; -1 when only the replay has it.
    record : str
        Which record: the action, or the kind.
    fact : str
        Which fact of it.
    recorded, replayed : Any
        The two values.
    """

    seq: int
    record: str
    fact: str
    recorded: Any
    replayed: Any

    @property
    def same(self) -> bool:
        """Whether the two agree."""
        return bool(self.recorded == self.replayed)


def compare(recorded: RecordedRun, replayed: RecordedRun) -> tuple[Comparison, ...]:
    """Hold the results of a replay against what was recorded, in the order of the records.

    Parameters
    ----------
    recorded : RecordedRun
        The run.
    replayed : RecordedRun
        The same run, computed again.
    """
    again, seen = _by_place(replayed), Counter[str]()
    found: list[Comparison] = []
    for record in recorded.results:
        place = _place(record, seen)
        other = again.pop(place, None)
        found += _facts(record.seq, place, _told(record), _told(other) if other else {})
    for place, record in again.items():
        found += _facts(-1, place, {}, _told(record))
    return tuple(found)


def _by_place(run: RecordedRun) -> dict[str, Record]:
    seen = Counter[str]()
    return {_place(record, seen): record for record in run.results}


def _place(record: Record, seen: Counter[str]) -> str:
    """Return the name of a record, which says which of several alike it is."""
    name = str(record.body["name"]) if record.kind is Kind.ACTION else str(record.kind)
    seen[name] += 1
    return name if seen[name] == 1 and record.kind is Kind.ACTION else f"{name} {seen[name]}"


def _told(record: Record) -> dict[str, Any]:
    """Return what a record says of results: digests and counts, no hits."""
    body = record.body
    if record.kind is not Kind.ACTION:
        names = _OF_MODEL if record.kind is Kind.MODEL_REGISTERED else _OF_CANDIDATE
        return {name: body.get(name) for name in names}
    outcome = dict(body.get("outcome", {}))
    if {"hits", "computed"} <= outcome.keys():
        outcome["hits + computed"] = outcome.pop("hits") + outcome.pop("computed")
    parts = {"inputs": body["inputs"], "outputs": body.get("outputs", {}), "outcome": outcome}
    return {f"{part}: {name}": value for part in parts for name, value in parts[part].items()}


def _facts(
    seq: int, place: str, recorded: Mapping[str, Any], replayed: Mapping[str, Any]
) -> Iterator[Comparison]:
    for name in dict.fromkeys([*recorded, *replayed]):
        yield Comparison(seq, place, name, recorded.get(name, _ABSENT), replayed.get(name, _ABSENT))
