"""Counters, gauges and histograms as plain arrays, because prometheus-client counts one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prometheus_client.metrics_core import Metric

__all__ = ["BUCKETS", "Counters", "Gauges", "Histograms"]

OTHER = "other"
_MILLISECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 50, 100, 250, 500, 1000, 5000)
BUCKETS: Mapping[str, tuple[float, ...]] = {
    "strategy_inference_latency_ms": _MILLISECONDS,
    "market_tick_process_latency_ms": _MILLISECONDS,
    "strategy_batch_size": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000),
    "model_load_seconds": (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
}


class _Series:
    def __init__(self, name: str, text: str, labels: tuple[str, ...], limit: int) -> None:
        self.name, self.text, self.labels = name, text, labels
        self._limit = limit
        self._values: dict[tuple[str, ...], np.ndarray] = {}

    def add(self, labels: Mapping[str, str], values: Sequence[float]) -> None:
        self._update(self._slot(labels), np.asarray(values, dtype=np.float64))

    def _slot(self, labels: Mapping[str, str]) -> np.ndarray:
        if labels.keys() != set(self.labels):
            raise ConfigError(
                f"{self.name}: expected the labels ({', '.join(self.labels)}), found "
                f"({', '.join(sorted(labels))})"
            )
        key = tuple(labels[label] for label in self.labels)
        if key not in self._values:
            if len(self._values) >= self._limit:
                key = (OTHER,) * len(key)
            self._values.setdefault(key, self._zero())
        return self._values[key]

    def _zero(self) -> np.ndarray:
        return np.zeros(1)

    def _update(self, slot: np.ndarray, values: np.ndarray) -> None:
        raise NotImplementedError

    def family(self) -> Metric:
        raise NotImplementedError


class Counters(_Series):
    """A number a label set that only grows."""

    def _update(self, slot: np.ndarray, values: np.ndarray) -> None:
        slot += values.sum()

    def family(self) -> Metric:
        """Return the metric as prometheus-client describes it."""
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(self.name, self.text, labels=self.labels)
        for key, slot in self._values.items():
            family.add_metric(key, float(slot[0]))
        return family


class Gauges(_Series):
    """The last number of each label set."""

    def _update(self, slot: np.ndarray, values: np.ndarray) -> None:
        slot[0] = values[-1]

    def family(self) -> Metric:
        """Return the metric as prometheus-client describes it."""
        from prometheus_client.core import GaugeMetricFamily

        family = GaugeMetricFamily(self.name, self.text, labels=self.labels)
        for key, slot in self._values.items():
            family.add_metric(key, float(slot[0]))
        return family


class Histograms(_Series):
    """Counts below bounds and the sum of each label set, added to by whole arrays."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...], limit: int) -> None:
        super().__init__(name, text, labels, limit)
        self._bounds = np.array(BUCKETS[name], dtype=np.float64)

    def _zero(self) -> np.ndarray:
        return np.zeros(len(self._bounds) + 2)  # the last one holds the sum

    def _update(self, slot: np.ndarray, values: np.ndarray) -> None:
        places = np.searchsorted(self._bounds, values, side="left")
        slot[:-1] += np.bincount(places, minlength=len(self._bounds) + 1)
        slot[-1] += values.sum()

    def family(self) -> Metric:
        """Return the metric as prometheus-client describes it."""
        from prometheus_client.core import HistogramMetricFamily
        from prometheus_client.utils import floatToGoString

        names = [*map(floatToGoString, self._bounds), "+Inf"]
        family = HistogramMetricFamily(self.name, self.text, labels=self.labels)
        for key, slot in self._values.items():
            counts = zip(names, np.cumsum(slot[:-1]).tolist(), strict=True)
            family.add_metric(key, list(counts), sum_value=float(slot[-1]))
        return family
