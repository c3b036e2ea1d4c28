"""Prompts made of people's histories, by one rule."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warmstart.core.errors import BadInput
from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.meta.preference import Prompt

SHOWN = 10
"""Events of a prompt."""


def prompts_of(
    data: Dataset, users: Ints, history: int = SHOWN, most: int | None = None, seed: int = 0
) -> list[Prompt]:
    """Return the prompts of some users: each event after the first ``history`` is a target, in the order of time.

    Args:
        data: with values; an event is a like from ``data.like_from`` on.
        users: rows of the data set.
        history: events before the target that are shown.
        most: prompts of one user at most, drawn at random; None takes all.
        seed: of that draw.

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.meta.preference_prompts import prompts_of
        >>> first = prompts_of(ws.load_dataset("movielens-small"), np.array([0]))[0]
        >>> len(first.liked), len(first.disliked), first.target, first.label
        (10, 0, 'American Beauty (1999)', True)
    """
    make, lengths = _Maker.of(data, history), data.histories.lengths
    return [
        make(user, place)
        for user in users.tolist()
        for place in _targets(history, int(lengths[user]), most, seed, user)
    ]


def newest_prompts(data: Dataset, newest: int, history: int = SHOWN) -> list[Prompt]:
    """Return the prompts of the newest targets of all users together, in the order of time.

    Args:
        data: with values and times; an event is a like from ``data.like_from`` on.
        newest: how many.
        history: events before the target that are shown.

    Raises:
        BadInput: the data have no times.
    """
    events = data.histories
    if events.times is None:
        raise BadInput(f"{data.name!r} has no times, so its prompts cannot be split by time. Split by users.")
    places = np.arange(len(events.items)) - np.repeat(events.indptr[:-1], events.lengths)
    asked = np.flatnonzero(places >= history)
    chosen = asked[np.argsort(events.times[asked], kind="stable")][-newest:]
    make = _Maker.of(data, history)
    return [
        make(user, place) for user, place in zip(events.rows[chosen].tolist(), places[chosen].tolist(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the prompt of a user's event."""

    data: Dataset
    titles: npt.NDArray[np.object_]
    liked: npt.NDArray[np.bool_]
    history: int

    @classmethod
    def of(cls, data: Dataset, history: int) -> "_Maker":
        return cls(data, np.array(data.catalogue.titles, dtype=object), data.liked, history)

    def __call__(self, user: int, place: int) -> Prompt:
        target = int(self.data.histories.indptr[user]) + place
        shown = slice(target - self.history, target)
        names, fond = self.titles[self.data.histories.items[shown]], self.liked[shown]
        asked = self.titles[self.data.histories.items[target]]
        name = str(self.data.user_ids[user])
        return Prompt(name, tuple(names[fond]), tuple(names[~fond]), asked, bool(self.liked[target]))


def _targets(history: int, n: int, most: int | None, seed: int, user: int) -> list[int]:
    places = np.arange(history, max(n, history))
    if most is not None and len(places) > most:
        places = np.sort(Run(seed=seed).rng("prompts", user).choice(places, most, replace=False))
    found: list[int] = places.tolist()
    return found
