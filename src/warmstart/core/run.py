"""What a computation needs beside its settings: randomness and somebody to tell how far it is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

T = TypeVar("T")


class Progress(Protocol):
    """Somebody who wants to know how far long work is; the command line shows a bar."""

    def track(self, items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """Yield ``items`` and report each."""
        ...


class Quiet:
    """Progress that is not shown."""

    def track(self, items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """Yield ``items`` unchanged."""
        yield from items


@dataclass(frozen=True, slots=True)
class Run:
    """The context of a computation, never its configuration: the seed and the progress display.

    Example:
        >>> from warmstart.core.run import Run
        >>> int(Run(seed=1).rng("split").integers(100)) == int(Run(seed=1).rng("split").integers(100))
        True
    """

    seed: int = 0
    progress: Progress = Quiet()

    def rng(self, *purpose: str | int) -> np.random.Generator:
        """Return the random stream of one purpose; other purposes never shift it."""
        words = [part if isinstance(part, int) else int.from_bytes(part.encode(), "big") for part in purpose]
        return np.random.default_rng([self.seed, *words])
