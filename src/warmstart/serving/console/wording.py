"""What the console says of events, reasons and changes, in words."""

import time

from warmstart.core.events import Event
from warmstart.serving.answers import Reason

DONE = {
    "like": "liked",
    "dislike": "disliked",
    "dismiss": "were not interested in",
    "rating": "rated",
    "view": "viewed",
    "click": "opened",
    "purchase": "bought",
    "impression": "were shown",
}
"""What somebody did, by type of event."""


def done(event: Event) -> str:
    """Return what somebody did with an item.

    Example:
        >>> from warmstart.core.events import Event
        >>> from warmstart.serving.console.wording import done
        >>> done(Event("1", "50", "dismiss", 0.0)), done(Event("2", "50", "rating", 0.0, 4.0))
        ('were not interested in', 'rated 4')
    """
    told = DONE.get(event.type, event.type)
    return told if event.value is None else f"{told} {event.value:g}"


def because(reason: Reason, done_with: str | None) -> str:
    """Return a reason without its amount; ``done_with`` says what was done with the event's item.

    Example:
        >>> from warmstart.serving.answers import Reason
        >>> from warmstart.serving.console.wording import because
        >>> because(Reason("event", "Heat", 0.1, "6"), "liked"), because(Reason("event", "Heat", -0.1, "6"), "liked")
        ('because you liked Heat', 'although you liked Heat')
    """
    link = "because" if reason.amount >= 0 else "although"
    if reason.kind == "event":
        return f"{link} you {done_with or 'met'} {reason.name}"
    if reason.kind == "text":
        return f"{link} of your sentence" if reason.amount >= 0 else "although your sentence says otherwise"
    if reason.kind == "attribute":
        return f"{link} of your {reason.name}" if reason.amount >= 0 else f"although your {reason.name} says otherwise"
    return reason.name


def amount(value: float) -> str:
    """Return a part of a score with its sign.

    Example:
        >>> from warmstart.serving.console.wording import amount
        >>> amount(0.123), amount(-0.004), amount(-0.1)
        ('+0.12', '0.00', '\N{MINUS SIGN}0.10')
    """
    text = f"{abs(value):.2f}"
    sign = "" if float(text) == 0 else "+" if value > 0 else "\N{MINUS SIGN}"
    return sign + text


def change(new: int, up: int, down: int) -> str:
    """Return how a list differs from the one before.

    Example:
        >>> from warmstart.serving.console.wording import change
        >>> change(3, 1, 0), change(0, 0, 0)
        ('3 new titles, 1 moved up.', 'The list stays as it was.')
    """
    parts = [f"{new} new {'title' if new == 1 else 'titles'}"] if new else []
    parts += [f"{count} moved {way}" for count, way in ((up, "up"), (down, "down")) if count]
    return ", ".join(parts) + "." if parts else "The list stays as it was."


def moment(seconds: float) -> str:
    """Return a moment in universal time.

    Example:
        >>> from warmstart.serving.console.wording import moment
        >>> moment(0.0), moment(1e18)
        ('1970-01-01 00:00:00', 'far ahead')
    """
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "far ahead"
