"""What the tier-1 rules cost of an ingest, and what the schema and the audit cost beside it.

    python benchmarks/contracts.py --prices FILE [--rounds 9]

The cost is what the functions that hold observations and returns to their rules take inside whole
ingests: the masks, and the books of what they drop or notice. Processor seconds of one process,
the middle of the rounds.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from quant_core.contracts import audit, require
from quant_core.data import DataConfig, _filter, _grid, _ingest, ingest, open_source

if TYPE_CHECKING:
    from collections.abc import Callable

RULES: list[tuple[Any, str]] = [
    (_ingest, "refuse_other_kind"),
    (_filter, "_drop"),
    (_filter, "_repeated"),
    (_filter, "non_finite"),
    (_filter, "non_positive"),
    (_grid, "out_of_range"),
    (_grid, "past_one"),
    (_grid.ReturnsGrid, "_drop"),
]
"""The rules, and what enters a dropped observation into the books."""


class Stopwatch:
    """Adds up the processor seconds of functions, nested calls once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts its time here."""

        def timed(*args: Any, **options: Any) -> Any:
            self._depth += 1
            began = time.process_time()
            try:
                return call(*args, **options)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.process_time() - began

        return timed


def timed(call: Callable[[], Any]) -> float:
    """Return the processor seconds of a call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prices", required=True, help="file of prices")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    pa.set_cpu_count(1)
    config = DataConfig(prices=arguments.prices)
    found = ingest(open_source(config), config, prices=True)
    require("returns", found.matrix)
    watch = Stopwatch()
    for place, name in RULES:
        setattr(place, name, watch.around(getattr(place, name)))
    whole, rules, schema, audits = [], [], [], []
    for _ in range(arguments.rounds):
        watch.seconds = 0.0
        whole.append(timed(lambda: ingest(open_source(config), config)))
        rules.append(watch.seconds)
        schema.append(timed(lambda: require("returns", found.matrix)))
        audits.append(timed(lambda: audit(found.matrix, prices=found.prices)))
    base = median(whole)
    print(f"{found.report.rows_in:,} observations, ingest {base * 1e3:.0f} ms")
    for name, seconds in [("tier 1", rules), ("schema of the result", schema), ("audit", audits)]:
        print(f"  {name:<22}{median(seconds) * 1e3:>8.1f} ms{median(seconds) / base:>8.1%}")


if __name__ == "__main__":
    main()
