"""What other people's likes say of titles and of each other: learned on one data set, read by title on any other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.run import Run
from warmstart.core.threads import one_thread
from warmstart.data.dataset import Dataset
from warmstart.meta.preference import Prompt
from warmstart.meta.preference_titles import TitleIndex
from warmstart.meta.values import ValuePrior

JUDGES = 600
"""People at most that are held out of what is learned, to weigh what it is worth; at most one in ten."""
FEWEST = 50
"""People below which none are held out."""
JUDGED = 20
"""Prompts at most that one of them gives."""
SHRINKAGE = 5.0
"""Imagined events of the usual share of likes that are added to each item's own."""
LEAST = 1e-3
"""Chances are kept so far from 0 and 1."""


@dataclass(frozen=True)
class Knowledge:
    """A data set's items by title, how liked each is, and a prior over people.

    Args:
        name: of the data set.
        titles: of its items.
        counts: int64 [n_items], events of each.
        rates: float64 [n_items], share of likes of each, drawn to the usual share.
        usual: share of likes among all events.
        values: foretells values; a like and a dislike of a prompt are read as the mean value of either kind.
        meant: the value that a dislike, and the one that a like stands for.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.meta.preference import Prompt
        >>> from warmstart.meta.preference_knowledge import Knowledge
        >>> known = Knowledge.of(ws.load_dataset("movielens-small"), factors=4, rounds=3)
        >>> liked = Prompt("eve", ("Alien (1979)", "Aliens"), ("Grease (1978)",), "The Terminator (1984)")
        >>> turned = Prompt("ida", liked.disliked, liked.liked, liked.target)
        >>> glad, sad = known.chances([liked, turned])
        >>> bool(glad > sad)
        True
    """

    name: str
    titles: Sequence[str]
    counts: Ints
    rates: npt.NDArray[np.float64]
    usual: float
    values: ValuePrior
    meant: tuple[float, float]

    @classmethod
    def of(cls, data: Dataset, run: Run | None = None, **settings: Any) -> "Knowledge":
        """Learn from a data set with values and titles.

        Args:
            data: its users must not be those who are asked.
            run: seed and progress.
            **settings: fields of ``ValueConfig``.

        Raises:
            BadInput: there are no values, no dislikes, or nothing tells the items' titles.
        """
        if data.items is None or "title" not in data.items.columns or not ValuePrior.suits(data):
            raise BadInput(
                f"{data.name!r} cannot be carried over: it needs titles, and values with likes and dislikes."
            )
        liked, events = data.liked, data.histories
        if liked.all() or not liked.any():
            raise BadInput(f"{data.name!r} cannot be carried over: all of its events are of one kind.")
        counts = np.bincount(events.items, minlength=data.n_items).astype(np.int64)
        likes = np.bincount(events.items, weights=liked, minlength=data.n_items)
        usual = float(liked.mean())
        rates = (likes + SHRINKAGE * usual) / (counts + SHRINKAGE)
        meant = float(events.values[~liked].mean()), float(events.values[liked].mean())
        with one_thread():
            values = ValuePrior.fit(_read_by_title(data), run=run, **settings)
        return cls(data.name, list(data.catalogue.titles), counts, rates, usual, values, meant)

    @cached_property
    def index(self) -> TitleIndex:
        """Finds the item that a title names."""
        return TitleIndex(self.titles, self.counts.tolist())

    def chances(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the chance that each prompt's target is liked, float32 [n].

        A title that the data set does not hold is judged by its words.
        """
        asked = self.index.places([prompt.target for prompt in prompts])
        shown = [self.index.places([*prompt.liked, *prompt.disliked]) for prompt in prompts]
        strangers = self._strangers(prompts, shown, asked)
        prior = self._with(list(strangers))
        targets = [_place(place, one.target, strangers) for place, one in zip(asked, prompts, strict=True)]
        support = self._histories(prompts, shown, strangers)
        query = Histories.of([[target] for target in targets])
        belief = prior.belief(support)
        return prior.scale.chance_of_like(belief.feelings_at(query), belief.deviations_at(query))

    def target_rates(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the share of likes of each target, the usual one for a stranger, float32 [n]."""
        places = np.array(self.index.places([prompt.target for prompt in prompts]), dtype=np.int64)
        return np.append(self.rates, self.usual)[places].astype(np.float32)

    def _strangers(
        self, prompts: Sequence[Prompt], shown: Sequence[Sequence[int]], asked: Sequence[int]
    ) -> dict[str, int]:
        """Return the titles that are not known, each with a place behind all items."""
        found: dict[str, int] = {}
        for prompt, places, target in zip(prompts, shown, asked, strict=True):
            titles = (*prompt.liked, *prompt.disliked, prompt.target)
            for title, place in zip(titles, (*places, target), strict=True):
                if place < 0:
                    found.setdefault(title, len(self.titles) + len(found))
        return found

    def _histories(
        self, prompts: Sequence[Prompt], shown: Sequence[Sequence[int]], strangers: dict[str, int]
    ) -> Histories:
        items, values = [], []
        for prompt, places in zip(prompts, shown, strict=True):
            titles = (*prompt.liked, *prompt.disliked)
            said = [self.meant[1]] * len(prompt.liked) + [self.meant[0]] * len(prompt.disliked)
            # a title that is told twice counts once, the last time
            told = {
                _place(place, title, strangers): value for place, title, value in zip(places, titles, said, strict=True)
            }
            items.append(list(told))
            values.append(list(told.values()))
        return Histories.of(items, values)

    def _with(self, titles: Sequence[str]) -> ValuePrior:
        import polars as pl

        return self.values.with_items(pl.DataFrame({"title": list(titles)})) if titles else self.values


def judged(data: Dataset, seed: int = 0) -> tuple[Dataset, Ints]:
    """Return the data without some people, and the rows of those people; all and nobody where they are few."""
    order = Run(seed=seed).rng("preference judges").permutation(data.n_users)
    aside = min(JUDGES, data.n_users // 10) if data.n_users >= FEWEST else 0
    return data.take_users(np.sort(order[aside:])), np.sort(order[:aside]).astype(np.int64)


def _read_by_title(data: Dataset) -> Dataset:
    """Return the data whose items are described by their titles only, which is all that a prompt tells."""
    items = data.items
    return data if items is None else replace(data, items=items.select("item_id", "title"), item_kinds={})


def _place(place: int, title: str, strangers: dict[str, int]) -> int:
    return place if place >= 0 else strangers[title]
