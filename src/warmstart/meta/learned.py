"""Everything that the meta-learned recommender knows after training, as one value."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.run import Run
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.data.features import FeatureEncoder
from warmstart.meta.borrow import lent, widened
from warmstart.meta.choose import EARLY, SOLVES, SOLVES_IN_TIME, Choice, Solve, choose, pool_of
from warmstart.meta.context import UserContext
from warmstart.meta.evidence import episodes_of, support_of
from warmstart.meta.item_side import ItemSide, ItemSideConfig
from warmstart.meta.kshot import form_for
from warmstart.meta.parameters import MetaParameters
from warmstart.meta.prior import Prior, Support
from warmstart.meta.sentence import FEW_JUDGES, Sentence
from warmstart.meta.settings import MetaConfig
from warmstart.meta.values import ValuePrior

if TYPE_CHECKING:
    import polars as pl

CHEAP_SOLVE = 2_500
"""Rows of the linear system up to which all ways to solve are tried; beyond, only the first."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A prior over users and what stands around it.

    Args:
        choice: how to learn a person, and how good that was on held-out users.
        prior: events to scores.
        like_from: the value from which an event is a like.
        attributes: reads attributes; None without a users' table.
        sentence: reads sentences; None where nothing describes the items.
        values: foretells values; None where the data have none.
        item_side: lends to items with few events; None where nothing describes the items.
    """

    choice: Choice
    prior: Prior
    like_from: float | None
    attributes: UserContext | None
    sentence: Sentence | None
    values: ValuePrior | None
    item_side: ItemSide | None

    @classmethod
    def fit(cls, data: Dataset, validation: Dataset | None, config: MetaConfig, run: Run) -> "Learned":
        """Choose how to learn on held-out users, then learn from all of ``data``."""
        attributes = UserContext.fit(data)

        def fit_prior(some: Dataset, solve: Solve) -> Prior:
            told = np.zeros((some.n_users, 0), np.float32) if attributes is None else attributes.centred(some.users)
            form = form_for(some.n_users, some.n_items)
            episodes = episodes_of(some, solve.early)
            return Prior.fit(episodes, told, solve.shrinkage, form, config.rank, run.seed)

        choice = _choice(data, validation, config, attributes, fit_prior, run)
        prior = fit_prior(data, choice.solve).with_parameters(choice.parameters)
        sentence = _sentence(data, validation, config, prior.popularity, run)
        valued = config.values and ValuePrior.suits(data) and not data.liked.all()
        values = ValuePrior.fit(data, validation, run, attributes) if valued else None
        found = cls(choice, prior, data.like_from, attributes, sentence, values, None)
        described = config.item_text and data.items is not None and bool(data.liked.any())
        return found._with_item_side(data, config, run) if described else found

    def _with_item_side(self, data: Dataset, config: MetaConfig, run: Run) -> "Learned":
        """Learn who may borrow from whom, and let the items with few events do so."""
        settings = ItemSideConfig(also=config.also, encoders=config.encoders)
        settings = settings if config.tune else settings.model_copy(update={"trials": 0})
        side = ItemSide.fit(
            data.items,
            data.likes(),
            data.n_items,
            kinds=data.item_kinds,
            score_of=lambda histories: self.prior.scores(self.support(histories)),
            config=settings,
            run=run,
        )
        poor, items = side.poor(), data.items
        if form_for(data.n_users, data.n_items) == "users":
            # a column that borrows is no longer sparse, so only those do that have nothing of their own
            poor = _unmet(data, poor)
        if items is None or not len(poor):
            return replace(self, item_side=side)
        prior = lent(self.prior, side.map_for(items[poor], poor), _unmet(data, poor))
        # as after loading, when what was lent can no longer be told from what was met
        sentence = None if self.sentence is None else replace(self.sentence, popularity=prior.popularity)
        return replace(self, item_side=side, prior=prior, sentence=sentence)

    def support(self, histories: Histories, attributes: Floats | None = None) -> Support:
        """Return the graded evidence of a batch; see ``support_of``."""
        return support_of(histories, self.like_from, self.prior.parameters, attributes)

    def with_items(self, described: "pl.DataFrame") -> "Learned":
        """Return the same with the items of a checked frame behind the others."""
        new = np.arange(self.prior.n_items, self.prior.n_items + len(described))
        prior = widened(self.prior, len(new))
        if self.item_side is not None:
            prior = lent(prior, self.item_side.map_for(described, new), new)
        sentence = None if self.sentence is None else self.sentence.with_items(described, prior.popularity)
        values = None if self.values is None else self.values.with_items(described)
        return replace(self, prior=prior, sentence=sentence, values=values)

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is to be stored: a JSON-able header and arrays by name."""
        choice, arrays = self.choice, self.prior.arrays()
        header: dict[str, Any] = {
            "parameters": choice.parameters.model_dump(),
            "shrinkage": choice.solve.shrinkage,
            "early": choice.solve.early,
            "ndcg": choice.ndcg,
            "users": choice.users,
            "like_from": self.like_from,
            "tastes": self.prior.tastes is not None,
            "attributes": None if self.attributes is None else self.attributes.encoder.to_header(),
        }
        if self.attributes is not None:
            arrays |= {"attributes.mean": self.attributes.mean}
        for name, part in (("sentence", self.sentence), ("values", self.values), ("item_side", self.item_side)):
            header[name] = None
            if part is not None:
                header[name], found = part.state()
                arrays |= found
        return header, arrays

    @classmethod
    def restore(cls, header: dict[str, Any], arrays: Arrays, catalogue: Catalogue) -> "Learned":
        """Take back what ``state`` returned; raises ``BadModelFile`` if an array does not fit."""
        parameters = MetaParameters(**header["parameters"])
        # models saved before 'early' came to be revealed at random
        solve = Solve(header["shrinkage"], header.get("early", 0.0))
        choice = Choice(solve, parameters, header["ndcg"], header["users"])
        prior = Prior.of_arrays(arrays, len(catalogue), parameters, header["tastes"])
        told, spoken, values, side = (header[name] for name in ("attributes", "sentence", "values", "item_side"))
        attributes = None
        if told is not None:
            encoder = FeatureEncoder.from_header(told)
            attributes = UserContext(encoder, array_of(arrays, "attributes.mean", (len(encoder.names),)))
        return cls(
            choice,
            prior,
            header["like_from"],
            attributes,
            None if spoken is None else Sentence.restore(spoken, arrays, prior.popularity),
            None if values is None else ValuePrior.restore(values, arrays),
            None if side is None else ItemSide.restore(side, arrays),
        )


