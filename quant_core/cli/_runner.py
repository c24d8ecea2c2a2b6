"""What ``quant runner`` does and prints."""

from __future__ import annotations

import signal
from contextlib import ExitStack, closing, contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal

from rich.table import Table

from quant_core.cli._console import print_json, results, status
from quant_core.errors import UnavailableError
from quant_core.live import (
    Engine,
    IsolatedLane,
    ParquetSink,
    ReplaySource,
    Runner,
    Settings,
    Silent,
    model_opener,
    open_strategies,
    opened_log,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from quant_core.live import Telemetry

__all__ = ["replay", "serve"]

_TELEMETRY, _TRANSPORTS, _HTTP = (
    "quant_core.telemetry",
    "quant_core.transports",
    "quant_core.http",
)
_PATIENCE = 20.0  # a replay waits for strategies in Python, so that load changes no signal


def replay(
    ticks: Sequence[str],
    strategies: str,
    out: Path,
    *,
    rate: float | None,
    limit: int | None,
    batch_window_ms: float | None,
    backend: Literal["auto", "onnxrt"],
    as_json: bool,
    http: int | None = None,
) -> None:
    """Replay files of ticks through strategies into a folder, and print what came of it."""
    settings = _settings(batch_window_ms)
    telemetry = _telemetry()
    store = open_strategies(strategies)
    with ExitStack() as stack:
        source = stack.enter_context(closing(ReplaySource(ticks, rate, limit=limit)))
        lane = stack.enter_context(IsolatedLane(settings, patience=1.0 if rate else _PATIENCE))
        sink = stack.enter_context(ParquetSink(out, telemetry))
        log = stack.enter_context(opened_log(settings, "replay", out / "log.jsonl"))
        engine = Engine(
            settings,
            model_opener(settings),
            telemetry,
            lane,
            backend=backend,
            patient=rate is None,
            log=log,
        )
        runner = Runner(
            source,
            sink,
            engine,
            store,
            settings,
            telemetry,
            name="replay",
            drain=rate is not None,
            background=rate is not None,
            log=log,
        )
        _listen(stack, runner, telemetry, http)
        if rate is not None:
            stack.enter_context(_stopped_by_signals(runner))
        runner.run()
    if as_json:
        print_json(_summary(runner) | {"out": str(out)})
    else:
        _show(_summary(runner), out)


def serve(
    brokers: str,
    strategies: str,
    *,
    options: Mapping[str, str | None],
    transport: str,
    http: int | None,
    name: str,
) -> None:
    """Serve strategies on live ticks until the process is told to end."""
    settings, telemetry = Settings(), _telemetry()
    store = open_strategies(strategies)
    with ExitStack() as stack:
        lane = stack.enter_context(IsolatedLane(settings))
        log = stack.enter_context(opened_log(settings, name, "stderr"))
        engine = Engine(settings, model_opener(settings), telemetry, lane, log=log)
        given = {key: value for key, value in options.items() if value is not None}
        source, sink = _offered(_TRANSPORTS, transport)(brokers, lookback=engine.lookback, **given)
        stack.enter_context(closing(sink))
        stack.enter_context(closing(source))
        runner = Runner(
            source, sink, engine, store, settings, telemetry, name=name, background=True, log=log
        )
        _listen(stack, runner, telemetry, http)
        stack.enter_context(_stopped_by_signals(runner))
        runner.run()
    status().print("stopped; what was polled is done")


def _listen(stack: ExitStack, runner: Runner, telemetry: Telemetry, http: int | None) -> None:
    if http is None:
        return
    server = _offered(_HTTP, "http")(telemetry, runner.complaint, runner.status, port=http)
    stack.enter_context(server)
    status().print(f"listening on {server.url}")


def _settings(batch_window_ms: float | None) -> Settings:
    settings = Settings()
    if batch_window_ms is None:
        return settings
    return settings.model_copy(update={"batch_window_ms": batch_window_ms})


def _telemetry() -> Telemetry:
    if not any(point.name == "prometheus" for point in entry_points(group=_TELEMETRY)):
        return Silent()
    found: Telemetry = _offered(_TELEMETRY, "prometheus")()
    return found


def _offered(group: str, name: str) -> Any:
    points = {point.name: point for point in entry_points(group=group)}
    if name not in points:
        raise UnavailableError(
            f"{group}: expected one of {', '.join(sorted(points)) or 'no name'}, found {name}; "
            "install quant-assets[live]"
        )
    try:
        return points[name].load()
    except ImportError as error:
        raise UnavailableError(f"{name}: {error}; install quant-assets[live]") from error


@contextmanager
def _stopped_by_signals(runner: Runner) -> Iterator[None]:
    chosen = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: runner.stop()) for number in chosen]
    try:
        yield
    finally:
        for number, handler in zip(chosen, before, strict=True):
            signal.signal(number, handler)


def _summary(runner: Runner) -> dict[str, Any]:
    said = runner.status()
    figures = runner.figures
    seconds = figures.ended - figures.started
    return {
        "ticks": figures.ticks,
        "signals": figures.signals,
        "dead_letters": figures.dead_letters,
        "dropped_ticks": figures.dropped_ticks,
        "drops": said["drops"],
        "latency_ms": said["latency_ms"],
        "seconds": round(seconds, 3),
        "ticks_per_second": round(figures.ticks / seconds, 1) if seconds else None,
        "strategies": said["strategies"],
    }


def _show(found: Mapping[str, Any], out: Path) -> None:
    console = results()
    table = Table(box=None, show_header=False)
    for name in ("ticks", "signals", "dead_letters", "dropped_ticks"):
        table.add_row(name.replace("_", " "), f"{found[name]:,}")
    table.add_row("drops", f"{sum(drop['count'] for drop in found['drops']):,}")
    for name, value in found["latency_ms"].items():
        table.add_row(f"tick to signal, {name.replace('_', '.')}", f"{value:,.3f} ms")
    if found["ticks_per_second"] is not None:
        table.add_row("throughput", f"{found['ticks_per_second']:,.0f} ticks/s")
    console.print(table)
    for one in found["strategies"]:
        if one["state"] != "serving":
            console.print(f"{one['strategy']}: {one['state']}; {one['detail']}", markup=False)
    console.print(f"written to {out}", markup=False)
