"""Group commit: whatever waits to be written goes into one transaction, so that one sync to disk serves many."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from warmstart.core.errors import Overloaded, StoreUnavailable, WarmstartError
from warmstart.serving.store.database import Collision, Database
from warmstart.serving.store.entries import Entry, Outcome
from warmstart.serving.store.log import append

T = TypeVar("T")
MOST_WAITING = 20_000
"""Events that may wait; what comes on top is refused at once."""
MOST_IN_ONE = 2_000
"""Events in one transaction."""
TRIES = 5


@dataclass(frozen=True, slots=True)
class _Events:
    tenant: str
    entries: Sequence[Entry]
    future: "Future[list[Outcome]]" = field(default_factory=Future)

    @property
    def size(self) -> int:
        return len(self.entries)


@dataclass(frozen=True, slots=True)
class _Task:
    work: Callable[[Connection], Any]
    future: "Future[Any]" = field(default_factory=Future)
    size: int = 1


_Job = _Events | _Task


class Writer:
    """The one thread of a process that writes; what it answers is durable.

    Args:
        database: where to write.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._waiting = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="warmstart-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many events and other changes wait to be written."""
        return self._waiting

    def events(self, tenant: str, entries: Sequence[Entry]) -> "Future[list[Outcome]]":
        """Log events; the future is done when they are durable.

        Raises:
            Overloaded: too much is waiting.
        """
        job = _Events(tenant, entries)
        self._put(job)
        return job.future

    def submit(self, work: Callable[[Connection], T]) -> "Future[T]":
        """Do other work inside a transaction; it may raise our errors before it has changed anything."""
        job = _Task(work)
        self._put(job)
        return job.future

    def close(self) -> None:
        """Write what waits, then stop."""
        self._jobs.put(None)
        self._thread.join()

    def _put(self, job: _Job) -> None:
        if not self._thread.is_alive():
            raise StoreUnavailable("The store was closed.")
        self._database.check()
        with self._lock:
            if self._waiting + job.size > MOST_WAITING:
                raise Overloaded(f"{self._waiting} events wait to be written. Try again in a second.")
            self._waiting += job.size
        self._jobs.put(job)

    def _work(self) -> None:
        going = True
        while going:
            jobs, going = self._next()
            # whoever gave up meanwhile is not written, and nobody can give up from here on
            wanted = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if wanted:
                self._write(wanted)
            with self._lock:
                self._waiting -= sum(job.size for job in jobs)

    def _next(self) -> tuple[list[_Job], bool]:
        """Wait for a job, and take all that wait behind it."""
        jobs: list[_Job] = []
        size, job = 0, self._jobs.get()
        while job is not None:
            jobs.append(job)
            size += job.size
            if size >= MOST_IN_ONE:
                return jobs, True
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, True
        return jobs, False

    def _write(self, jobs: list[_Job]) -> None:
        try:
            done = self._commit(jobs)
        except Exception as error:  # noqa: BLE001 (whatever it is, those who wait must hear of it)
            if len(jobs) > 1 and not isinstance(error, StoreUnavailable):
                # one of them is at fault; the others must not pay for it
                for job in jobs:
                    self._write([job])
                return
            for job in jobs:
                job.future.set_exception(error)
            return
        for job, found in zip(jobs, done, strict=True):
            if isinstance(found, WarmstartError):
                job.future.set_exception(found)
            else:
                job.future.set_result(found)

    def _commit(self, jobs: list[_Job]) -> list[Any]:
        """Return each job's result, or the error of ours that it raised, once all is durable."""
        for _ in range(TRIES):
            try:
                with self._database.writing() as connection:
                    return _done(connection, jobs)
            except Collision:
                continue
        raise StoreUnavailable("Too many others write the same at the same time. Try again.")


def _done(connection: Connection, jobs: list[_Job]) -> list[Any]:
    found: dict[int, Any] = {}
    # in one order everywhere, so that no two processes wait for each other
    for tenant in sorted({job.tenant for job in jobs if isinstance(job, _Events)}):
        places = [place for place, job in enumerate(jobs) if isinstance(job, _Events) and job.tenant == tenant]
        found |= _logged(connection, tenant, {place: jobs[place] for place in places})
    for place, job in enumerate(jobs):
        if isinstance(job, _Task):
            found[place] = _tried(connection, job)
    return [found[place] for place in range(len(jobs))]


def _logged(connection: Connection, tenant: str, jobs: dict[int, Any]) -> dict[int, list[Outcome]]:
    """Log the events of several jobs at once, and give each job its outcomes."""
    outcomes = iter(append(connection, tenant, [entry for job in jobs.values() for entry in job.entries]))
    return {place: [next(outcomes) for _ in job.entries] for place, job in jobs.items()}


def _tried(connection: Connection, job: _Task) -> Any:
    try:
        return job.work(connection)
    except StoreUnavailable:
        raise
    except WarmstartError as error:
        return error
