"""The engine: wires the rooms into the three journeys, so that the command line and every other door stay thin."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from warmstart.core.errors import BadInput
from warmstart.core.run import Run
from warmstart.data.builtin import datasets, load_dataset
from warmstart.data.catalogue import OnUnknown
from warmstart.data.dataset import Dataset
from warmstart.data.read import read
from warmstart.data.titles import Titles
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.profile import Contribution, Profile
from warmstart.recommenders.table import load, recommender


def open_data(source: str, **options: Any) -> Dataset:
    """Open a folder or file of tables, or a data set by its registered name; a path that exists wins.

    Example:
        >>> from warmstart.serving.engine import open_data
        >>> open_data("movielens-small").n_users
        610
    """
    if Path(source).exists():
        return read(source, **options)
    if source not in datasets():
        known = ", ".join(datasets())
        raise BadInput(f"{source}: there is no such file or folder, and no data set of that name. There are: {known}.")
    return load_dataset(source, **options)


class Engine:
    """Answers questions about one person with a trained model.

    Args:
        model: a fitted recommender.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.serving.engine import Engine
        >>> engine = Engine(ws.recommender("item_knn").fit(ws.load_dataset("movielens-small")))
        >>> person = engine.profile(likes=["the matrix"], dislikes=["Titanic (1997)"])
        >>> [engine.title(item) for item in person.items]
        ['Matrix, The (1999)', 'Titanic (1997)']
    """

    def __init__(self, model: Recommender) -> None:
        self.model = model

    @classmethod
    def open(cls, path: str | Path) -> "Engine":
        """Load a model folder."""
        return cls(load(path))

    @classmethod
    def train(cls, data: Dataset, model: str | Recommender = "meta", run: Run | None = None) -> "Engine":
        """Train a recommender, or the one of that name, on ``data``."""
        return cls((recommender(model) if isinstance(model, str) else model).fit(data, run=run))

    @cached_property
    def titles(self) -> Titles:
        """The titles of the catalogue, found as people write them."""
        return Titles(self.model.catalogue)

    def title(self, item: int) -> str:
        """Return the title of the item with index ``item``."""
        return self.model.catalogue.titles[item]

    def profile(
        self,
        likes: Iterable[str] = (),
        dislikes: Iterable[str] = (),
        *,
        user: Mapping[str, Any] | None = None,
        text: str | None = None,
        on_unknown: OnUnknown = "raise",
    ) -> Profile:
        """Return the profile of a person who says what she likes and dislikes by title, oldest first.

        Raises:
            UnknownItem: one title fits no item.
            BadInput: several titles fit no item or more than one, or a title is both liked and disliked.
        """
        liked, unknown_likes = self._find(likes, on_unknown)
        disliked, unknown_dislikes = self._find(dislikes, on_unknown)
        self._check_sides(liked, disliked)
        catalogue = self.model.catalogue
        sides = ((liked, catalogue.like_value), (disliked, catalogue.dislike_value))
        # unknown titles go along, so that the answer names what was skipped
        events = [(catalogue.item_ids[item], value) for items, value in sides for item in items]
        history = [*events, *unknown_likes, *unknown_dislikes]
        return self.model.profile(history, user=user, text=text, on_unknown=on_unknown)

    def observe(self, profile: Profile, title: str, *, liked: bool = True) -> Profile:
        """Return the profile with one more event: the person likes, or does not like, the title."""
        item = self.titles.find(title)
        self._check_sides([], [] if liked else [item])
        catalogue = self.model.catalogue
        return profile.observe(catalogue.item_ids[item], catalogue.like_value if liked else catalogue.dislike_value)

    def reasons(self, profile: Profile, item_id: Any, n: int = 3, *, prior: bool = True) -> list[tuple[str, float]]:
        """Return the ``n`` largest contributions to an item's score, as words and amounts.

        Args:
            profile: whose list it is.
            item_id: the item.
            n: how many contributions, at most.
            prior: name what the item has from everybody beside what the person said.
        """
        parts = [part for part in profile.explain(item_id) if part.amount and (prior or part.kind != "prior")]
        return [(self._in_words(part), part.amount) for part in parts[:n]]

    def unread(self, profile: Profile, user: Mapping[str, Any] | None, text: str | None) -> list[str]:
        """Return what was said of a person that the model does not read: ``attributes``, ``text`` or nothing."""
        context = profile.context
        reads = {"attributes": context.attributes is not None, "text": context.text is not None}
        # a blend's members have contexts of their own; what they read is theirs to know
        blended = bool(context) and not any(reads.values())
        given = {"attributes": bool(user), "text": bool(text)}
        return [name for name in given if given[name] and not reads[name] and not blended]

    def _in_words(self, part: Contribution) -> str:
        if part.kind == "event" and part.item is not None:
            return self.title(part.item)
        return {"prior": "everybody", "text": "your words"}.get(part.kind, part.name)

    def _find(self, titles: Iterable[str], on_unknown: OnUnknown) -> tuple[list[int], list[str]]:
        found, unknown, faults = [], [], []
        for title in titles:
            try:
                found.append(self.titles.find(title))
            except BadInput as error:
                unknown.append(title)
                faults.append(error)
        ambiguous = [fault for fault in faults if type(fault) is BadInput]
        wrong = faults if on_unknown == "raise" else ambiguous
        if len(wrong) == 1:
            raise wrong[0]
        if wrong:
            raise BadInput("\n  ".join([f"{len(wrong)} titles were not understood:", *map(str, wrong)]))
        return found, unknown

    def _check_sides(self, liked: list[int], disliked: list[int]) -> None:
        both = [self.title(item) for item in liked if item in disliked]
        if both:
            raise BadInput(f"Both liked and disliked: {', '.join(both)}. Give each title on one side only.")
        if disliked and self.model.catalogue.like_from is None:
            raise BadInput("This model knows no dislikes: its events had no values, so each of them is a like.")
