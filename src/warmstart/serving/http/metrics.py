"""What a server counts, for Prometheus; several workers count together."""

import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import multiprocess as together

from warmstart.serving.http.settings import FOLDER

EXPOSITION = CONTENT_TYPE_LATEST
"""The media type of the counts as text."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

REQUESTS = Histogram(
    "warmstart_request_seconds", "Wall time of requests, failed ones as well", ["route", "status"], buckets=SECONDS
)
EVENTS = Counter("warmstart_events_total", "Events, by what became of them", ["outcome"])
LAG = Histogram(
    "warmstart_event_to_visible_seconds", "From an event's arrival until every answer rests on it", buckets=SECONDS
)
ANSWERS = Counter("warmstart_recommendations_total", "Lists, by what they rest on", ["evidence", "fallback"])
DEGRADED = Counter("warmstart_degraded_total", "Lists given while the store did not answer")
DRIFT = Gauge(
    "warmstart_drift_noticed",
    "Profiles folded since the start in which a change of taste was noticed",
    multiprocess_mode="livesum",
)
WAITING = Gauge("warmstart_events_waiting", "Events that wait to be written", multiprocess_mode="livesum")
MODEL = Gauge("warmstart_model_info", "The model that answers", ["model_version"], multiprocess_mode="livemostrecent")


def exposition() -> str:
    """Return all counts as text."""
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        together.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry).decode()
    return generate_latest().decode()
