"""What an answer costs: wall and CPU seconds, peak memory, time to adapt to one user."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from warmstart.core.histories import Histories
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.profile import Profile
from warmstart.representation.context import Context

T = TypeVar("T")
_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


@dataclass(slots=True)
class Stopwatch:
    """Adds up wall and CPU seconds (of all threads) and keeps the highest memory of what it watches.

    Example:
        >>> from warmstart.evaluation.cost import Stopwatch
        >>> watch = Stopwatch()
        >>> with watch.running():
        ...     total = sum(range(1000))
        >>> watch.wall > 0, watch.peak_mb > 0
        (True, True)
    """

    wall: float = 0.0
    cpu: float = 0.0
    peak_mb: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch what happens inside the ``with`` block."""
        _forget_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.wall += time.perf_counter() - wall
            self.cpu += time.process_time() - cpu
            self.peak_mb = max(self.peak_mb, peak_memory())

    def track(self, items: Iterable[T]) -> Iterator[T]:
        """Yield ``items`` and watch only their making."""
        makers = iter(items)
        while True:
            with self.running():
                made = list(islice(makers, 1))
            if not made:
                return
            yield made[0]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one row of a report cost.

    Args:
        fit_wall: seconds of fitting, once, without tuning.
        fit_cpu: CPU seconds of it, over all threads.
        score_wall: seconds of scoring all test tasks.
        score_cpu: CPU seconds of it.
        users_per_second: tasks scored in a second of wall time.
        peak_mb: highest resident memory of the process while fitting and scoring, in MB of 2**20 bytes, data included.
        adapt_us: median CPU microseconds to adapt to one user's events and rank the catalogue for her.
    """

    fit_wall: float
    fit_cpu: float
    score_wall: float
    score_cpu: float
    users_per_second: float
    peak_mb: float
    adapt_us: float


def adapt_microseconds(model: Recommender, support: Histories, sample: int = 30, repeats: int = 3) -> float:
    """Return the median CPU microseconds from a user's events to her ten best items; NaN without a user.

    Args:
        model: a fitted recommender.
        support: events of users, in internal form.
        sample: how many of them are timed.
        repeats: how often each is, the fastest counts.
    """
    times = [_adapt_once(model, support[user], repeats) for user in range(min(sample, len(support)))]
    return float(np.median(times)) if times else float("nan")


def _adapt_once(model: Recommender, events: Histories, repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        start = time.process_time_ns()
        Profile.start(model, events, Context()).recommend(k=10)
        taken.append((time.process_time_ns() - start) / 1000)
    return min(taken)


def peak_memory() -> float:
    """Return the highest resident memory in MB since the peak was last forgotten (where it cannot be, since start)."""
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
        if "VmHWM" in lines:
            return float(lines["VmHWM"].split()[0]) / 1024
    try:
        import resource
    except ImportError:  # Windows has none
        return float("nan")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _forget_peak() -> None:
    if _RESET.exists() and os.access(_RESET, os.W_OK):
        # some containers refuse it; the peak then counts from the start of the process
        with suppress(OSError):
            _RESET.write_text("5")
