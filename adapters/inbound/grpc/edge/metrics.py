"""Prometheus metrics of the gRPC edge, beside those of REST."""

from prometheus_client import CollectorRegistry, Counter, Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Rpcs by method and status. `registry` is its own unless it is lent one."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._seconds = Histogram(
            "concordat_grpc_request_seconds",
            "Seconds from an rpc's message to its answer, by method",
            ("method", "status"),
            registry=self.registry,
            buckets=BUCKETS,
        )
        self._failures = Counter(
            "concordat_grpc_unhandled_errors_total", "Rpcs that failed without a reason of ours", registry=self.registry
        )
        self._children: dict[tuple[str, str], Histogram] = {}

    def observe(self, method: str, status: str, seconds: float) -> None:
        """Count an rpc that was answered."""
        key = method, status
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._seconds.labels(method, status)
        child.observe(seconds)

    def failed(self) -> None:
        """Count an INTERNAL."""
        self._failures.inc()
