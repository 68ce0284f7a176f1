"""Figures for Prometheus, in its text format (version 0.0.4), written by hand.

Counts and durations of requests by endpoint and status, searches and the calls they were grouped
into, what is being done, what each collection holds. Lives on the event loop. Labels are names
from our own table and of served collections, so there is no end to neither.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What is counted between two requests for it."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._requests: Counter[tuple[str, str, int]] = Counter()  # method, endpoint, status
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        self._seconds: Counter[str] = Counter()

    def answered(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count one request that was answered."""
        self._requests[method, endpoint, status] += 1
        self._buckets[endpoint][bisect_left(BOUNDS, seconds)] += 1
        self._seconds[endpoint] += seconds  # type: ignore[assignment]  # a Counter of floats

    def text(
        self, sizes: Mapping[str, Counter[int]], gauges: Mapping[str, Mapping[str, float]]
    ) -> str:
        """All of it. `sizes`: collection → searches of one call → calls; `gauges`: name of a
        figure → collection → value."""
        lines = [
            "# HELP ragkit_requests_total Requests answered.",
            "# TYPE ragkit_requests_total counter",
        ]
        for (method, endpoint, status), count in sorted(self._requests.items()):
            labels = _labels(method=method, endpoint=endpoint, status=str(status))
            lines.append(f"ragkit_requests_total{labels} {count}")
        lines += self._durations()
        lines += _gauge("ragkit_requests_in_flight", {"": self.in_flight})
        lines += [
            "# HELP ragkit_searches_total Searches answered.",
            "# TYPE ragkit_searches_total counter",
        ]
        for name, found in sizes.items():
            total = sum(size * calls for size, calls in found.items())
            lines.append(f"ragkit_searches_total{_labels(collection=name)} {total}")
        lines += [
            "# HELP ragkit_search_calls_total Calls that the searches were grouped into.",
            "# TYPE ragkit_search_calls_total counter",
        ]
        for name, found in sizes.items():
            lines.append(f"ragkit_search_calls_total{_labels(collection=name)} {found.total()}")
        for figure, values in gauges.items():
            lines += _gauge(f"ragkit_{figure}", values)
        return "\n".join(lines) + "\n"

    def _durations(self) -> Iterable[str]:
        yield "# HELP ragkit_request_seconds From the request's head to its answer's last byte."
        yield "# TYPE ragkit_request_seconds histogram"
        for endpoint, counts in sorted(self._buckets.items()):
            total = 0
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
                total += count
                labels = _labels(endpoint=endpoint, le=bound)
                yield f"ragkit_request_seconds_bucket{labels} {total}"
            labels = _labels(endpoint=endpoint)
            yield f"ragkit_request_seconds_sum{labels} {self._seconds[endpoint]:.6f}"
            yield f"ragkit_request_seconds_count{labels} {total}"


def _gauge(name: str, values: Mapping[str, float]) -> list[str]:
    lines = [f"# TYPE {name} gauge"]
    for collection, value in values.items():
        labels = _labels(collection=collection) if collection else ""
        lines.append(f"{name}{labels} {value:g}" if value < 1e6 else f"{name}{labels} {value:.0f}")
    return lines


def _labels(**values: str) -> str:
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        for name, value in values.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"
