"""Small data sets made by hand, for the laws that every recommender obeys."""

import numpy as np
import polars as pl

from warmstart.core.histories import Histories
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset

GENRES = ("Comedy|Romance", "War|Drama", "Horror")
N_USERS, N_ITEMS = 40, 15
STRANGE = ("a b", 'say "hi"', "\U0001f600", "\u05d0\u05d1", "0", "-1", "comma,", "x" * 300, "\u202e", "'", "é", "1.0")


def world(ids: str = "int", seed: int = 0, n_users: int = N_USERS, n_items: int = N_ITEMS) -> Dataset:
    """Three groups of users, each fond of every third item; half of the other ratings are dislikes."""
    rng = np.random.default_rng(seed)
    rows, values, times = [], [], []
    for user in range(n_users):
        items = rng.permutation(n_items)[: min(n_items, 4 + user % 5)]
        fond = items % 3 == user % 3
        rows.append(items.tolist())
        values.append(np.where(fond, rng.integers(4, 6, len(items)), rng.integers(1, 5, len(items))).tolist())
        times.append((1e9 + 1000 * user + np.arange(len(items))).tolist())
    item_ids = ids_of(ids, n_items)
    titles = [f"{GENRES[item % 3].split('|')[0]} number {item}" for item in range(n_items)]
    genres = [GENRES[item % 3] for item in range(n_items)]
    return Dataset(
        "world",
        Catalogue(item_ids, titles, like_from=4.0, like_value=4.5, dislike_value=2.0),
        np.arange(n_users),
        Histories.of(rows, values, times),
        pl.DataFrame({"item_id": item_ids, "title": titles, "genres": genres}),
        pl.DataFrame({"user_id": range(n_users), "group": [f"group {user % 3}" for user in range(n_users)]}),
    )


def ids_of(kind: str, n: int) -> list[int] | list[str]:
    """Return ``n`` ids: integers, text, or text that is hard to handle."""
    if kind == "int":
        return [7 * item - 3 for item in range(n)]
    texts = [f"item {item}" for item in range(n)]
    return texts if kind == "str" else [*STRANGE, *texts][:n]


def bare(rows: list[list[int]], n_items: int, values: list[list[float]] | None = None) -> Dataset:
    """Events without time, titles and attributes; with values, those from 4 on are likes."""
    ids = list(range(n_items))
    catalogue = Catalogue(ids, [str(item) for item in ids], None if values is None else 4.0)
    return Dataset("bare", catalogue, np.arange(len(rows)), Histories.of(rows, values))


def entries(data: Dataset, user: int) -> list[tuple[object, float]]:
    """Return a user's history as a caller would give it."""
    history = data.histories[user]
    ids = data.catalogue.item_ids
    return [(ids[item], float(value)) for item, value in zip(history.items, history.values, strict=True)]
