"""Metrics for Prometheus: what the server counts, and the text that `GET /metrics` returns.

Counts and durations of requests by endpoint and status, searches and the batches they were grouped
into, answers in progress, the size of each collection. Label values are endpoint paths and names
of served collections, so their number is bounded. One registry per application: neither the
process-wide default registry nor its collectors are used.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.exposition import generate_latest

__all__ = ["CONTENT_TYPE", "BatchSizes", "Metrics"]
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
_GAUGE_HELP = {
    "documents": "Documents in the collection.",
    "passages": "Passages in the collection.",
    "pending": "Passages that have no embedding yet.",
    "answers_going_on": "Answers in progress.",
}
BatchSizes = Mapping[str, Counts[int]]  # collection → searches in a batch → number of batches


class Metrics:
    """The counters of one application, and their text form."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "ragkit_requests_total",
            "Requests answered.",
            ("method", "endpoint", "status"),
            registry=self._registry,
        )
        self.request_seconds = Histogram(
            "ragkit_request_seconds",
            "From the request's head to its answer's last byte.",
            ("endpoint",),
            buckets=_BOUNDS,
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "ragkit_requests_in_flight", "Requests in progress.", registry=self._registry
        )

    def render(self, batch_sizes: BatchSizes, gauges: Mapping[str, Mapping[str, float]]) -> bytes:
        """Return all metrics in Prometheus' text format, version 0.0.4.

        `gauges`: metric name without prefix → collection → value; "" for the whole server.
        """
        families = _Families([*self._registry.collect(), *_collection_metrics(batch_sizes, gauges)])
        return generate_latest(families)  # calls only `collect`


class _Families:
    """What `generate_latest` takes in place of a registry: metrics without `_created` times."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        for metric in self._metrics:
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric


def _collection_metrics(
    batch_sizes: BatchSizes, gauges: Mapping[str, Mapping[str, float]]
) -> Iterable[Metric]:
    searches = CounterMetricFamily("ragkit_searches", "Searches answered.", labels=("collection",))
    calls = CounterMetricFamily(
        "ragkit_search_calls", "Batches that the searches were grouped into.",
        labels=("collection",),
    )  # fmt: skip
    for collection, sizes in batch_sizes.items():
        searches.add_metric((collection,), sum(size * count for size, count in sizes.items()))
        calls.add_metric((collection,), sizes.total())
    yield searches
    yield calls
    for name, values in gauges.items():
        labels = () if "" in values else ("collection",)
        gauge = GaugeMetricFamily(f"ragkit_{name}", _GAUGE_HELP[name], labels=labels)
        for collection, value in values.items():
            gauge.add_metric((collection,) if collection else (), value)
        yield gauge
