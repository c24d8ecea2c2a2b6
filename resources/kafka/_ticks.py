"""Messages of the topic of ticks, as columns."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quant_core.live import DeadLetter, TickBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kafka.consumer.fetcher import ConsumerRecord

__all__ = ["LONGEST_PAYLOAD", "Tick", "tick_batch", "tick_of"]

LONGEST_PAYLOAD = 2048
"""Characters of a message that a dead letter keeps."""

_BILLION = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"[.,]([0-9]+)")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_NAN = float("nan")


class Tick(NamedTuple):
    """One tick; NaN where the message has no such price."""

    instrument: str
    ts: int
    price: float
    bid: float
    ask: float
    size: float
    partition: int
    offset: int


def tick_of(record: ConsumerRecord) -> Tick | DeadLetter:
    """Return the tick of a message, or the dead letter that says why it is none.

    A tick is a JSON object: ``ts``, ISO-8601 with a timezone or nanoseconds since 1970-01-01 UTC;
    ``bid`` and ``ask``, or ``price`` and if known ``size``; and ``instrument``, in place of which
    the key of the message may stand.
    """
    try:
        found = json.loads(record.value if record.value is not None else b"")
    except (ValueError, RecursionError) as error:
        return _dead(record, "malformed", f"expected a JSON object, found {error}")
    if not isinstance(found, dict):
        return _dead(record, "malformed", f"expected a JSON object, found {type(found).__name__}")
    try:
        instrument = _instrument(found, record.key)
        price, bid, ask, size = _prices(found)
        ts = _instant(found.get("ts"))
    except ValueError as error:
        return _dead(record, "malformed", str(error))
    return Tick(instrument, ts, price, bid, ask, size, record.partition, record.offset)


def tick_batch(ticks: Sequence[Tick], received: float) -> TickBatch:
    """Return ticks as columns, ``received`` seconds on the clock."""
    columns = list(zip(*ticks, strict=True)) or [()] * len(Tick._fields)
    names = {name: code for code, name in enumerate(dict.fromkeys(columns[0]))}
    return TickBatch(
        names=tuple(names),
        instrument=np.array([names[name] for name in columns[0]], dtype=np.int32),
        ts=np.array(columns[1], dtype=np.int64),
        price=np.array(columns[2], dtype=np.float64),
        bid=np.array(columns[3], dtype=np.float64),
        ask=np.array(columns[4], dtype=np.float64),
        size=np.array(columns[5], dtype=np.float64),
        partition=np.array(columns[6], dtype=np.int32),
        offset=np.array(columns[7], dtype=np.int64),
        received=np.full(len(ticks), received),
    )


def _instrument(found: dict[str, Any], key: bytes | None) -> str:
    of_key = key.decode(errors="replace") if key else ""
    name = found.get("instrument", of_key)
    if not isinstance(name, str) or not name:
        raise ValueError(f"instrument: expected a name in the message or its key, found {name!r}")
    if of_key and name != of_key:
        raise ValueError(f"instrument: expected {of_key!r}, the key, found {name!r}")
    return name


def _prices(found: dict[str, Any]) -> tuple[float, float, float, float]:
    if "price" in found:
        size = _float(found, "size") if found.get("size") is not None else _NAN
        return _float(found, "price"), _NAN, _NAN, size
    bid, ask = _float(found, "bid"), _float(found, "ask")
    return (bid + ask) / 2, bid, ask, _NAN


def _float(found: dict[str, Any], name: str) -> float:
    value = found.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name}: expected a number, found {value!r:.100}")  # noqa: TRY004 - of a message
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _instant(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if not _SMALLEST <= value <= _LARGEST:
            raise ValueError("ts: expected nanoseconds in 64 bits, found more")
        return value
    if not isinstance(value, str):
        raise ValueError(f"ts: expected ISO-8601 or nanoseconds, found {value!r:.100}")  # noqa: TRY004 - of a message
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"ts: expected ISO-8601 or nanoseconds, found {value!r:.100}") from None
    if instant.tzinfo is None:
        raise ValueError(f"ts: expected a timezone, for example Z, found {value!r}")
    whole = instant.replace(microsecond=0) - _EPOCH
    fraction = _FRACTION.search(value)
    digits = fraction[1][:9].ljust(9, "0") if fraction else "0"
    return (whole.days * 86_400 + whole.seconds) * _BILLION + int(digits)


def _dead(record: ConsumerRecord, reason: str, detail: str) -> DeadLetter:
    value = record.value or b""
    return DeadLetter(
        correlation_id=f"{record.topic}/{record.partition}/{record.offset}",
        reason=reason,
        detail=detail,
        instrument=(record.key or b"")[:256].decode(errors="replace"),
        payload=value[:LONGEST_PAYLOAD].decode(errors="replace"),
    )
