"""The meta-learned recommender: the default of the product."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.errors import BadInput, NotExplainable
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.core.threads import one_thread
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.data.features import FeatureEncoder
from warmstart.meta.context import Reading
from warmstart.meta.learned import Learned
from warmstart.meta.prior import Doubles, Support
from warmstart.meta.sentence import Sentence
from warmstart.meta.settings import MetaConfig
from warmstart.meta.taste_words import taste_in_words
from warmstart.meta.transfer.adapt import Ready, adapted, first_of
from warmstart.meta.transfer.domains import joined
from warmstart.meta.transfer.update import updated
from warmstart.meta.values import ValuePrior
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.new_items import read_new_items
from warmstart.recommenders.profile import Contribution
from warmstart.representation.context import Context


class MetaRecommender(Recommender):
    """Learns from many users how to learn one: a prior that turns a few events into scores of all items.

    Example:
        >>> import warmstart as ws
        >>> model = ws.MetaRecommender(tune=False, values=False).fit(ws.load_dataset("movielens-small"))
        >>> profile = model.profile().observe(1, 5.0)
        >>> why = profile.explain(3114)
        >>> abs(sum(part.amount for part in why) - why.score) < 1e-5
        True
    """

    name = "meta"
    config_class = MetaConfig
    config: MetaConfig
    tunes_itself: ClassVar[bool] = True

    def fit(
        self,
        data: Dataset | None = None,
        *,
        domains: Sequence[Dataset] | Mapping[str, Dataset] | None = None,
        validation: Dataset | None = None,
        run: Run | None = None,
    ) -> Self:
        """Learn from ``data``, or from several catalogues at once, and return self.

        Args:
            data: histories to learn from; its catalogue is what can be recommended.
            domains: several data sets instead, by name or each under its own. An item that has the same title and year
                in two of them is one item. The ids become ``NAME:ID``.
            validation: users on whom is chosen what is chosen by itself; None lets some be held out.
            run: seed and progress display.
        """
        if (data is None) == (domains is None):
            raise BadInput("fit needs data or domains=[...], one of the two.")
        return super().fit(data or joined(domains or ()), validation=validation, run=run)

    def adapt(
        self, domain: Dataset, *, users: int | None = None, events: int | None = None, run: Run | None = None
    ) -> Self:
        """Meet another catalogue: return a new model over its items, carried over by text and corrected by its users.

        Args:
            domain: another catalogue, described at least by titles, and its users, who may be none.
            users: how many of its users are learned from, the first ones; None takes all, 0 none.
            events: how many of its events are learned from, the first in time (without times, those of the first
                users); None takes all, 0 none.
            run: seed and progress display.

        Raises:
            BadInput: one of the catalogues is not described, or they are described by different columns.

        Example:
            >>> import warmstart as ws
            >>> data = ws.load_dataset("movielens-small")
            >>> films = {"item_id": ["a", "b"], "title": ["Toy Story (1995)", "Space Toys (1999)"]}
            >>> other = ws.Dataset.from_frames({"user_id": [1], "item_id": ["a"]}, items=films)
            >>> model = ws.MetaRecommender(tune=False, values=False).fit(data).adapt(other, events=0)
            >>> model.recommend().titles
            ['Toy Story (1995)', 'Space Toys (1999)']
        """
        seen, run = first_of(domain, users, events), run or Run()
        with one_thread():
            learned = adapted(Ready.of(self.learned, self.catalogue, domain, run), seen, self.config, run)
        return self.of_learned(self.config, domain.catalogue, learned)

    def update(self, data: Dataset, *, earlier: float, run: Run | None = None) -> Self:
        """Learn from further users of the same catalogue: return a new model; the earlier ones' events are not needed.

        Args:
            data: further users; the catalogue must be the model's.
            earlier: how many users what was learned counts as: the number it was learned from weighs everybody alike,
                fewer let it be forgotten sooner.
            run: seed.

        Raises:
            BadInput: the catalogues differ, or ``earlier`` is not positive.

        Example:
            >>> import numpy as np
            >>> import warmstart as ws
            >>> data = ws.load_dataset("movielens-small")
            >>> model = ws.MetaRecommender(tune=False, values=False).fit(data.take_users(np.arange(300)))
            >>> more = model.update(data.take_users(np.arange(300, 400)), earlier=300)
            >>> more.catalogue == model.catalogue
            True
        """
        with one_thread():
            learned = updated(self.learned, self.catalogue, data, earlier, run or Run())
        return self.of_learned(self.config, self.catalogue, learned)

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        with one_thread():
            self._bind(Learned.fit(data, validation, self.config, run))

    def _bind(self, learned: Learned) -> None:
        self.learned = learned
        self.context_encoder = Reading(learned.attributes, learned.sentence)

    @classmethod
    def of_learned(cls, config: MetaConfig, catalogue: Catalogue, learned: Learned) -> Self:
        """Build a fitted recommender from its parts."""
        model = cls(**config.model_dump())
        model._catalogue = catalogue
        model._bind(learned)
        return model

    def with_items(self, frame: Any) -> Self:
        """Return a new model whose catalogue ends in the items of ``frame``; see ``TakesNewItems``.

        Example:
            >>> import warmstart as ws
            >>> model = ws.MetaRecommender(tune=False, values=False).fit(ws.load_dataset("movielens-small"))
            >>> more = model.with_items({"item_id": [-1], "title": ["Toy Story 9 (2030)"], "genres": ["Animation"]})
            >>> bool(more.score([[1]])[0, -1] > 0)
            True
        """
        catalogue, described = read_new_items(self.catalogue, frame)
        return self.of_learned(self.config, catalogue, self.learned.with_items(described))

    def predict_values(self, histories: Histories, users: Any | None = None) -> Floats:
        """Return the value that each user would give each item, float32 [n, n_items].

        Raises:
            BadInput: the model was trained without values.
        """
        return self._foretelling().predict(histories, self.encode(users, None).attributes)

    def predict_likes(self, histories: Histories, users: Any | None = None) -> Floats:
        """Return the probability that each user would like each item, float32 [n, n_items]; see ``predict_values``."""
        return self._foretelling().probability_of_like(histories, self.encode(users, None).attributes)

    def contributions(self, history: Histories, context: Context, item: int) -> list[Contribution]:
        """Return contributions that add up to the item's score: the prior, one an event, an attribute, a sentence."""
        learned = self.learned
        start, events, columns = learned.prior.contributions(self._support(history, context), item)
        parts = [Contribution("prior", "what everybody likes", start)]
        for index, amount in zip(history.items.tolist(), events.tolist(), strict=True):
            parts.append(Contribution("event", self.catalogue.titles[index], amount, index))
        if learned.attributes is not None and context.attributes is not None:
            parts += _by_attribute(learned.attributes.encoder, columns)
        if learned.sentence is not None and context.text is not None:
            scores = learned.prior.scores(self._support(history, context))
            spoken = learned.sentence.rows(context.text, history.lengths, scores)[0, item]
            parts.append(Contribution("text", "sentence", float(spoken)))
        return parts

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """The attributes of a person that are read."""
        told = self.learned.attributes
        return () if told is None else tuple(one.name for one in told.encoder.attributes)

    def relevance_of(self, text: str) -> Floats:
        """Return how well each item fits a text, float32 [n_items]; see ``Finds``."""
        return np.asarray(self._words().relevance([text])[0])

    def taste_of(self, history: Histories) -> str:
        """Return in a sentence what stands out among the likes of one history; see ``TellsTaste``."""
        liked = self.liked_of(history)
        return taste_in_words(self._words(), liked.items, liked.weights)

    def liked_of(self, history: Histories) -> Histories:
        """Return the events of a history that are likes."""
        like_from = self.learned.like_from
        return history if like_from is None else history.where(history.values >= like_from)

    def _words(self) -> Sentence:
        if self.learned.sentence is None:
            raise NotExplainable("This model was trained without words of its items. Train it with titles or labels.")
        return self.learned.sentence

    def _score(self, histories: Histories, context: Context) -> Floats:
        scores = self.learned.prior.scores(self._support(histories, context))
        if self.learned.sentence is not None and context.text is not None:
            scores += self.learned.sentence.rows(context.text, histories.lengths, scores)
        return scores

    def _support(self, histories: Histories, context: Context) -> Support:
        return self.learned.support(histories, None if context.attributes is None else context.attributes.toarray())

    def _foretelling(self) -> ValuePrior:
        if self.learned.values is None:
            raise BadInput("This model was trained without values, or with values=False. Train it on data with values.")
        return self.learned.values

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return self.learned.state()

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        self._bind(Learned.restore(header, arrays, self.catalogue))


def _by_attribute(encoder: FeatureEncoder, columns: Doubles) -> list[Contribution]:
    """Add up the columns of each attribute."""
    owners = [name for attribute in encoder.attributes for name in [attribute.name] * len(attribute.names)]
    sums: dict[str, float] = {}
    for owner, amount in zip(owners, columns.tolist(), strict=True):
        sums[owner] = sums.get(owner, 0.0) + amount
    return [Contribution("attribute", name, amount) for name, amount in sums.items()]
