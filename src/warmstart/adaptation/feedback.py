"""What each type of event says of a person, and how much."""

from typing import Literal

from pydantic import Field

from warmstart.core.config import Config

Says = Literal["like", "dislike", "value"]


class Kind(Config):
    """What events of one type say."""

    weight: float = Field(1.0, ge=0, le=1)
    """How much of a whole event one counts as, 0 to 1; at 0 it is logged and says nothing."""

    says: Says = "like"
    """That the person likes the item, that she does not, or what the event's value says."""


KINDS = {
    "purchase": Kind(),
    "like": Kind(),
    "rating": Kind(says="value"),
    "click": Kind(weight=0.4),
    "view": Kind(weight=0.3),
    "dislike": Kind(says="dislike"),
    "dismiss": Kind(weight=0.5, says="dislike"),
    "impression": Kind(weight=0.0),
}
"""The types that are known without being configured."""


class Feedback(Config):
    """How events become evidence.

    Example:
        >>> from warmstart.adaptation.feedback import Feedback, Kind
        >>> shop = Feedback.of(kinds={"basket": Kind(weight=0.7)})
        >>> shop.kind("basket").weight, shop.kind("like").weight, shop.kind("unheard of").weight
        (0.7, 1.0, 0.0)
    """

    kinds: dict[str, Kind] = Field(default_factory=dict)
    """Types of events beside, or in place of, the known ones: purchase, like, rating, click, view, dislike, dismiss
    and impression. A type that is not named anywhere is logged and says nothing."""

    half_life_days: float | None = Field(None, gt=0)
    """Days after which an event counts half, measured from the person's newest event; None lets age not matter."""

    least_weight: float = Field(0.02, ge=0, lt=1)
    """What counts less than this is forgotten."""

    most_events: int = Field(1000, ge=1)
    """Newest events of a person that are folded; older ones stay in the log."""

    def kind(self, name: str) -> Kind:
        """Return what a type says; one that nobody named says nothing."""
        return self.kinds.get(name) or KINDS.get(name) or _SILENT


_SILENT = Kind(weight=0.0)
