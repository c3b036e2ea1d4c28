"""Another catalogue: what is a prior worth that was learned elsewhere, after K users have been met here?"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from warmstart.core.errors import BadInput
from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.core.threads import one_thread
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import SHOTS, cold_user_tasks
from warmstart.evaluation.panel import Panel, Popularity, Split
from warmstart.evaluation.protocol import Measurer, Protocol, needed
from warmstart.meta.recommender import MetaRecommender
from warmstart.meta.transfer.adapt import Ready, adapted
from warmstart.meta.transfer.passage import twins_of

TEST, MOST_TESTED = 0.3, 1_000
"""Share of the new domain's users that are tested, and how many at most."""
VALIDATION, MOST_VALIDATING = 0.15, 500
"""The same of those on whom competitors' settings are chosen."""
HALF = 0.5


class Transfer(Protocol):
    """A new domain whose first K users were met, and a prior from another domain that has none of its ids.

    The new domain's users are split by a seeded permutation into test users, validation users and users who may be
    met; the first ``users`` of the last are. Recommenders learn from those alone. Every table has one more row: the
    meta-learned recommender trained on the other domain (``source``) and adapted to this one by the same users. Tasks
    are those of ``ColdUser``; test users are the same for every K.

    Example:
        >>> import warmstart as ws
        >>> split = ws.Transfer(source="movielens-small", users=10).split(ws.load_dataset("movielens-small"))
        >>> split.train.n_users, len(split.validate[0]), len(split.test[0])
        (10, 64, 131)
    """

    title: ClassVar[str] = "Transfer to another domain"

    source: str
    """Name of the data set that is learned from."""
    users: int = Field(default=10, ge=0)
    """How many of the new domain's users were met; all who may be where there are fewer."""
    same_titles: bool = True
    """Whether a title may stand in both catalogues; if not, a seeded half of such titles is taken out of each, and
    nothing but text is carried over."""
    shots: tuple[int, ...] = Field(default=SHOTS, min_length=1)
    """Numbers of events revealed of a test user."""
    pool: int = Field(default=20, ge=1)
    """Size of the support pool; a user needs 5 likes beyond it."""
    k: int = Field(default=10, ge=1)
    """Depth of the rankings; recall looks twice as deep."""

    @property
    def measures(self) -> tuple[str, ...]:
        """First nDCG at k, then the others."""
        return (f"ndcg@{self.k}", f"recall@{2 * self.k}", f"hr@{self.k}", "mrr", f"coverage@{self.k}")

    @property
    def row(self) -> str:
        """What the row is called that was learned elsewhere."""
        return f"meta, carried over from {self.source}"

    def split(self, data: Dataset | None) -> Split:
        """Split the new domain's users; raises ``BadInput`` when none of those tested has enough events."""
        target = self.target(needed(data, self))
        may, validation, test = self._users(target)
        learned = self.readable(target.take_users(may[: self.users]))
        popularity = Popularity.of(learned)
        panels = [self._panels(target, users, popularity) for users in (validation, test)]
        if not len(panels[1][0]):
            raise BadInput(
                f"None of the {len(test)} test users of {target.name!r} has {self.pool + 5} likes. Give a smaller "
                "pool, such as Transfer(..., pool=5, shots=(0, 1, 5))."
            )
        facts = {
            "users met": learned.n_users,
            "users who may be met": len(may),
            "items": target.n_items,
            "validation users with enough events": len(panels[0][0]),
            "test users with enough events": len(panels[1][0]),
        }
        return Split(learned, None, panels[0], panels[1], facts)

    def extra_rows(self, split: Split) -> Mapping[str, Measurer]:
        """Return the recommender that was trained on the source and adapted by the users met."""
        model, run = self.learned(split), Run(seed=self.seed)
        titles = tuple(split.train.catalogue.titles)
        with one_thread():
            learned = adapted(_carried_over(model, titles, _Aside(split.train)), split.train, model.config, run)
        met = MetaRecommender.of_learned(model.config, split.train.catalogue, learned)
        return {self.row: self.measurer(met, split)}

    def learned(self, split: Split) -> MetaRecommender:
        """Return the recommender trained on the source; kept, for it is the same for every number of users met."""
        if self.same_titles:
            return _trained(self.source, frozenset())
        source = load_dataset(self.source)
        return _trained(self.source, frozenset(np.flatnonzero(~self._kept(source, split.train)).tolist()))

    def target(self, data: Dataset) -> Dataset:
        """Return the new domain, without the titles that are the source's where no title may stand in both."""
        if self.same_titles:
            return data
        source = load_dataset(self.source)
        place = twins_of(source.catalogue.titles, data.catalogue.titles)
        return only_items(data, (place < 0) | ~self._coin(source.n_items)[place])

    def _kept(self, source: Dataset, target: Dataset) -> npt.NDArray[np.bool_]:
        return twins_of(target.catalogue.titles, source.catalogue.titles) < 0

    def _coin(self, n_titles: int) -> npt.NDArray[np.bool_]:
        """Return which of the source's titles are the source's alone, if the new domain has them too."""
        coin: npt.NDArray[np.bool_] = Run(seed=self.seed).rng("titles").random(n_titles) < HALF
        return coin

    def _users(self, data: Dataset) -> tuple[Ints, Ints, Ints]:
        n = data.n_users
        order = Run(seed=self.seed).rng("transfer").permutation(n).astype(np.int64)
        n_test, n_validation = min(MOST_TESTED, round(TEST * n)), min(MOST_VALIDATING, round(VALIDATION * n))
        test, validation, may = np.split(order, [n_test, n_test + n_validation])
        return may, np.sort(validation), np.sort(test)

    def _panels(self, data: Dataset, rows: Ints, popularity: Popularity) -> tuple[Panel, ...]:
        tasks = cold_user_tasks(data, rows, self.shots, "likes", self.pool, self.seed)
        users, ties = self.attributes_of(data, next(iter(tasks.values())).users), self.ties(data)
        return tuple(Panel(k, one, popularity, users=users, ties=ties) for k, one in tasks.items())


