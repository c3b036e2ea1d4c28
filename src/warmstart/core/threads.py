"""On how many threads linear algebra runs while we train and while we answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from threadpoolctl import threadpool_info, threadpool_limits

_USUAL: ContextVar[int | None] = ContextVar("usual", default=None)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra on one thread.

    Small matrices gain nothing from more threads, and beside other work these cost much: a thread that waits for
    one without a core of its own spins, so training took ten times as long on a busy machine.

    Example:
        >>> import numpy as np
        >>> from warmstart.core.threads import all_threads, one_thread
        >>> with one_thread():
        ...     small = np.eye(3) @ np.eye(3)
        ...     with all_threads():
        ...         large = np.eye(300) @ np.eye(300)
        >>> float(small.trace()), float(large.trace())
        (3.0, 300.0)
    """
    pools = (pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
    token = _USUAL.set(_USUAL.get() or max(pools, default=1))
    try:
        with threadpool_limits(1, "blas"):
            yield
    finally:
        _USUAL.reset(token)


def stay_on_one_thread() -> None:
    """Keep linear algebra on one thread from now on, for a process that answers many and shares its cores."""
    threadpool_limits(1, "blas")


@contextmanager
def all_threads() -> Iterator[None]:
    """Give back, within ``one_thread``, the threads that were there before: for a matrix large enough to share."""
    usual = _USUAL.get()
    if usual is None:
        yield
        return
    with threadpool_limits(usual, "blas"):
        yield
