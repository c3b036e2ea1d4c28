"""What a service answers, embedded or remote: plain values that JSON can say."""

from dataclasses import dataclass, field
from typing import Any, Literal

FactKind = Literal["label", "decade"]


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that was not logged, its place in the request, and why."""

    index: int
    event_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the events of one request.

    Args:
        accepted: how many were logged now.
        duplicates: how many had been logged before, with the same body.
        rejected: those that were not logged.
        state_version: the version of the last subject named; recommendations carry it from now on, or a later one.
        versions: the version that each logged event made of its subject, by event id.
        unknown_items: item ids that the catalogue does not hold (yet); their events are kept and count once it does.
        took_ms: wall time.
    """

    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]
    state_version: int
    versions: dict[str, int] = field(default_factory=dict)
    unknown_items: tuple[str, ...] = ()
    took_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Reason:
    """A part of a score: ``kind`` is prior, event, attribute or text; ``item_id`` names the event's item."""

    kind: str
    name: str
    amount: float
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class Recommended:
    """One item of a list; no score where the model gives none, propensity 1 where nothing is left to chance."""

    item_id: Any
    title: str
    score: float | None
    propensity: float = 1.0
    reason: tuple[Reason, ...] | None = None


@dataclass(frozen=True, slots=True)
class InExperiment:
    """The experiment that a list belongs to, and which of its arms made it."""

    key: str
    arm: str


@dataclass(frozen=True, slots=True)
class Recommendations:
    """A list for somebody, and what it rests on.

    Args:
        recommendation_id: names this list in events, rewards and the next page.
        items: best first.
        evidence: ``prior``, ``few-shot`` or ``known``.
        state_version: the subject's version that was read; 0 for somebody without one.
        model_version: the model that spoke.
        fallback: the rung of the fallback chain that had to be taken; None for none.
        degraded: the store did not answer, so the newest events may be missing.
        took_ms: wall time.
        experiment: the experiment that is about this list; None for none.
        text: why this list, in the language that was asked for; None where none was.
    """

    recommendation_id: str
    items: tuple[Recommended, ...]
    evidence: str
    state_version: int
    model_version: str
    fallback: str | None = None
    degraded: bool = False
    took_ms: float = 0.0
    experiment: InExperiment | None = None
    text: str | None = None

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Explained:
    """Why an item has its score for somebody: reasons that sum to it, largest first; ``text`` if it was asked for."""

    item_id: Any
    title: str
    score: float
    reasons: tuple[Reason, ...]
    state_version: int
    model_version: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class TasteFact:
    """Something that stands out among what somebody likes.

    Args:
        kind: ``label``, such as a genre, or ``decade``.
        name: such as Musical, or 1990s.
        share: of her likes that are so, each as much as it counts.
        usual: the same share over everybody's likes.
        item_ids: hers that are so.
    """

    kind: FactKind
    name: str
    share: float
    usual: float
    item_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taste:
    """What stands out among what somebody likes, as a sentence that ``text`` reads, and what it rests on.

    Args:
        text: empty where nothing stands out.
        facts: what the sentence names, in its order.
        likes: how many it was looked for among.
        state_version: the subject's version that was read; 0 for somebody without one.
        model_version: the model whose labels these are.
        degraded: the store did not answer, so the newest events may be missing.
    """

    text: str
    facts: tuple[TasteFact, ...]
    likes: int
    state_version: int
    model_version: str
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What an item is, in a sentence or two that say nothing but what is known of it."""

    item_id: str
    language: str
    text: str
    model_version: str


@dataclass(frozen=True, slots=True)
class Erased:
    """The receipt of an erasure: what was removed, counted, and when."""

    user_id: str
    events: int
    recommendations: int
    profiles: int
    erased_at: float


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is kept about somebody."""

    user_id: str
    state_version: int
    attributes: dict[str, Any] | None
    events: tuple[dict[str, Any], ...]
    sessions: tuple[str, ...] = ()
    recommendations: tuple[dict[str, Any], ...] = ()
