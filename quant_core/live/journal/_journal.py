"""What happens in a runner, as lines of its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.compute as pc

from quant_core.live._protocols import Unlogged
from quant_core.live.journal._sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import numpy as np
    import pyarrow as pa

    from quant_core.live._messages import TickBatch
    from quant_core.live._protocols import Log, Served
    from quant_core.live._quarantine import Standing

__all__ = ["Journal", "watcher"]

_NEVER = Unlogged()


class _Known(NamedTuple):
    version: str
    sha256: str
    refusal: str = ""


class Journal:
    """Turns what the runner sees into events, each once.

    Parameters
    ----------
    log : Log
        Where they go.
    """

    def __init__(self, log: Log | None = None) -> None:
        self._log = log if log is not None else _NEVER
        self._sampling = Sampling(self._log.share, self._log.seed)
        self._known: dict[str, _Known] = {}
        self._changed: set[str] = set()
        self._complaint = ""

    @property
    def on(self) -> bool:
        """Whether lines go anywhere."""
        return self._log.on

    def say(self, event: str, **fields: Any) -> None:
        """Write an event."""
        if self._log.on:
            self._log.write(event, **fields)

    def served(
        self, served: Sequence[Served], loading: Collection[str], changed: Sequence[str] = ()
    ) -> None:
        """Say which strategies are served otherwise than at the last call.

        Parameters
        ----------
        served : sequence of Served
            All rows.
        loading : collection of str
            Strategies whose rows are not in force yet; nothing is said of them.
        changed : sequence of str
            Strategies whose rows have changed.
        """
        if not self._log.on:
            return
        self._changed.update(changed)
        before, self._known = self._known, {}
        for one in served:
            known = before.pop(one.strategy, None)
            if one.strategy in loading:
                self._known |= {one.strategy: known} if known is not None else {}
            elif one.state != "disabled":
                self._known[one.strategy] = self._judged(one, known)
            elif known is not None:
                before[one.strategy] = known
        for name, known in before.items():
            self._changed.discard(name)
            if known.version:
                self._log.write("strategy_removed", strategy=name, model_version=known.version)

    def _judged(self, one: Served, known: _Known | None) -> _Known:
        refusal = one.detail if one.state == "refused" else ""
        if refusal and (known is None or known.refusal != refusal):
            self._log.write("strategy_refused", strategy=one.strategy, detail=refusal)
        now = {"strategy": one.strategy, "model_version": one.model_version, "sha256": one.sha256}
        if one.model_version and not (known and known.version):
            self._log.write("strategy_loaded", **now)
        elif known and (
            (known.version, known.sha256) != (one.model_version, one.sha256)
            or (one.strategy in self._changed and not refusal)
        ):
            self._log.write("strategy_swapped", **now, model_version_before=known.version)
        self._changed.discard(one.strategy)
        return _Known(one.model_version, one.sha256, refusal)

    def complaint(self, text: str) -> None:
        """Say that the strategies cannot be read or reported, or that they can be again."""
        if text != self._complaint and self._log.on:
            self._log.write("reload_failed" if text else "reload_recovered", detail=text)
        self._complaint = text

    def dead(self, letters: pa.Table) -> None:
        """Say what was refused: a line for each reason and strategy of a batch."""
        if not (letters.num_rows and self._log.on):
            return
        columns = ("reason", "strategy", "correlation_id", "instrument", "detail")
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for row in letters.select(columns).to_pylist():
            line = found.setdefault((row["reason"], row["strategy"]), row | {"count": 0})
            line["count"] += 1
        for line in found.values():
            self._log.write("dead_letters", **line)

    def chosen(self, source: str, ticks: TickBatch, history: int) -> Sequence[int]:
        """Return which ticks get a line."""
        if not self._log.share or history >= len(ticks):
            return ()
        rows = self._sampling.rows(source, ticks.partition, ticks.offset, history)
        return rows.tolist() if len(rows) else ()

    def ticks(
        self,
        source: str,
        ticks: TickBatch,
        rows: Sequence[int],
        signals: pa.Table,
        dead: pa.Table,
        *,
        ended: float,
        drops: int,
    ) -> None:
        """Write the lines of ticks of a batch that was emitted at ``ended``."""
        for row in rows:
            place = f"{source}/{ticks.partition[row]}/{ticks.offset[row]}"
            own = signals.filter(pc.equal(signals["correlation_id"], place))
            refused = pc.sum(pc.equal(dead["correlation_id"], place)).as_py() or 0
            versions = pc.unique(own["model_version"]).to_pylist()
            self._log.write(
                "tick",
                correlation_id=place,
                instrument=ticks.names[ticks.instrument[row]],
                ts=_instant(ticks.ts[row]),
                signals=own.num_rows,
                dead_letters=refused,
                latency_ms=round(1e3 * float(ended - ticks.received[row]), 3),
                model_versions=sorted(versions),
                batch=len(ticks),
                batch_drops=drops,
            )


def _instant(nanoseconds: np.int64) -> str:
    return f"{nanoseconds.astype('datetime64[ns]')}Z"


def watcher(
    log: Log, subject: str, down: str, up: str
) -> Callable[[str, Standing | None], None] | None:
    """Return what a `Quarantine` calls: it writes event ``down`` or ``up`` about ``subject``."""
    if not log.on:
        return None

    def told(name: str, standing: Standing | None) -> None:
        if standing is None:
            log.write(up, **{subject: name})
            return
        log.write(
            down,
            **{subject: name},
            failures=standing.failures,
            seconds=standing.backoff_seconds,
            detail=standing.reason,
        )

    return told
