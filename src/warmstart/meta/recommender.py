"""The meta-learned recommender: the default of the product."""

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from warmstart.core.artefact import Arrays
from warmstart.core.config import Config
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.data.features import FeatureEncoder
from warmstart.meta.choose import SHRINKAGES, Choice, choose
from warmstart.meta.context import UserContext
from warmstart.meta.evidence import episodes_of, support_of
from warmstart.meta.kshot import form_for
from warmstart.meta.parameters import MetaParameters
from warmstart.meta.prior import Doubles, Prior, Support
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.profile import Contribution
from warmstart.representation.context import Context

CHEAP_SOLVE = 2_500
"""Rows of the linear system up to which several shrinkages are tried; beyond, only the first."""


class MetaConfig(Config):
    """Settings of ``meta``; what is None is chosen on held-out users."""

    shrinkage: Annotated[float | None, Field(gt=0)] = None
    """Added to the diagonal of the k-shot system; None tries several where that is cheap."""

    rank: Annotated[int, Field(ge=1)] = 64
    """Rank of the low-rank form, for catalogues of more than 20,000 items."""

    tune: bool = True
    """Search for the meta-parameters on held-out users; without, the defaults stand."""


class MetaRecommender(Recommender):
    """Learns from many users how to learn one: a prior that turns a few events into scores of all items.

    Example:
        >>> import warmstart as ws
        >>> model = ws.MetaRecommender(tune=False).fit(ws.load_dataset("movielens-small"))
        >>> profile = model.profile().observe(1, 5.0)
        >>> why = profile.explain(3114)
        >>> abs(sum(part.amount for part in why) - why.score) < 1e-5
        True
    """

    name = "meta"
    config_class = MetaConfig
    config: MetaConfig
    tunes_itself: ClassVar[bool] = True

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        context = UserContext.fit(data)
        self.choice = self._choose(data, validation, context, run)
        self._prior = self._fit_prior(data, context, self.choice.shrinkage, run).with_parameters(self.choice.parameters)
        self.context_encoder = self._context = context

    def _choose(self, data: Dataset, validation: Dataset | None, context: UserContext | None, run: Run) -> Choice:
        own = self.config.shrinkage
        shrinkages = SHRINKAGES if min(data.n_users, data.n_items) <= CHEAP_SOLVE else SHRINKAGES[:1]
        if not self.config.tune:
            return Choice(own or SHRINKAGES[0], MetaParameters(), 0.0, 0)

        def encode(some: Dataset) -> Floats | None:
            return None if context is None else context.centred(some.users)

        def fit(some: Dataset, shrinkage: float) -> Prior:
            return self._fit_prior(some, context, shrinkage, run)

        return choose(data, validation, fit, encode, (own,) if own else shrinkages, run)

    def _fit_prior(self, data: Dataset, context: UserContext | None, shrinkage: float, run: Run) -> Prior:
        attributes = np.zeros((data.n_users, 0), np.float32) if context is None else context.centred(data.users)
        form = form_for(data.n_users, data.n_items)
        return Prior.fit(episodes_of(data), attributes, shrinkage, form, self.config.rank, run.seed)

    def _score(self, histories: Histories, context: Context) -> Floats:
        return self._prior.scores(self._support(histories, context))

    def contributions(self, history: Histories, context: Context, item: int) -> list[Contribution]:
        """Return contributions that add up to the item's score: the prior, one an event, one an attribute."""
        start, events, columns = self._prior.contributions(self._support(history, context), item)
        parts = [Contribution("prior", "what everybody likes", start)]
        for index, amount in zip(history.items.tolist(), events.tolist(), strict=True):
            parts.append(Contribution("event", self.catalogue.titles[index], amount, index))
        if self._context is not None and context.attributes is not None:
            parts += _by_attribute(self._context.encoder, columns)
        return parts

    def _support(self, histories: Histories, context: Context) -> Support:
        attributes = None if context.attributes is None else context.attributes.toarray()
        return support_of(histories, self.catalogue.like_from, self._prior.parameters, attributes)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        context = self._context
        header = {
            "parameters": self._prior.parameters.model_dump(),
            "shrinkage": self.choice.shrinkage,
            "ndcg": self.choice.ndcg,
            "users": self.choice.users,
            "context": None if context is None else context.encoder.to_header(),
        }
        arrays = self._prior.arrays()
        return header, arrays if context is None else arrays | {"context.mean": context.mean}

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        parameters = MetaParameters(**header["parameters"])
        self.choice = Choice(header["shrinkage"], parameters, header["ndcg"], header["users"])
        self._prior = Prior.of_arrays(arrays, len(self.catalogue), parameters)
        known = header["context"]
        self.context_encoder = self._context = (
            None if known is None else UserContext(FeatureEncoder.from_header(known), arrays["context.mean"])
        )


def _by_attribute(encoder: FeatureEncoder, columns: Doubles) -> list[Contribution]:
    """Add up the columns of each attribute."""
    owners = [name for attribute in encoder.attributes for name in [attribute.name] * len(attribute.names)]
    sums: dict[str, float] = {}
    for owner, amount in zip(owners, columns.tolist(), strict=True):
        sums[owner] = sums.get(owner, 0.0) + amount
    return [Contribution("attribute", name, amount) for name, amount in sums.items()]
