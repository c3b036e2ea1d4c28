"""What passed, counted and logged a moment later and many at once: one by one it would cost as much as an answer."""

import asyncio
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from warmstart.serving.answers import Recommendations, Recorded
from warmstart.serving.http.metrics import ANSWERS, DEGRADED, DRIFT, EVENTS, LAG, REQUESTS, WAITING, exposition
from warmstart.serving.live import Live

MOMENT = 0.04
"""Seconds after which what passed is counted and logged; a process that is killed takes them with it."""


class Passed(NamedTuple):
    """A request that was answered.

    Args:
        at: when it ended, seconds since 1970.
        method: of HTTP.
        route: the pattern of its path, for a path can hold a name.
        status: of HTTP.
        seconds: wall time.
        request_id: names it.
        tenant: whose key it bore; None for none.
        key: the id of that key.
    """

    at: float
    method: str
    route: str
    status: int
    seconds: float
    request_id: str
    tenant: str | None
    key: str | None

    @property
    def line(self) -> bytes:
        """The request as a line of the log."""
        told = {
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "ms": round(1000 * self.seconds, 3),
            "request_id": self.request_id,
            "tenant": self.tenant,
            "key": self.key,
            "event": "request",
            "level": "info",
            "timestamp": datetime.fromtimestamp(self.at, UTC),
        }
        return orjson.dumps(told, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


class Tally:
    """Counts what a process does, for Prometheus and for the console, and logs its requests.

    Args:
        live: the engine, which knows what waits to be written and where tastes changed.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        # whatever thread notes something, nothing of it is lost
        self._requests: deque[Passed] = deque()
        self._lists: deque[tuple[str, str, bool]] = deque()
        self._events: deque[tuple[Recorded, float]] = deque()
        self._awaited = False
        self._settling = threading.Lock()

    def passed(
        self, method: str, route: str, status: int, seconds: float, names: tuple[str, str | None, str | None]
    ) -> None:
        """Note a request that ended now; ``names`` are its own, its tenant's and its key's."""
        self._requests.append(Passed(time.time(), method, route, status, seconds, *names))
        if not self._awaited:
            self._awaited = True
            asyncio.get_running_loop().call_later(MOMENT, self._moment_over)

    def listed(self, found: Recommendations) -> None:
        """Note a list."""
        self._lists.append((found.evidence, found.fallback or "none", found.degraded))

    def recorded(self, found: Recorded, seconds: float) -> None:
        """Note events, and the time from their arrival until every answer rests on them."""
        self._events.append((found, seconds))

    def text(self) -> str:
        """Return all counts as Prometheus reads them."""
        self.settle()
        return exposition()

    def _moment_over(self) -> None:
        self._awaited = False
        self.settle()

    def settle(self) -> None:
        """Count and log what was noted; whoever looks at the counts may do so from another thread."""
        with self._settling:
            self._settle_requests()
            while self._lists:
                evidence, fallback, degraded = self._lists.popleft()
                ANSWERS.labels(evidence, fallback).inc()
                DEGRADED.inc(degraded)
            while self._events:
                found, seconds = self._events.popleft()
                for outcome, count in _outcomes(found):
                    EVENTS.labels(outcome).inc(count)
                LAG.observe(seconds)
            DRIFT.set(self._live.knowledge.drifted)
            WAITING.set(self._live.store.writer.waiting)

    def _settle_requests(self) -> None:
        lines = []
        while self._requests:
            passed = self._requests.popleft()
            REQUESTS.labels(f"{passed.method} {passed.route}", str(passed.status)).observe(passed.seconds)
            lines.append(passed.line)
        if lines:
            sys.stderr.write(b"".join(lines).decode())
            sys.stderr.flush()


def _outcomes(found: Recorded) -> tuple[tuple[str, int], ...]:
    return ("accepted", found.accepted), ("duplicate", found.duplicates), ("rejected", len(found.rejected))
