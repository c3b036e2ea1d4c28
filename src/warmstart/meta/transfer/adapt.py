"""What was learned on one catalogue, adapted to another: the whole of it, ready to be asked."""

from dataclasses import dataclass, replace

import numpy as np

from warmstart.core.errors import BadInput
from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.meta.choose import pool_of
from warmstart.meta.item_side import ItemSide
from warmstart.meta.learned import Learned
from warmstart.meta.prior import Prior
from warmstart.meta.sentence import Sentence
from warmstart.meta.settings import MetaConfig
from warmstart.meta.transfer.carry import Carried, carried
from warmstart.meta.transfer.gate import FEWEST_JUDGES, held, judges_of
from warmstart.meta.transfer.passage import Passage
from warmstart.meta.values import FEWEST, ValuePrior

MARGIN = 0.01
"""Share by which what was carried over must beat a new start: equals differ by chance, and a new start also reads
attributes of people and lets its own items lend."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What was learned, as another catalogue's items see it, before any of its users is met."""

    learned: Learned
    passage: Passage
    carried: Carried

    @classmethod
    def of(cls, learned: Learned, catalogue: Catalogue, domain: Dataset, run: Run) -> "Ready":
        """Carry over what was learned of ``catalogue`` to the items of ``domain``; its users do not matter."""
        passage = Passage.between(learned.item_side, catalogue.titles, domain)
        return cls(learned, passage, carried(learned.prior, passage, run.seed))


def adapted(ready: Ready, domain: Dataset, config: MetaConfig, run: Run) -> Learned:
    """Let the users of a new domain correct what was carried over to it, and start anew where that is better.

    Args:
        ready: what was learned elsewhere.
        domain: the new catalogue and the users met there, who may be none.
        config: the settings.
        run: seed and progress display.
    """
    nameless = without_ids(domain)
    by_trial = config.tune and judges_of(nameless) >= FEWEST_JUDGES
    prior, choice = held(ready.carried, nameless, run, by_trial=by_trial)
    if by_trial:
        bare = config.model_copy(update={"item_text": False, "values": False})
        if (1 + MARGIN) * Learned.fit(nameless, None, bare, run).choice.ndcg > choice.ndcg:
            return Learned.fit(domain, None, config, run)  # what ``fit`` gives, to the last number
    values = config.values and domain.n_users >= FEWEST and ValuePrior.suits(nameless) and not nameless.liked.all()
    return Learned(
        choice,
        prior,
        domain.like_from,
        None,
        _sentence(nameless, config, prior, run),
        ValuePrior.fit(nameless, None, run, None) if values else None,
        _item_side(ready.learned.item_side, ready.passage, nameless),
    )


def first_of(domain: Dataset, users: int | None, events: int | None) -> Dataset:
    """Return a domain with its first users, and with the first events in time (without time, of the first users).

    Example:
        >>> import warmstart as ws
        >>> from warmstart.meta.transfer.adapt import first_of
        >>> data = ws.load_dataset("movielens-small")
        >>> few = first_of(data, users=10, events=100)
        >>> few.n_items == data.n_items, len(few.histories.items)
        (True, 100)
    """
    for name, given in (("users", users), ("events", events)):
        if given is not None and given < 0:
            raise BadInput(f"{name} must be at least 0, or None for all; came: {given!r}.")
    seen = domain if users is None else domain.take_users(np.arange(min(users, domain.n_users)))
    if events is not None:
        times = seen.histories.times
        order = np.arange(len(seen.histories.items)) if times is None else np.argsort(times, kind="stable")
        kept = np.zeros(len(order), dtype=bool)
        kept[order[:events]] = True
        seen = seen.take_events(kept)
    met = np.flatnonzero(seen.histories.lengths)
    return seen if len(met) == seen.n_users else seen.take_users(met)


def without_ids(domain: Dataset) -> Dataset:
    """Return the same data with numbers for ids, so that what is drawn by id does not depend on what ids are called."""
    numbered = replace(domain.catalogue, item_ids=range(domain.n_items))
    return replace(domain, catalogue=numbered, user_ids=np.arange(domain.n_users))


def _sentence(domain: Dataset, config: MetaConfig, prior: Prior, run: Run) -> Sentence | None:
    found = Sentence.fit(domain, prior.popularity)
    pool = pool_of(domain)
    return found.tuned(domain, pool, run.seed) if found is not None and config.tune and pool else found


def _item_side(side: ItemSide | None, passage: Passage, domain: Dataset) -> ItemSide | None:
    """Return who lends to items that come later: those with likes here, and those that were liked elsewhere."""
    if side is None or domain.items is None:
        return None
    elsewhere = np.where(passage.twins, passage.weights @ side.counts, 0)
    counts = np.bincount(domain.likes().items, minlength=domain.n_items) + elsewhere.astype(np.int64)
    anchors = _most(counts, len(side.anchors))
    coded = tuple(view.encode(domain.items[anchors]) for view in side.views)
    return replace(side, coded=coded, anchors=anchors, counts=counts)


def _most(counts: Ints, most: int) -> Ints:
    found = np.argsort(-counts, kind="stable")[: min(most, int((counts > 0).sum()))]
    return np.sort(found).astype(np.int64)
