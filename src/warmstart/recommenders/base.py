"""The one contract of all recommenders: histories in, scores of all items out.

A recommender never sees a user number. What it knows of a person is the history (and context) in
the request, so a new, a known and a returning user take the same path.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from warmstart.core.artefact import Arrays, read_artefact, write_artefact
from warmstart.core.config import Config
from warmstart.core.errors import BadInput, BadModelFile, NotFitted
from warmstart.core.histories import Floats, Histories
from warmstart.core.ranking import Ranking
from warmstart.core.run import Run
from warmstart.data.catalogue import Catalogue, OnUnknown
from warmstart.data.dataset import Dataset
from warmstart.data.titles import Titles
from warmstart.recommenders.pasted import looks_pasted, read_pasted
from warmstart.recommenders.profile import Profile
from warmstart.recommenders.reading import checked
from warmstart.representation.context import Context, ContextEncoder

BATCH = 1000
"""Users scored at a time: bounds memory to BATCH x items float32."""


class Recommender(ABC):
    """Base of all recommenders; a subclass gives ``name``, ``config_class`` and the four abstract methods.

    Args:
        **settings: the fields of ``config_class``; unknown or wrong ones raise ``BadConfig``.
    """

    name: ClassVar[str]
    config_class: ClassVar[type[Config]] = Config

    def __init__(self, **settings: Any) -> None:
        self.config = self.config_class.of(**settings)
        self._catalogue: Catalogue | None = None
        self._titles: Titles | None = None
        self.context_encoder: ContextEncoder | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The items that can be recommended; raises ``NotFitted`` before ``fit``."""
        if self._catalogue is None:
            raise NotFitted(f"{type(self).__name__} is not fitted. Call fit(data) or ws.load(path) first.")
        return self._catalogue

    def fit(self, data: Dataset, *, validation: Dataset | None = None, run: Run | None = None) -> Self:
        """Learn from ``data`` and return self.

        Args:
            data: histories to learn from; its catalogue is what can be recommended.
            validation: users on whom a recommender chooses what it chooses by itself; None lets it hold out some.
            run: seed and progress display.
        """
        self._fit(data, validation, run or Run())
        self._catalogue = data.catalogue
        return self

    def score(
        self,
        histories: Histories | Sequence[Iterable[Any]],
        users: Any | None = None,
        texts: Sequence[str | None] | None = None,
        on_unknown: OnUnknown = "raise",
    ) -> Floats:
        """Score all items for many users.

        Args:
            histories: one sequence of ``item_id``, ``(item_id, value)`` or ``(item_id, value, time)`` a user, or ready
                ``Histories``. The last event on an item counts; times count when every history has them.
            users: attributes, one mapping (or None) a user, or a frame of as many rows.
            texts: a sentence (or None) a user.
            on_unknown: what to do with ids that the catalogue does not hold.

        Returns:
            float32 [len(histories), n_items]; columns follow ``data.item_ids``.
        """
        scores = np.empty((len(histories), len(self.catalogue)), dtype=np.float32)
        done = 0
        for block in self.iter_scores(histories, users, texts, on_unknown):
            scores[done : done + len(block)] = block
            done += len(block)
        return scores

    def iter_scores(
        self,
        histories: Histories | Sequence[Iterable[Any]],
        users: Any | None = None,
        texts: Sequence[str | None] | None = None,
        on_unknown: OnUnknown = "raise",
        batch: int = BATCH,
    ) -> Iterator[Floats]:
        """Yield what ``score`` returns in blocks of ``batch`` users, in bounded memory."""
        ready = histories if isinstance(histories, Histories) else self._read(histories, on_unknown)
        ready = checked(ready, len(self.catalogue))
        for name, given in (("users", users), ("texts", texts)):
            if given is not None and len(given) != len(ready):
                raise BadInput(f"{name} must have one entry a history: {len(ready)} are needed, {len(given)} came.")
        for start in range(0, len(ready), batch):
            part = slice(start, start + batch)
            context = self.encode(None if users is None else users[part], None if texts is None else texts[part])
            yield self.scores_of_many(ready[part], context)

    def recommend(
        self,
        history: Iterable[Any] = (),
        *,
        user: Mapping[str, Any] | None = None,
        text: str | None = None,
        k: int = 10,
        candidates: Iterable[Any] | None = None,
        exclude_seen: bool = True,
        on_unknown: OnUnknown = "raise",
    ) -> Ranking:
        """Recommend ``k`` items to one person; see ``Profile.recommend`` and ``profile``."""
        profile = self.profile(history, user=user, text=text, on_unknown=on_unknown)
        return profile.recommend(k=k, candidates=candidates, exclude_seen=exclude_seen)

    def profile(
        self,
        history: Iterable[Any] = (),
        *,
        user: Mapping[str, Any] | None = None,
        text: str | None = None,
        on_unknown: OnUnknown = "raise",
    ) -> Profile:
        """Return the immutable profile of one person.

        Args:
            history: ``item_id``, ``(item_id, value)`` or ``(item_id, value, time)`` entries; a bare id means a like.
            user: attributes, such as ``{"age": 25}``.
            text: a sentence about what the person likes; or lines of titles, attributes and sentences, see
                ``read_pasted``. What is given as ``history`` comes after them, and ``user`` goes before.
            on_unknown: ``raise`` an ``UnknownItem`` or ``ignore`` the entry and say so in the ranking.
        """
        if text is not None and looks_pasted(text):
            told = read_pasted(text, self._found_titles(), self.attribute_names)
            history, user, text = [*told.history, *history], {**told.user, **(user or {})} or None, told.text
        events, ignored = self._history(history, on_unknown)
        context = self.encode(None if user is None else [user], None if text is None else [text])
        return Profile.start(self, events, context, ignored)

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """The attributes of a person that are read."""
        return ()

    def _found_titles(self) -> Titles:
        """Return what finds titles, made when it is first asked for: it takes as long as a thousand answers."""
        if self._titles is None or self._titles.catalogue is not self.catalogue:
            self._titles = Titles(self.catalogue)
        return self._titles

    def encode(self, users: Any | None, texts: Sequence[str | None] | None) -> Context:
        """Encode context for ``scores_of``; a recommender that reads none ignores it."""
        if self.context_encoder is None or (users is None and texts is None):
            return Context()
        return self.context_encoder.encode(users, texts)

    def scores_of(self, history: Histories, context: Context) -> Floats:
        """Score all items for one history in internal form, float32 [n_items]; the hot path of a profile."""
        scores: Floats = self.scores_of_many(history, context)[0]
        return scores

    def scores_of_many(self, histories: Histories, context: Context) -> Floats:
        """Score all items for a batch in internal form, float32 [n, n_items]."""
        return self._score(histories, context).astype(np.float32, copy=False)

    def save(self, path: str | Path) -> Path:
        """Write the model as a folder of JSON and safetensors, whole or not at all; returns its path."""
        catalogue = _catalogue_header(self.catalogue)
        header, arrays = self.state()
        about = {"recommender": self.name, "config": self.config.model_dump(mode="json"), "state": header}
        return write_artefact(Path(path), about | {"catalogue": catalogue}, arrays)

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what was learned, for ``of_state``: a JSON-able header and arrays by name."""
        return self._state()

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what ``save`` wrote; ``ws.load`` finds the class by itself."""
        header, arrays = read_artefact(Path(path))
        if header.get("recommender") != cls.name:
            raise BadModelFile(f"{path} holds a {header.get('recommender')!r}, not a {cls.name!r}. Use ws.load(path).")
        return cls.restore(header, arrays)

    @classmethod
    def restore(cls, header: dict[str, Any], arrays: Arrays) -> Self:
        """Rebuild a recommender from an artefact's header and arrays; raises ``BadModelFile`` if they do not fit."""
        try:
            return cls.of_state(header["config"], Catalogue(**header["catalogue"]), header["state"], arrays)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            why = f"This is no {cls.name} of this version ({error!r}). Train and save it again."
            raise BadModelFile(why) from error

    @classmethod
    def of_state(cls, settings: dict[str, Any], catalogue: Catalogue, state: dict[str, Any], arrays: Arrays) -> Self:
        """Build a fitted recommender from its parts."""
        model = cls(**settings)
        model._catalogue = catalogue
        model._restore(state, arrays)
        return model

    def _history(self, entries: Iterable[Any], on_unknown: OnUnknown) -> tuple[Histories, tuple[Any, ...]]:
        if isinstance(entries, str | bytes) or not isinstance(entries, Iterable):
            raise BadInput(f"A history is a list of item ids or (id, value) pairs; came: {entries!r}.")
        return self.catalogue.history(entries, on_unknown)

    def _read(self, histories: Sequence[Iterable[Any]], on_unknown: OnUnknown) -> Histories:
        parts = [self._history(entries, on_unknown)[0] for entries in histories]
        times = [[] if part.times is None else part.times.tolist() for part in parts]
        timed = all(part.times is not None or not len(part.items) for part in parts)
        items, values = [part.items.tolist() for part in parts], [part.values.tolist() for part in parts]
        return Histories.of(items, values, times if timed else None)

    @abstractmethod
    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        """Learn from ``data``."""

    @abstractmethod
    def _score(self, histories: Histories, context: Context) -> npt.NDArray[np.floating]:
        """Score a batch, [len(histories), n_items]; a row may not depend on the other rows."""

    @abstractmethod
    def _state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what was learned as a JSON-able header and arrays by name."""

    @abstractmethod
    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        """Take back what ``_state`` returned."""


def _catalogue_header(catalogue: Catalogue) -> dict[str, Any]:
    return {
        "item_ids": list(catalogue.item_ids),
        "titles": list(catalogue.titles),
        "like_from": catalogue.like_from,
        "like_value": catalogue.like_value,
        "dislike_value": catalogue.dislike_value,
    }
