"""What operators watch, as Prometheus reads it: requests of all workers, and what the database can tell."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from api.reading import Reader
from layers import Level
from layers.freshness import freshness

# Set by `mesip serve`: the folder in which its workers count together.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
REQUESTS = Counter("mesip_requests", "Requests answered", ("route", "status", "level"))
SECONDS = Histogram(
    "mesip_request_seconds", "Seconds until an answer was sent whole", ("route",), buckets=BUCKETS
)
LIMITED = Counter("mesip_limited", "Requests refused because their caller asked too often")
# What the database tells: under which name, what it is, and what its labels are.
TOLD: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "jobs": ("mesip_jobs", "Jobs that are kept", ("level", "state")),
    "sessions": ("mesip_database_sessions", "Connections to the database", ("role", "state")),
    "runs": ("mesip_runs", "Runs of loads, ever", ("feed", "state")),
    "features": ("mesip_layer_features", "Features that are current", ("layer",)),
    "stand": ("mesip_layer_stand_seconds", "The day that a layer speaks of, Unix time", ("layer",)),
    "published": ("mesip_layer_published_seconds", "When a layer was published, Unix time", ("layer",)),
}


def count(route: str, status: int, level: Level, seconds: float) -> None:
    """Count a request that was answered."""
    REQUESTS.labels(route, str(status), level).inc()
    SECONDS.labels(route).observe(seconds)


def metrics(reader: Reader) -> bytes:
    """All metrics in Prometheus' text format; ``reader`` is of the internal level."""
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)
    else:
        for each in (REQUESTS, SECONDS, LIMITED):
            registry.register(each)
    registry.register(_Told(reader))  # pyright: ignore[reportArgumentType] - a collector by its method
    return generate_latest(registry)


class _Told:
    """What the database tells, and how fresh each layer is."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing beforehand: to be registered must not ask the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Ask once for all."""
        rows = self._reader.rows("SELECT metric, one, other, value FROM node_metrics()")
        for metric, (name, about, labels) in TOLD.items():
            family = GaugeMetricFamily(name, about, labels=labels)
            for found, one, other, value in rows:
                if found == metric:
                    family.add_metric((one or "none", other)[: len(labels)], value)
            yield family
        yield self._freshness({one: value for metric, one, _, value in rows if metric == "stand"})

    def _freshness(self, stands: dict[str, float]) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "mesip_layer_freshness", "One, for how fresh it is", labels=("layer", "state")
        )
        for name, layer in self._reader.layers.items():
            stand = _day(stands[name]) if name in stands else None
            family.add_metric((name, freshness(layer.cadence, stand, datetime.now(UTC).date())), 1)
        return family


def _day(seconds: float) -> date:
    return date(1970, 1, 1) + timedelta(seconds=seconds)
