"""New users: how good are the recommendations after k events?"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from warmstart.core.errors import BadInput
from warmstart.core.histories import Ints
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import LEAST_QUERY, SHOTS, cold_user_tasks
from warmstart.data.split import split_users
from warmstart.evaluation.panel import Panel, Popularity, Split
from warmstart.evaluation.protocol import Protocol, needed


class ColdUser(Protocol):
    """Users nobody trained on, ranked over the whole catalogue after each of their first k events.

    Users are split 80/10/10 by a seeded permutation. A test user's first ``pool`` likes, in order of time (a seeded
    order without time), are the support pool and the likes after them the query; the support is the first k of the
    pool. The query is the same at every k, and the pool is never ranked, so that curves can be read across k.

    Example:
        >>> import warmstart as ws
        >>> split = ws.ColdUser(shots=(0, 5)).split(ws.load_dataset("movielens-small"))
        >>> [(panel.k, len(panel)) for panel in split.test]
        [(0, 36), (5, 36)]
    """

    title: ClassVar[str] = "Cold user, k shots"

    shots: tuple[int, ...] = Field(default=SHOTS, min_length=1)
    """Numbers of events revealed."""
    support: Literal["likes", "events"] = "likes"
    """What is revealed: likes only, or events of any value (the query is likes in both)."""
    pool: int = Field(default=20, ge=1)
    """Size of the support pool; a user needs 5 likes beyond a pool of likes, 25 events beyond one of events."""
    k: int = Field(default=10, ge=1)
    """Depth of the rankings; recall looks twice as deep."""

    @property
    def measures(self) -> tuple[str, ...]:
        """First nDCG at k, then the others."""
        at = [f"{kind}@{self.k}" for kind in ("hr", "precision", "map")]
        shown = [f"{kind}@{self.k}" for kind in ("coverage", "novelty", "gini")]
        return (f"ndcg@{self.k}", f"recall@{2 * self.k}", *at, "mrr", "auc", *shown, f"fitness@{self.k}")

    @property
    def starts(self) -> tuple[Mapping[str, Any], ...]:
        """With events of any value, competitors without values see the likes or all of them, as serves them better."""
        return ({},) if self.support == "likes" else ({}, {"events": "all"})

    def split(self, data: Dataset | None) -> Split:
        """Split the users; raises ``BadInput`` when none of those held out has enough events."""
        data = needed(data, self)
        train, validation, test = split_users(data.n_users, self.seed)
        learned = self.readable(data.take_users(train))
        popularity = Popularity.of(learned)
        panels = [self._panels(data, users, popularity) for users in (validation, test)]
        facts = {
            "training users": len(train),
            "validation users": len(validation),
            "test users": len(test),
            "validation users with enough events": len(panels[0][0]),
            "test users with enough events": len(panels[1][0]),
        }
        if not len(panels[1][0]):
            least = self.pool + LEAST_QUERY[self.support]
            raise BadInput(
                f"None of the {len(test)} test users of {data.name!r} has the {least} {self.support} that a pool of "
                f"{self.pool} needs. Give a smaller pool, such as ColdUser(pool=5, shots=(0, 1, 5))."
            )
        return Split(learned, self.readable(data.take_users(validation)), panels[0], panels[1], facts)

    def _panels(self, data: Dataset, rows: Ints, popularity: Popularity) -> tuple[Panel, ...]:
        tasks = cold_user_tasks(data, rows, self.shots, self.support, self.pool, self.seed)
        users, ties = self.attributes_of(data, next(iter(tasks.values())).users), self.ties(data)
        return tuple(Panel(k, one, popularity, users=users, ties=ties) for k, one in tasks.items())
