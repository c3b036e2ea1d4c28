"""What the console needs of the server around it, handed in so that it need not know who serves it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from warmstart.serving.answers import Recommendations, Recorded
from warmstart.serving.live import Live
from warmstart.serving.roles import reaches


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks: the tenant whose people are shown, and what may be done to them.

    Example:
        >>> from warmstart.serving.console.server import Visitor
        >>> Visitor("shop", "write").may("read"), Visitor("shop", "read").may("write")
        (True, False)

    Args:
        tenant: whose people are seen.
        role: read, write or admin.
        keyed: whether a key was asked for.
    """

    tenant: str
    role: str
    keyed: bool = False

    def may(self, role: str) -> bool:
        """Return whether this visitor may do what ``role`` may."""
        return reaches(self.role, role)


class Counts(Protocol):
    """Where a server counts what it does."""

    def recorded(self, found: Recorded, seconds: float) -> None:
        """Count events, and the time from their arrival until every answer rests on them."""
        ...

    def listed(self, found: Recommendations) -> None:
        """Count a list."""
        ...

    def text(self) -> str:
        """Return all counts as Prometheus reads them."""
        ...


@dataclass(frozen=True, slots=True)
class Server:
    """What the console stands in.

    Args:
        live: the engine.
        visitor: says who holds a key, and who comes without one; None for somebody who must give another.
        counts: where the server counts.
        report: the report of an evaluation whose learning curve is shown, if it is there.
    """

    live: Live
    visitor: Callable[[str | None], Visitor | None]
    counts: Counts
    report: Path | None = None