def only_items(data: Dataset, kept: npt.NDArray[np.bool_]) -> Dataset:
    """Return the data as if the catalogue had some of its items only.

    Args:
        data: users and items; users whose events are all on other items stay, without events.
        kept: bool [n_items].
    """
    items = np.flatnonzero(kept)
    place = np.cumsum(kept) - 1
    histories = data.histories.where(kept[data.histories.items])
    ids, titles = data.catalogue.item_ids, data.catalogue.titles
    catalogue = replace(
        data.catalogue, item_ids=[ids[i] for i in items.tolist()], titles=[titles[i] for i in items.tolist()]
    )
    frame = None if data.items is None else data.items[items]
    histories = replace(histories, items=place[histories.items].astype(np.int32))
    return replace(data, catalogue=catalogue, histories=histories, items=frame)


@dataclass(frozen=True)
class _Aside:
    """A data set that what is kept does not depend on beyond its titles."""

    data: Dataset = field(compare=False)


@lru_cache(maxsize=1)
def _carried_over(model: MetaRecommender, _titles: tuple[str, ...], domain: _Aside) -> Ready:
    """Carry over to the catalogue with these titles; kept, for it is the same for every number of users met."""
    return Ready.of(model.learned, model.catalogue, domain.data, Run())


@lru_cache(maxsize=2)
def _trained(source: str, without: frozenset[int]) -> MetaRecommender:
    """Train on the source, without some of its items."""
    data = replace(load_dataset(source), users=None)
    kept = np.ones(data.n_items, dtype=bool)
    kept[sorted(without)] = False
    return MetaRecommender(values=False).fit(only_items(data, kept) if without else data)