def _choice(
    data: Dataset,
    validation: Dataset | None,
    config: MetaConfig,
    attributes: UserContext | None,
    fit: Callable[[Dataset, Solve], Prior],
    run: Run,
) -> Choice:
    tried = _solves(data, config)
    if not config.tune:
        return Choice(tried[0], MetaParameters(), 0.0, 0)

    def encode(some: Dataset) -> Floats | None:
        return None if attributes is None else attributes.centred(some.users)

    return choose(data, validation, fit, encode, tried, run)


def _solves(data: Dataset, config: MetaConfig) -> tuple[Solve, ...]:
    """Return the ways to solve that are tried: as given, else several where one is cheap."""
    timed = data.histories.times is not None
    if config.shrinkage:
        shares = EARLY if config.early is None else (config.early,)
        return tuple(Solve(config.shrinkage, share) for share in (shares if timed else (0.0,)))
    found: tuple[Solve, ...] = SOLVES_IN_TIME if timed else SOLVES
    if config.early is not None and timed:
        found = tuple(Solve(one.shrinkage, config.early) for one in SOLVES)
    return found if min(data.n_users, data.n_items) <= CHEAP_SOLVE else found[: 2 if timed else 1]


def _sentence(
    data: Dataset, validation: Dataset | None, config: MetaConfig, popularity: Floats, run: Run
) -> Sentence | None:
    found = Sentence.fit(data, popularity) if config.item_text else None
    judges = data if validation is None or validation.n_users < FEW_JUDGES else validation
    pool = pool_of(judges)
    return found.tuned(judges, pool, run.seed) if found is not None and config.tune and pool else found


def _unmet(data: Dataset, items: Ints) -> Ints:
    """Return those of some items that nobody has an event on."""
    return items[~np.isin(items, data.histories.items)]
