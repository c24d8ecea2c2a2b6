"""Spans of OpenTelemetry whose trace is named by the correlation id of a tick."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from quant_core.clock import clock
from quant_core.errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["Spans", "exporter_of_environment"]

ROOT = "tick"
CORRELATION = "correlation_id"
_NANOSECONDS = 1_000_000_000


class Spans:
    """Spans that have ended, on their way to an exporter.

    Parameters
    ----------
    exporter : opentelemetry.sdk.trace.export.SpanExporter
        Where they go, in batches and from a thread of its own.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise _missing("opentelemetry-sdk") from error
        self._ids = _id_generator()
        resource = Resource.create({"service.name": "quant-runner"})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("quant_core.live")
        now, seconds = clock().now().timestamp(), clock().seconds()
        self._epoch = int((now - seconds) * _NANOSECONDS)

    def record(
        self, name: str, started: float, seconds: float, attributes: Mapping[str, Any]
    ) -> None:
        """Record a span that has ended, ``started`` in seconds of the clock."""
        begin = self._epoch + int(started * _NANOSECONDS)
        trace, root = _ids_of(str(attributes.get(CORRELATION, name)))
        if name == ROOT:
            self._ids.next = (trace, root)
            context = _nowhere()
        else:
            self._ids.next = (trace, _number(f"{trace}/{name}/{begin}", 8))
            context = _inside(trace, root)
        span = self._tracer.start_span(
            name, context=context, start_time=begin, attributes=dict(attributes)
        )
        span.end(begin + int(seconds * _NANOSECONDS))

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


def exporter_of_environment() -> SpanExporter | None:
    """Return the exporter that the environment asks for, None if it asks for none.

    Raises
    ------
    ConfigError
        If ``OTEL_TRACES_EXPORTER`` is none of ``none``, ``console`` and ``otlp``.
    UnavailableError
        If the package of the exporter is not installed.
    """
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    wanted = os.environ.get("OTEL_TRACES_EXPORTER") or ("otlp" if endpoint else "none")
    if wanted == "none":
        return None
    if wanted == "console":
        return _console()
    if wanted == "otlp":
        return _otlp()
    raise ConfigError(f"OTEL_TRACES_EXPORTER: expected none, console or otlp, found {wanted!r}")


def _console() -> SpanExporter:
    try:
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter
    except ImportError as error:
        raise _missing("opentelemetry-sdk") from error
    return ConsoleSpanExporter()


def _otlp() -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.http import trace_exporter
    except ImportError as error:
        raise _missing("opentelemetry-exporter-otlp-proto-http") from error
    exporter: SpanExporter = trace_exporter.OTLPSpanExporter()
    return exporter


def _missing(package: str) -> UnavailableError:
    return UnavailableError(
        f"spans: {package} is not installed; install it with quant-assets[live], or unset "
        "OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_TRACES_EXPORTER"
    )


def _number(text: str, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest(), "big") or 1


def _ids_of(correlation: str) -> tuple[int, int]:
    return _number(correlation, 16), _number(f"{correlation}/{ROOT}", 8)


def _id_generator() -> Any:
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    class Named(IdGenerator):
        next: tuple[int, int] = (1, 1)

        def generate_trace_id(self) -> int:
            return self.next[0]

        def generate_span_id(self) -> int:
            return self.next[1]

    return Named()


def _nowhere() -> Any:
    from opentelemetry.context import Context

    return Context()


def _inside(trace: int, root: int) -> Any:
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    flags = TraceFlags(TraceFlags.SAMPLED)
    parent = NonRecordingSpan(SpanContext(trace, root, is_remote=False, trace_flags=flags))
    return set_span_in_context(parent, _nowhere())
