"""A user as a task: what has been seen of her, and what is to be foretold."""

from dataclasses import dataclass

from warmstart.core.histories import Histories, Ints


@dataclass(frozen=True, slots=True)
class Tasks:
    """A batch of tasks, one a user.

    Args:
        support: the events revealed to the recommender, n rows.
        query: the likes it should rank high, n rows.
        hidden: events never to be ranked (the whole support pool, so that the query is the same at every k), n rows.
        users: int64 [n], rows of the data set the tasks came from, for attributes.
    """

    support: Histories
    query: Histories
    hidden: Histories
    users: Ints

    def __len__(self) -> int:
        return len(self.users)
