"""What goes into the store and what comes back: plain values, no database."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from warmstart.core.events import Event

Status = Literal["accepted", "duplicate", "conflict"]
ITEMS_CHANGED = "#items"
"""The subject whose version grows when a tenant's items change."""
ERASED = "#erased"
"""The subject whose version grows when somebody of a tenant is erased."""


def user(user_id: str) -> str:
    """Return the subject of a user; sessions have names of their own, so that ids never meet.

    Example:
        >>> from warmstart.serving.store.entries import session, user
        >>> user("7"), session("7")
        ('user:7', 'session:7')
    """
    return f"user:{user_id}"


def session(session_id: str) -> str:
    """Return the subject of somebody who has not logged in."""
    return f"session:{session_id}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with everything that is logged of it.

    Args:
        event: what was done.
        subject: by whom; see ``user`` and ``session``.
        digest: of the body as it came; the same event sent again has the same.
        recommendation_id: the list that it was done from.
        position: the place in that list, from 0.
        context: whatever else the caller wants to keep.
    """

    event: Event
    subject: str
    digest: str
    recommendation_id: str | None = None
    position: int | None = None
    context: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event: ``version`` is the one that its first coming made of the subject."""

    event_id: str
    status: Status
    version: int


@dataclass(frozen=True, slots=True)
class State:
    """Where a subject stands: ``version`` is 0 for somebody unknown; a session may have become another subject."""

    version: int = 0
    attributes: Mapping[str, Any] | None = None
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item beside those of the model, or a model's item that is out of stock."""

    item_id: str
    attributes: Mapping[str, Any]
    available: bool = True


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure removed, counted."""

    events: int
    recommendations: int
    profiles: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A list as it was shown, with the probability that policy gave each item."""

    recommendation_id: str
    subject: str
    items: tuple[str, ...]
    propensities: tuple[float, ...]
    model_version: str
    created: float
    reward: float | None = None


def digest_of(body: Any) -> str:
    """Return a digest of anything that JSON can say; the order of keys does not matter.

    Example:
        >>> from warmstart.serving.store.entries import digest_of
        >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}), len(digest_of({}))
        (True, 32)
    """
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
