"""Figures of the runner in the text format of Prometheus, and its spans for OpenTelemetry."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from quant_core.live import METRICS
from resources._figures import Counters, Gauges, Histograms
from resources._spans import Spans, exporter_of_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.sdk.trace.export import SpanExporter
    from prometheus_client.metrics_core import Metric

__all__ = ["RunnerTelemetry"]

_KINDS = {"counter": Counters, "gauge": Gauges, "histogram": Histograms}


class RunnerTelemetry:
    """The metrics of `METRICS` in a registry of their own, and spans where somebody wants them.

    Spans are off unless ``OTEL_TRACES_EXPORTER`` is ``console`` or ``otlp``,
    ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set, or an exporter is given; they then cost nothing. The
    trace of a tick is named by the attribute ``correlation_id``: the span called ``tick`` is its
    root, and every other span with that attribute is a child of it.

    Parameters
    ----------
    spans : opentelemetry.sdk.trace.export.SpanExporter, optional
        Where spans go, in place of what the environment says.
    series : int
        Label sets that one metric may have; what exceeds them is booked under ``other``.

    Raises
    ------
    UnavailableError
        If prometheus-client, or the exporter that the environment names, is not installed.

    Examples
    --------
    >>> telemetry = RunnerTelemetry()
    >>> telemetry.count("market_tick_processed_total", 2, instrument="EURUSD")
    >>> b'market_tick_processed_total{instrument="EURUSD"} 2.0' in telemetry.exposition()
    True
    """

    def __init__(self, *, spans: SpanExporter | None = None, series: int = 1000) -> None:
        self._figures = {
            name: _KINDS[kind](name, text, labels, series)
            for name, (kind, text, labels) in METRICS.items()
        }
        self._lock = threading.Lock()
        self._registry = _registry(self)
        exporter = spans if spans is not None else exporter_of_environment()
        self._spans = Spans(exporter) if exporter is not None else None

    @property
    def tracing(self) -> bool:
        """Whether spans go anywhere."""
        return self._spans is not None

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        with self._lock:
            self._figures[name].add(labels, (amount,))

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._figures[name].add(labels, (value,))

    def observe(self, name: str, values: Sequence[float], **labels: str) -> None:
        """Add observations to a histogram."""
        with self._lock:
            self._figures[name].add(labels, values)

    def span(
        self, name: str, started: float, seconds: float, attributes: Mapping[str, Any]
    ) -> None:
        """Record a span that has ended, ``started`` in seconds of the clock."""
        if self._spans is not None:
            self._spans.record(name, started, seconds, attributes)

    def exposition(self) -> bytes:
        """Return the figures in the text format of Prometheus."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as a registry of prometheus-client asks for them."""
        with self._lock:
            return iter([figures.family() for figures in self._figures.values()])

    def close(self) -> None:
        """Send the spans that wait."""
        if self._spans is not None:
            self._spans.close()


def _registry(collector: RunnerTelemetry) -> Any:
    from quant_core.errors import UnavailableError  # noqa: PLC0415 - only where it is missing

    try:
        from prometheus_client import CollectorRegistry
    except ImportError as error:
        raise UnavailableError(
            "telemetry: prometheus-client is not installed; install quant-assets[live]"
        ) from error
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry
