"""Each recommender's nDCG@10 on the packaged data lies where it should: neither broken nor too good to be true."""

from functools import cache
from typing import Any

import numpy as np
import pytest

import warmstart as ws
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.data.split import split_users
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.table import RECOMMENDERS

SHOTS = (1, 5, 20)
LEARNERS = ("maml", "fomaml", "anil", "meta_sgd", "reptile", "r2d2", "prototypes", "cnp", "attentive", "multitask")
NETWORKS = ("embedding_mlp", "two_tower", "neural_cf", "gru", "lstm", "sasrec", "cross_attention", "text_cnn")
"""On 490 users, and in seconds, they hardly leave popularity behind; larger data are in benchmarks/neural.py."""
BANDS = {
    "als": ((0.12, 0.16), (0.17, 0.22), (0.27, 0.31)),
    "content": ((0.12, 0.17), (0.16, 0.21), (0.24, 0.28)),
    "ease": ((0.12, 0.16), (0.17, 0.21), (0.28, 0.32)),
    "hybrid": ((0.18, 0.22), (0.23, 0.27), (0.28, 0.33)),
    "item2vec": ((0.15, 0.21), (0.15, 0.21), (0.17, 0.24)),
    "item_knn": ((0.11, 0.15), (0.19, 0.23), (0.28, 0.32)),
    "melu": ((0.23, 0.27), (0.23, 0.27), (0.23, 0.27)),  # values of what was met tell little of what will be
    "meta": ((0.23, 0.32), (0.23, 0.32), (0.28, 0.36)),
    "popularity": ((0.23, 0.26), (0.23, 0.26), (0.23, 0.26)),
    **dict.fromkeys(NETWORKS, ((0.21, 0.27), (0.21, 0.27), (0.21, 0.29))),
    "text_cnn": ((0.10, 0.26), (0.10, 0.26), (0.10, 0.26)),
    **dict.fromkeys(LEARNERS, ((0.22, 0.27), (0.24, 0.29), (0.26, 0.32))),
    "random": ((0.00, 0.02), (0.00, 0.02), (0.00, 0.02)),
    "student": ((0.23, 0.28), (0.24, 0.29), (0.28, 0.33)),
    "user_knn": ((0.19, 0.24), (0.23, 0.27), (0.28, 0.32)),
}
"""Lowest and highest nDCG@10 after 1, 5 and 20 likes."""
SETTINGS: dict[str, dict[str, Any]] = {
    "content": {"popularity": 0.5},  # alone it knows nothing of what is liked at all
    "meta": {"tune": False},  # the search takes minutes
    "student": {"teacher": "item_knn", "each": 500, "rank": 64},
    **{name: {"epochs": 3} for name in (*LEARNERS, "melu")},
    **{name: {"factors": 16, "epochs": 4, "negatives": 300} for name in NETWORKS},
    "text_cnn": {"factors": 16, "epochs": 8, "negatives": 300, "filters": 8, "rate": 5e-3},
}


@cache
def cut() -> tuple[Dataset, dict[int, Tasks]]:
    data = ws.load_dataset("movielens-small")
    train, validation, test = split_users(data.n_users)
    return data.take_users(train), cold_user_tasks(data, np.concatenate([validation, test]), SHOTS)


def ndcg(model: Recommender, tasks: Tasks) -> float:
    """Return nDCG@10 of the query among all items but the hidden ones; Järvelin and Kekäläinen (2002)."""
    discounts = 1 / np.log2(np.arange(10) + 2)
    scores = model.score(tasks.support).copy()
    scores[tasks.hidden.rows, tasks.hidden.items] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    found = []
    for user, top in enumerate(best):
        query = tasks.query[user].items
        found.append((np.isin(top, query) * discounts).sum() / discounts[: len(query)].sum())
    return float(np.mean(found))


def test_every_recommender_has_a_band():
    assert BANDS.keys() == RECOMMENDERS.keys()


@pytest.mark.parametrize("name", sorted(RECOMMENDERS))
def test_quality_lies_in_its_band(name):
    train, tasks = cut()
    model = ws.recommender(name, **SETTINGS.get(name, {})).fit(train)
    for k, (low, high) in zip(SHOTS, BANDS[name], strict=True):
        assert low <= ndcg(model, tasks[k]) <= high
