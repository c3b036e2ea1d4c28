"""Learners place an item that nobody met by its text."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import warmstart as ws
from tests.recommenders.worlds import world
from warmstart.core.histories import Histories
from warmstart.meta.learners.served import PlacingRecommender
from warmstart.recommenders.table import RECOMMENDERS, recommender_class
from warmstart.representation.context import Context

PLACING = sorted(name for name in RECOMMENDERS if issubclass(recommender_class(name), PlacingRecommender))
NEW = {"item_id": [1000, 1001], "title": ["Comedy number", "War number"], "genres": ["Comedy|Romance", "War|Drama"]}
every = pytest.mark.parametrize("name", PLACING)


@cache
def clear():
    """Two groups of users, each of whom likes twelve of the fifteen items of her kind, and nothing else."""
    rng = np.random.default_rng(0)
    data = world(n_users=80, n_items=30)
    genres = ["Comedy|Romance" if item % 2 == 0 else "War|Drama" for item in range(30)]
    titles = [f"{genre.split('|')[0]} number {item}" for item, genre in enumerate(genres)]
    assert data.items is not None
    items = data.items.with_columns(genres=np.array(genres), title=np.array(titles))
    rows = [(user % 2 + 2 * rng.permutation(14)[:11]).tolist() for user in range(80)]
    catalogue = replace(data.catalogue, titles=titles)
    histories = Histories.of(rows, [[5.0] * 11] * 80)
    return replace(data, histories=histories, items=items, catalogue=catalogue)


@cache
def taught(name, text="words"):
    return ws.recommender(name, dimension=8, epochs=2, text=text).fit(clear())


def test_all_learners_with_vectors_place_items():
    assert " ".join(PLACING) == "anil attentive cnp fomaml maml meta_sgd multitask prototypes r2d2 reptile"


@every
def test_a_new_item_is_placed_by_its_text(name):
    longer = taught(name).with_items(NEW)
    comedies, wars = longer.adapt(longer.support(Histories.of([[0, 2, 4], [1, 3, 5]]), Context())).scores()[:, -2:]
    assert comedies[0] > comedies[1]
    assert wars[1] > wars[0]


@every
def test_an_item_of_the_catalogue_that_nobody_met_is_placed_too(name):
    model = taught(name)
    scores = model.adapt(model.support(Histories.of([[0, 2, 4], [1, 3, 5]]), Context())).scores()
    assert scores[0, 28] > scores[0, 29]
    assert scores[1, 29] > scores[1, 28]


@every
def test_new_items_leave_the_old_scores_and_the_old_model_as_they_are(name):
    model = taught(name)
    two = [clear().item_ids[:2], []]
    before = model.score(two)
    longer = model.with_items(NEW)
    assert longer.score(two)[:, :30] == pytest.approx(before, abs=1e-6)
    assert model.score(two).tolist() == before.tolist()
    assert longer.with_items({"item_id": [2000], "title": ["Comedy"]}).score([[1000]]).shape == (1, 33)


def test_it_is_saved_with_the_model(tmp_path):
    model = taught("r2d2")
    loaded = ws.load(model.save(tmp_path / "model"))
    assert isinstance(loaded, PlacingRecommender)
    assert loaded.with_items(NEW).score([[1000]]).tolist() == model.with_items(NEW).score([[1000]]).tolist()


def test_without_text_a_new_item_says_nothing():
    longer = taught("r2d2", text="none").with_items(NEW)
    assert longer.adapt(longer.support(Histories.of([[0, 2, 4]]), Context())).scores()[0, -2:].tolist() == [0, 0]
