"""A server's counts as numbers that people read: rates, and times that most stay under."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)(?: \S+)?$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
LAG = "warmstart_event_to_visible_seconds"
MEDIAN, TAIL = 0.5, 0.99


@dataclass(frozen=True, slots=True)
class Reading:
    """What had been counted at one moment.

    Args:
        at: seconds on a clock that only goes forward.
        events: logged since the start.
        refused: events that were rejected.
        answers: lists given.
        degraded: those given while the store did not answer.
        failed: requests that ended in a fault of ours.
        waiting: events that wait to be written.
        drift: what is said of drift, by name; empty where nothing is measured.
        lag: events made visible within each number of seconds, by that number.
    """

    at: float
    events: float = 0
    refused: float = 0
    answers: float = 0
    degraded: float = 0
    failed: float = 0
    waiting: float = 0
    drift: dict[str, float] = field(default_factory=dict)
    lag: dict[float, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """How a server does now, beside what it has done since its start.

    Args:
        events: a second.
        answers: a second.
        median: milliseconds from an event to every answer that rests on it, half of the time; None before any event.
        tail: the same, 99 times of 100.
        total: what had been counted.
    """

    events: float
    answers: float
    median: float | None
    tail: float | None
    total: Reading


def read(text: str, at: float) -> Reading:
    """Read counts as Prometheus has them; what is not counted stays at nothing.

    Example:
        >>> from warmstart.serving.console.counts import read
        >>> found = read('warmstart_events_total{outcome="accepted"} 3.0', at=0.0)
        >>> found.events, found.answers
        (3.0, 0.0)
    """
    samples = list(_samples(text))

    def total(name: str, **wanted: str) -> float:
        fitting = (n for found, labels, n in samples if found == name and wanted.items() <= labels.items())
        return math.fsum(fitting)

    requests = ((labels, n) for name, labels, n in samples if name == "warmstart_request_seconds_count")
    lag: dict[float, float] = {}
    for name, labels, n in samples:
        if name == f"{LAG}_bucket":
            lag[float(labels["le"])] = lag.get(float(labels["le"]), 0) + n
    return Reading(
        at,
        total("warmstart_events_total", outcome="accepted"),
        total("warmstart_events_total", outcome="rejected"),
        total("warmstart_recommendations_total"),
        total("warmstart_degraded_total"),
        math.fsum(n for labels, n in requests if labels.get("status", "").startswith("5")),
        total("warmstart_events_waiting"),
        {_drift_name(name, labels): n for name, labels, n in samples if name.startswith("warmstart_drift")},
        lag,
    )


def between(before: Reading, now: Reading) -> Health:
    """Return how a server does between two readings; times are those since the start where nothing came between.

    Example:
        >>> from warmstart.serving.console.counts import Reading, between
        >>> now = Reading(2.0, events=10, lag={0.001: 0.0, 0.002: 8.0, float("inf"): 8.0})
        >>> health = between(Reading(0.0), now)
        >>> health.events, health.median
        (5.0, 1.5)
    """
    seconds = max(now.at - before.at, 1e-9)
    fresh = {edge: n - before.lag.get(edge, 0) for edge, n in now.lag.items()}
    lag = fresh if max(fresh.values(), default=0) > 0 else now.lag
    rates = ((new - old) / seconds for new, old in ((now.events, before.events), (now.answers, before.answers)))
    # a worker that was replaced takes its counts with it
    events, answers = (max(0.0, rate) for rate in rates)
    return Health(events, answers, _quantile(lag, MEDIAN), _quantile(lag, TAIL), now)


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in text.splitlines():
        found = _LINE.match(line)
        if found and not line.startswith("#"):
            name, labels, value = found.groups()
            yield name, dict(_LABEL.findall(labels or "")), float(value)


def _drift_name(name: str, labels: dict[str, str]) -> str:
    told = name.removeprefix("warmstart_drift").strip("_").replace("_", " ")
    return " ".join([told, *labels.values()]).strip() or "drift"


def _quantile(buckets: dict[float, float], share: float) -> float | None:
    """Return milliseconds below which a share lies, straight between the edges of its bucket."""
    edges = sorted(buckets)
    if not edges or buckets[edges[-1]] <= 0:
        return None
    wanted = share * buckets[edges[-1]]
    low, before = 0.0, 0.0
    for edge in edges:
        if buckets[edge] >= wanted and buckets[edge] > before:
            if math.isinf(edge):
                return 1000 * low
            return 1000 * (low + (edge - low) * (wanted - before) / (buckets[edge] - before))
        low, before = edge, buckets[edge]
    return 1000 * low
