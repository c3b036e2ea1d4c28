"""What somebody did: the one noun of everything that happens over time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that somebody did with an item; the log of these is the truth, everything else is folded from it.

    Args:
        event_id: unique; the same event sent twice has the same.
        item_id: the item's id as text.
        type: such as ``like``; what a type weighs is configured.
        timestamp: when it happened, seconds since 1970.
        value: such as a rating; None where the type says everything.

    Example:
        >>> from warmstart.core.events import Event
        >>> late, early = Event("b", "50", "like", 20.0), Event("a", "50", "view", 10.0)
        >>> [event.event_id for event in sorted([late, early], key=Event.when)]
        ['a', 'b']
    """

    event_id: str
    item_id: str
    type: str
    timestamp: float
    value: float | None = None

    def when(self) -> tuple[float, str]:
        """Return the place in the order of events: by time, of equal times by id, so that arrival does not matter."""
        return self.timestamp, self.event_id
