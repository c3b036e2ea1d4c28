"""Training examples as tomorrow's requests: the first few events of somebody, and what she likes of the rest."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warmstart.core.histories import Floats, Histories, Ints
from warmstart.data.catalogue import Catalogue

AS_IT_CAME = 0.75
"""Share of people with times whose first events are shown; of the others a random part is."""
MOST_SHOWN = 0.7
"""Share of a history that is shown at most, so that something is left to foretell."""


@dataclass(frozen=True, slots=True)
class Padded:
    """Events of some people in rows of one length.

    Args:
        items: int64 [n, longest], 0 where there is no event.
        mask: float32 [n, longest], 1 where there is one.
        disliked: float32 [n, longest], 1 for an event below the threshold of a like.
        last: int64 [n, m], places after which a state is asked for.
    """

    items: Ints
    mask: Floats
    disliked: Floats
    last: Ints

    @classmethod
    def of(cls, histories: Histories, catalogue: Catalogue, longest: int) -> "Padded":
        """Return the last events of every history, one state after the last of all."""
        lengths = np.minimum(histories.lengths, longest)
        wide = max(int(lengths.max(initial=0)), 1)
        mask = np.arange(wide) < lengths[:, None]
        places = (histories.indptr[1:] - lengths)[:, None] + np.arange(wide)
        items, disliked = np.zeros(mask.shape, dtype=np.int64), np.zeros(mask.shape, dtype=np.float32)
        items[mask] = histories.items[places[mask]]
        disliked[mask] = ~liked(histories.values[places[mask]], catalogue)
        return cls(items, mask.astype(np.float32), disliked, np.maximum(lengths - 1, 0)[:, None])


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of training learns from.

    Args:
        shown: the support.
        rows: int64 [targets], which of the n * m states each target belongs to.
        items: int64 [targets], what is to be foretold.
        weights: float32 [targets], all alike, as in a multinomial likelihood; those of one state sum to 1 in the mean.
        seed: of what the step draws.
        other: a second view of the same people, for contrastive learning.
    """

    shown: Padded
    rows: Ints
    items: Ints
    weights: Floats
    seed: int
    other: Padded | None = None


@dataclass(frozen=True, slots=True)
class Episodes:
    """Draws training examples from histories.

    Args:
        histories: of the training users, with one event an item, in order of time where there is time.
        catalogue: tells what is a like.
        longest: events that are shown at most.
        states: states a person, each after another number of events.
        size: people of a batch.
        likes_only: whether only likes are shown; all that is foretold are likes, unless ``every_event``.
        every_event: foretell all events, liked or not.
        halves: show two halves of a history, for contrastive learning.
    """

    histories: Histories
    catalogue: Catalogue
    longest: int
    states: int
    size: int
    likes_only: bool = True
    every_event: bool = False
    halves: bool = False

    def of_epoch(self, rng: np.random.Generator) -> list[Batch]:
        """Return the batches of an epoch: everybody with two events once, in a random order."""
        kept = self.histories.where(self._counted()) if self.likes_only else self.histories
        shuffled = _ordered(kept, rng)
        rows = np.flatnonzero((shuffled.lengths > 1) & (_sum_by_row(shuffled, self._asked(shuffled)) > 0))
        order = rng.permutation(rows)
        starts = range(0, len(order), self.size)
        return [self._batch(shuffled[order[start : start + self.size]], rng) for start in starts]

    def _counted(self) -> npt.NDArray[np.bool_]:
        return liked(self.histories.values, self.catalogue) | self.every_event

    def _asked(self, histories: Histories) -> npt.NDArray[np.bool_]:
        return liked(histories.values, self.catalogue) | self.every_event

    def _batch(self, people: Histories, rng: np.random.Generator) -> Batch:
        most = np.minimum(np.maximum((MOST_SHOWN * people.lengths).astype(np.int64), 1), self.longest)
        drawn = rng.random((len(people), 1 if self.halves else self.states))
        counts = np.floor(np.exp(drawn * np.log(most + 1)[:, None])).astype(np.int64)  # evenly in the logarithm
        counts = np.clip(counts, 1, most[:, None])
        place = np.arange(len(people.items)) - people.indptr[people.rows]
        widest = counts.max(axis=1)
        shown = Padded.of(people.where(place < widest[people.rows]), self.catalogue, self.longest)
        shown = Padded(shown.items, shown.mask, shown.disliked, counts - 1)
        rest = np.flatnonzero(self._asked(people))
        events, which = np.nonzero(place[rest, None] >= counts[people.rows[rest]])
        rows = people.rows[rest][events] * counts.shape[1] + which
        order = np.argsort(rows, kind="stable")
        rows, items = rows[order], people.items[rest][events][order].astype(np.int64)
        weights = np.full(len(rows), counts.size / max(len(rows), 1), dtype=np.float32)
        return Batch(shown, rows, items, weights, int(rng.integers(2**31)), self._other(people, widest, place))

    def _other(self, people: Histories, widest: Ints, place: Ints) -> Padded | None:
        """Return the events after those that are shown, as many of them."""
        if not self.halves:
            return None
        start = widest[people.rows]
        return Padded.of(people.where((place >= start) & (place < 2 * start + 1)), self.catalogue, self.longest)


def _ordered(histories: Histories, rng: np.random.Generator) -> Histories:
    """Return histories whose first events may be taken as a support.

    Without time: in a random order. With time: as they came for most people; for the others a random part of
    the history comes first, in order of time, and the rest after it.
    """
    draws = rng.random(len(histories.items))
    place = np.arange(len(histories.items)) - histories.indptr[histories.rows]
    if histories.times is not None:
        # in order of time, those that come first before those that come after
        rank = np.empty_like(place)
        rank[np.lexsort((draws, histories.rows))] = place
        as_it_came = rng.random(len(histories)) < AS_IT_CAME
        first = as_it_came[histories.rows] | (rank < (MOST_SHOWN * histories.lengths)[histories.rows])
        draws = (place + np.where(first, 0, len(place))).astype(np.float64)
    order = np.lexsort((draws, histories.rows))
    values, times = histories.values[order], None if histories.times is None else histories.times[order]
    return Histories(histories.indptr, histories.items[order], values, times)


def liked(values: Floats, catalogue: Catalogue) -> npt.NDArray[np.bool_]:
    """Return which values are likes."""
    return np.ones(len(values), dtype=bool) if catalogue.like_from is None else values >= catalogue.like_from


def _sum_by_row(histories: Histories, counted: npt.NDArray[np.bool_]) -> Ints:
    return np.bincount(histories.rows, weights=counted, minlength=len(histories)).astype(np.int64)
