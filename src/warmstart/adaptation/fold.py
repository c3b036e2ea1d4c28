"""From a person's events to her history: a fold that comes out the same however the events arrived."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warmstart.adaptation.feedback import Feedback
from warmstart.core.events import Event
from warmstart.core.histories import Histories
from warmstart.data.catalogue import Catalogue

SECONDS_A_DAY = 86_400.0
OPPOSITE = 0.5
"""Share of an event's weight from which one that says the opposite takes its place."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What a person's events come to.

    Args:
        history: one row; one event an item, in order of time, each with the weight it counts.
        seen: int32, indices of all items she met; an impression alone is no meeting.
    """

    history: Histories
    seen: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.history.items)


def fold(events: Iterable[Event], catalogue: Catalogue, feedback: Feedback) -> Folded:
    """Fold events into a history; repeated, late and out-of-order events come out the same.

    Of several events on an item the latest counts that weighs no less than those before it, or that says the opposite
    and weighs at least half as much: a glance at a film does not take back that it was liked, a dismissal does. Events
    on items that the catalogue does not hold are passed over until it does.

    Args:
        events: of one person, in any order.
        catalogue: the items that the model knows.
        feedback: what each type says.

    Example:
        >>> from warmstart.adaptation.feedback import Feedback
        >>> from warmstart.adaptation.fold import fold
        >>> from warmstart.core.events import Event
        >>> from warmstart.data.catalogue import Catalogue
        >>> films = Catalogue(["heat", "alien"], ["Heat", "Alien"], like_from=4.0, like_value=5.0, dislike_value=2.0)
        >>> liked, seen = Event("1", "heat", "like", 10.0), Event("2", "heat", "view", 20.0)
        >>> found = fold([seen, liked, Event("3", "alien", "dismiss", 5.0)], films, Feedback())
        >>> found.history.items.tolist(), found.history.values.tolist(), found.history.weights.tolist()
        ([1, 0], [2.0, 5.0], [0.5, 1.0])
    """
    ordered = sorted({event.event_id: event for event in events}.values(), key=Event.when)[-feedback.most_events :]
    kept: dict[int, _Said] = {}
    seen: set[int] = set()
    for event in ordered:
        place = catalogue.find(event.item_id)
        if place is None:
            continue
        said = _said(event, catalogue, feedback)
        if event.type != "impression":
            seen.add(place)
        if said is not None and said.displaces(kept.get(place)):
            kept.pop(place, None)  # so that it stands at its time
            kept[place] = said
    return _folded(kept, seen, feedback)


@dataclass(frozen=True, slots=True)
class _Said:
    value: float
    time: float
    weight: float
    against: bool

    def displaces(self, other: "_Said | None") -> bool:
        if other is None or self.weight >= other.weight:
            return True
        return self.against != other.against and self.weight >= OPPOSITE * other.weight


def _said(event: Event, catalogue: Catalogue, feedback: Feedback) -> _Said | None:
    kind = feedback.kind(event.type)
    if not kind.weight:
        return None
    value = catalogue.like_value if kind.says == "like" else catalogue.dislike_value
    if kind.says == "value":
        value = catalogue.like_value if event.value is None else event.value
    against = catalogue.like_from is not None and value < catalogue.like_from
    if kind.says == "dislike" and catalogue.like_from is None:
        return None  # this model was trained where every event is a like
    return _Said(value, event.timestamp, kind.weight, against)


def _folded(kept: dict[int, _Said], seen: set[int], feedback: Feedback) -> Folded:
    said = list(kept.values())
    times = np.array([one.time for one in said], dtype=np.float64)
    weights = np.array([one.weight for one in said], dtype=np.float32)
    if feedback.half_life_days is not None and len(times):
        ages = (times.max() - times) / SECONDS_A_DAY
        weights *= np.exp2(-ages / feedback.half_life_days).astype(np.float32)
    history = Histories(
        np.array([0, len(said)], dtype=np.int64),
        np.array(list(kept), dtype=np.int32),
        np.array([one.value for one in said], dtype=np.float32),
        times,
        None if (weights == 1).all() else weights,
    )
    if feedback.half_life_days is not None:
        history = history.where(weights >= feedback.least_weight)
    return Folded(history, np.array(sorted(seen), dtype=np.int32))
