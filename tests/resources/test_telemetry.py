"""Figures in the text format of Prometheus, and spans."""

from __future__ import annotations

import sys
import threading

import pytest

from quant_core.clock import clock
from quant_core.errors import ConfigError, UnavailableError
from quant_core.live import METRICS
from resources.telemetry import RunnerTelemetry

prometheus = pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")


def fill(telemetry: RunnerTelemetry) -> None:
    for name, (kind, _, labels) in METRICS.items():
        named = dict.fromkeys(labels, "x")
        if kind == "counter":
            telemetry.count(name, 2.0, **named)
            telemetry.count(name, **named)
        elif kind == "gauge":
            telemetry.gauge(name, 0.25, **named)
        else:
            telemetry.observe(name, [0.5, 3.0, 1e9], **named)


def samples(telemetry: RunnerTelemetry) -> dict[str, float]:
    from prometheus_client.parser import text_string_to_metric_families

    families = text_string_to_metric_families(telemetry.exposition().decode())
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in families
        for sample in family.samples
    }


def test_the_names_are_those_of_the_runner() -> None:
    telemetry = RunnerTelemetry()
    fill(telemetry)
    text = telemetry.exposition().decode()
    types = {line.split()[2]: line.split()[3] for line in text.splitlines() if "# TYPE" in line}
    assert types == {name: kind for name, (kind, _, _) in METRICS.items()}


def test_values_add_up() -> None:
    telemetry = RunnerTelemetry()
    fill(telemetry)
    found = samples(telemetry)
    assert found["strategy_drops_total[('reason', 'x'), ('strategy', 'x')]"] == 3.0
    assert found["feature_cache_hit_ratio[]"] == 0.25
    name = "strategy_inference_latency_ms"
    counts = [found[f"{name}_bucket[('backend', 'x'), ('le', '{le}')]"] for le in ("0.5", "5.0")]
    assert counts == [1.0, 2.0]
    assert found[f"{name}_bucket[('backend', 'x'), ('le', '+Inf')]"] == 3.0
    assert found[f"{name}_count[('backend', 'x')]"] == 3.0
    assert found[f"{name}_sum[('backend', 'x')]"] == 1e9 + 3.5


def test_label_sets_are_bounded() -> None:
    telemetry = RunnerTelemetry(series=3)
    for place in range(10):
        telemetry.count("market_tick_processed_total", instrument=f"I{place}")
    found = samples(telemetry)
    assert len(found) == 4
    assert found["market_tick_processed_total[('instrument', 'other')]"] == 7.0


def test_wrong_labels_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"expected the labels \(instrument\), found \(symbol\)"):
        RunnerTelemetry().count("market_tick_processed_total", symbol="EURUSD")


def test_spans_of_a_tick_are_one_trace() -> None:
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    telemetry = RunnerTelemetry(spans=exporter)
    started = clock().seconds()
    for number in range(2):
        attributes = {"correlation_id": f"t/0/{number}"}
        telemetry.span("inference", started + 0.001, 0.002, {**attributes, "rows": 100})
        telemetry.span("tick", started, 0.004, attributes)
    telemetry.close()
    child, root, other_child, other_root = exporter.get_finished_spans()
    assert (child.name, root.name) == ("inference", "tick")
    assert child.context.trace_id == root.context.trace_id != other_root.context.trace_id
    assert child.parent.span_id == root.context.span_id
    assert other_child.parent.span_id == other_root.context.span_id
    assert root.parent is None
    assert child.attributes["rows"] == 100
    assert root.end_time - root.start_time == pytest.approx(4_000_000, abs=10)
    assert child.start_time - root.start_time == pytest.approx(1_000_000, abs=1000)


def test_spans_are_off_unless_somebody_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    threads = threading.active_count()  # whoever exports has a thread of its own
    RunnerTelemetry().span("tick", 0.0, 1.0, {})
    assert threading.active_count() == threads
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    telemetry = RunnerTelemetry()
    assert threading.active_count() == threads + 1
    telemetry.close()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(ConfigError, match="expected none, console or otlp, found 'zipkin'"):
        RunnerTelemetry()


def test_a_missing_exporter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # None in the place of a module makes its import fail, as if it were not installed.
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match="opentelemetry-exporter-otlp-proto-http is not"):
        RunnerTelemetry()
