"""Small hand-made worlds: two tastes, four films each, a user's likes mostly of one kind."""

import numpy as np
from scipy import sparse

from warmstart.meta.kshot import Episodes, Form
from warmstart.meta.prior import Prior, Support


def random_episodes(n_users: int, n_items: int, seed: int = 0) -> Episodes:
    """Return graded events of people with two kinds of taste; about a fifth of the events are no likes."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(2, size=n_users)[:, None] == (np.arange(n_items) % 2)[None]
    events = rng.random((n_users, n_items)) < np.where(kind, 0.5, 0.1)
    liked = events & (rng.random((n_users, n_items)) < 0.8)
    graded = np.where(liked, 1.0, np.where(events, 0.6, 0.0)).astype(np.float32)
    return Episodes(sparse.csr_matrix(graded), sparse.csr_matrix(liked.astype(np.float32)))


def prior_of(episodes: Episodes, form: Form = "dense", rank: int = 8, attributes: np.ndarray | None = None) -> Prior:
    """Fit with small settings; no attributes unless given."""
    told = np.zeros((len(episodes), 0), dtype=np.float32) if attributes is None else attributes
    return Prior.fit(episodes, told, 0.3, form, rank, seed=0)


def support_of_rows(rows: list[list[int]], weights: list[list[float]] | None = None) -> Support:
    """Return the support of some users by item indices; every event weighs 1 unless told."""
    items = np.array([item for row in rows for item in row], dtype=np.int32)
    flat = np.ones(len(items)) if weights is None else np.array([w for row in weights for w in row])
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Support(indptr, items, flat.astype(np.float32))
