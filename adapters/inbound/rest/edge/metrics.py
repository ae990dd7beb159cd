"""Prometheus metrics of the REST edge, and gauges that others lend it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE"})
CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One gauge, read when the metrics are asked for; a name always has the same labels."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


Readings = Callable[[], Awaitable[Sequence[Reading]]]


class Metrics:
    """Requests by route template, method and status: never by path, which would make a series of every id."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._registry = registry or CollectorRegistry()
        labels = ("method", "route", "status")
        self._seconds = Histogram(
            "concordat_http_request_seconds",
            "Seconds from the request's head to the last byte of the answer, by route",
            labels,
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._failures = Counter(
            "concordat_http_unhandled_errors_total",
            "Requests that failed without a reason of ours",
            registry=self._registry,
        )
        self._children: dict[tuple[str, str, int], Histogram] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        key = method if method in METHODS else "OTHER", route, status
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._seconds.labels(*map(str, key))
        child.observe(seconds)

    def failed(self) -> None:
        """Count a 500."""
        self._failures.inc()

    async def exposition(self, readings: Sequence[Readings] = ()) -> bytes:
        """The metrics as text, with the gauges of `readings` as they are now."""
        text = generate_latest(self._registry)
        lent = [reading for read in readings for reading in await read()]
        return text + generate_latest(_registry_of(lent)) if lent else text


def _registry_of(readings: Sequence[Reading]) -> CollectorRegistry:
    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for reading in readings:
        gauge = gauges.get(reading.name)
        if gauge is None:
            names = sorted(reading.labels)
            gauge = gauges[reading.name] = Gauge(reading.name, reading.help, names, registry=registry)
        (gauge.labels(**reading.labels) if reading.labels else gauge).set(reading.value)
    return registry
