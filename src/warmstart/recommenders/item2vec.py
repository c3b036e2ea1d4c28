"""Items as words of a sentence: vectors of what stands near each other in people's histories."""

from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.config import Tunable
from warmstart.core.errors import MissingExtra
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.reading import ReadsEvents, learned, popularity_of, seen, with_popularity
from warmstart.representation.context import Context
from warmstart.representation.language_model import unit_rows

FIRST_RATE, LAST_RATE = 0.025, 0.0001
"""Learning rates of the first and the last step, as in the papers."""


class Item2VecConfig(ReadsEvents):
    """Settings of ``item2vec``."""

    factors: Annotated[int, Field(ge=1), Tunable(choices=(32, 64, 128))] = 64
    """Length of the items' vectors."""

    window: Annotated[int, Field(ge=1), Tunable(choices=(5, 20, 100))] = 20
    """Events on either side in the order of time that count as near; a large number takes whole histories."""

    epochs: Annotated[int, Field(ge=1), Tunable(choices=(10, 20, 40))] = 20
    """Passes over all histories."""

    negatives: Annotated[int, Field(ge=1), Tunable(choices=(5, 10, 20))] = 10
    """Items drawn against each one that is near."""

    exponent: Annotated[float, Field(ge=-1, le=1), Tunable(-0.5, 1.0)] = 0.5
    """Power of an item's frequency by which it is drawn; in sentences 0.75 is usual, for items less is often better."""

    least_events: Annotated[int, Field(ge=1), Tunable(choices=(5, 10, 20, 50))] = 20
    """Events that an item needs for a vector; of fewer nothing can be learned but where its one neighbour stands."""

    sample: Annotated[float, Field(gt=0, le=1), Tunable(1e-5, 1e-2, log=True)] = 1e-4
    """Share of all events above which an item's events are passed over at random, the more the more frequent it is."""


class Item2Vec(Recommender):
    """Scores are sums of cosines between an item's vector and those of the liked items.

    Fitting needs the package gensim (extra ``item2vec``); loading and answering do not.

    Source: Barkan and Koenigstein (2016), Item2Vec; vectors by Mikolov et al. (2013); settings that matter by
    Caselles-Dupré et al. (2018).

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("item2vec", epochs=2).fit(ws.load_dataset("movielens-small"))
        >>> len(model.recommend([1196, 260], k=3))
        3
    """

    name = "item2vec"
    config_class = Item2VecConfig
    config: Item2VecConfig

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        self._popularity = popularity_of(learned(data, self.config.train_on))
        seed = int(run.rng("item2vec").integers(2**31))
        self._vectors = unit_rows(_vectors(_sentences(data, self.config), data.n_items, self.config, seed, run))

    def _score(self, histories: Histories, context: Context) -> Floats:
        people = seen(histories, self.catalogue, self.config.events) @ self._vectors
        return with_popularity(people @ self._vectors.T, self._popularity)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return {}, {"popularity": self._popularity, "vectors": self._vectors}

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        n_items = len(self.catalogue)
        self._popularity = array_of(arrays, "popularity", (n_items,))
        self._vectors = array_of(arrays, "vectors", (n_items, self.config.factors))


def _sentences(data: Dataset, config: Item2VecConfig) -> list[list[str]]:
    """Return everybody's items in the order of her events; a history of one says nothing of what is near."""
    histories, like_from = data.histories, data.catalogue.like_from
    if config.train_on == "likes" and like_from is not None:
        histories = histories.where(histories.values >= like_from)
    rows = (histories.items[start:end] for start, end in zip(histories.indptr[:-1], histories.indptr[1:], strict=True))
    return [[str(item) for item in row.tolist()] for row in rows if len(row) > 1]


def _vectors(sentences: list[list[str]], n_items: int, config: Item2VecConfig, seed: int, run: Run) -> Floats:
    """Fit with the package gensim, the one door to it; float32 [n_items, factors], zero where nothing is known."""
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise MissingExtra("gensim", extra="item2vec") from None
    found = np.zeros((n_items, config.factors), dtype=np.float32)
    if not sentences:
        return found
    model = Word2Vec(
        vector_size=config.factors,
        window=config.window,
        negative=config.negatives,
        ns_exponent=config.exponent,
        sample=config.sample,
        sg=1,
        min_count=config.least_events,
        workers=1,  # with more of them two runs differ
        seed=seed,
    )
    model.build_vocab(sentences)
    if not len(model.wv):
        return found
    rates = np.linspace(FIRST_RATE, LAST_RATE, config.epochs + 1).tolist()
    for start, end in run.progress.track(list(pairwise(rates)), "item2vec", config.epochs):
        model.train(sentences, total_examples=len(sentences), epochs=1, start_alpha=start, end_alpha=end)
    places = np.array([int(word) for word in model.wv.index_to_key])
    # centred, for what all vectors share tells nothing of what is liked together
    found[places] = model.wv.vectors - model.wv.vectors.mean(axis=0)
    return found
