"""Recommenders against other implementations of the same formula, and against it written out."""

import logging
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from threadpoolctl import threadpool_limits

import warmstart as ws
from tests.recommenders.worlds import bare, entries, world
from warmstart.core.errors import BadConfig, BadInput, MissingExtra
from warmstart.core.histories import Histories
from warmstart.data.dataset import Dataset
from warmstart.recommenders import ease
from warmstart.recommenders.als import ALS
from warmstart.recommenders.content import Content
from warmstart.recommenders.ease import EASE
from warmstart.recommenders.item_knn import ItemKNN
from warmstart.recommenders.popularity import Popularity
from warmstart.representation.text import item_texts


def same(found: Any, wanted: Any, atol: float = 2e-5) -> None:
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=atol)


def liked(data: Dataset) -> sparse.csr_matrix:
    likes = data.likes()
    return likes.matrix(data.n_items, np.ones(len(likes.items)))


def unseen(data: Dataset) -> Any:
    return liked(data).toarray() == 0


@pytest.mark.parametrize(("n_users", "n_items", "form"), [(40, 15, ease.OverItems), (10, 30, ease.OverUsers)])
@pytest.mark.parametrize("regularisation", [0.5, 20.0])
def test_ease_is_the_closed_form(n_users, n_items, form, regularisation):
    """Source: Steck (2019), algorithm 1, with a general inverse over the items."""
    data = world(n_users=n_users, n_items=n_items)
    model = EASE(regularisation=regularisation).fit(data)
    assert isinstance(model._map, form)
    x = liked(data).toarray().astype(np.float64)
    inverse = np.linalg.inv(x.T @ x + regularisation * np.eye(n_items))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    same(model.score(data.histories), x @ weights)


def test_ease_refuses_what_would_not_fit_into_memory(monkeypatch):
    monkeypatch.setattr(ease, "LARGEST", 5)
    with pytest.raises(BadInput, match="at most 5"):
        EASE().fit(world())


@pytest.mark.parametrize("confidence", [0.5, 1.0, 5.0])
def test_als_folds_people_in_as_implicit_does(confidence):
    """Source: implicit 0.7, AlternatingLeastSquares.recalculate_user."""
    data = world()
    x = liked(data).astype(np.float32)
    with threadpool_limits(1, "blas"):
        reference = AlternatingLeastSquares(4, regularization=0.3, alpha=confidence, random_state=1, iterations=5)
        reference.fit(x, show_progress=False)
        wanted = reference.recalculate_user(np.arange(data.n_users), x) @ reference.item_factors.T
    settings = {"factors": 4, "regularisation": 0.3, "confidence": confidence}
    popularity = np.zeros(data.n_items, dtype=np.float32)
    arrays = {"factors": reference.item_factors, "popularity": popularity}
    model = ALS.of_state(settings, data.catalogue, {}, arrays)
    same(model.score(data.histories), wanted)


def test_als_without_implicit_says_what_to_install(monkeypatch, tmp_path):
    path = ALS(factors=2, iterations=1).fit(world()).save(tmp_path / "model")
    monkeypatch.setitem(sys.modules, "implicit.cpu.als", None)
    with pytest.raises(MissingExtra, match=r'pip install "warmstart\[als\]"'):
        ALS().fit(world())
    assert len(ws.load(path).recommend([4])) == 10


@pytest.mark.parametrize(
    ("similarity", "reference"),
    [("cosine", CosineRecommender(K=15)), ("idf", TFIDFRecommender(K=7)), ("bm25", BM25Recommender(K=15))],
)
@pytest.mark.filterwarnings("ignore:Method expects CSR")
def test_item_knn_is_that_of_implicit(similarity, reference):
    """Source: implicit 0.7, nearest_neighbours; an item is its own first neighbour there, so K is one more."""
    data = world()
    x = liked(data)
    reference.fit(x, show_progress=False)
    settings = {"similarity": similarity, "neighbours": reference.K - 1, "power": 0.5, "shrinkage": 0}
    scores = ItemKNN(**settings).fit(data).score(data.histories)
    wanted = np.asarray((x @ reference.similarity).todense())
    # scores of liked items differ by their similarity to themselves
    where = unseen(data)
    same(scores[where], wanted[where], atol=2e-4)


def test_shrinkage_and_amplification_are_what_they_say():
    data = bare([[0, 1], [0, 1], [0, 2]], 3)
    model = ItemKNN(similarity="cosine", power=0.5, shrinkage=2.0, amplify=2.0).fit(data)
    scores = model.score([[0]])[0]
    wanted = (2 / (np.sqrt(3 * 2) + 2)) ** 2, (1 / (np.sqrt(3 * 1) + 2)) ** 2
    same(scores[1:], wanted)


@pytest.mark.parametrize("neighbours", [3, 1000])
def test_user_knn_is_its_formula(neighbours):
    """Source: the formula of the class, written out user by user."""
    data = world()
    settings = {"neighbours": neighbours, "length_power": 0.3, "amplify": 2.5, "rarity": 0.7}
    model = ws.recommender("user_knn", **settings).fit(data)
    x = liked(data).toarray()
    idf = np.log1p(len(x) / np.maximum(x.sum(axis=0), 1)) ** 0.7
    for history in (x[0], x[5], x[11]):
        near = (x @ (history * idf)) / np.maximum(x.sum(axis=1), 1) ** 0.3
        if neighbours < len(near):
            near[near < np.sort(near)[-neighbours] * (1 - 1e-6)] = 0
        wanted = ((near / near.max()) ** 2.5) @ x
        same(model.score([np.flatnonzero(history) * 7 - 3])[0], wanted, atol=1e-4)


def test_popularity_counts_likes():
    data = bare([[0, 1], [1, 2], [1]], 4, [[5.0, 4.0], [4.0, 1.0], [2.0]])
    same(Popularity().fit(data).score([[]])[0], [1 / 3, 2 / 3, 0, 0])
    same(Popularity(train_on="all").fit(data).score([[]])[0], [1 / 3, 1, 1 / 3, 0])


def timed(times: Sequence[Sequence[float]]) -> Dataset:
    data = bare([[0], [1], [1, 2]], 3)
    return Dataset("timed", data.catalogue, data.user_ids, Histories.of([[0], [1], [1, 2]], times=times))


@pytest.mark.parametrize("window", [{"latest_days": 1.5}, {"latest_share": 0.5}])
def test_recent_popularity_counts_what_is_recent(window):
    day = 86_400.0
    data = timed([[9 * day], [0.0], [8 * day, 9 * day]])
    assert Popularity(**window).fit(data).recommend().item_ids[:2] in ([0, 1], [0, 2])
    assert Popularity().fit(data).recommend().item_ids[0] == 1


def test_recent_popularity_without_time_counts_everything_and_says_so(caplog):
    data = bare([[0], [1], [1, 2]], 3)
    with caplog.at_level(logging.WARNING):
        recent = Popularity(latest_share=0.5).fit(data)
    assert "have no time" in caplog.text
    np.testing.assert_array_equal(recent.score([[]]), Popularity().fit(data).score([[]]))


def test_two_windows_at_once_are_refused():
    with pytest.raises(BadConfig, match="give one of them"):
        Popularity(latest_share=0.5, latest_days=3)


def test_words_are_those_of_scikit_learn():
    """Source: scikit-learn, TfidfVectorizer with sublinear_tf; the mean of the liked items' rows."""
    data = world()
    model = Content(words=1).fit(data)
    assert data.items is not None
    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    rows = vectorizer.fit_transform(item_texts(data.items))
    same(model.score(data.histories), (liked(data) @ rows @ rows.T).toarray())


def test_content_with_neighbours_adds_the_nearest_only():
    data = world()
    every = Content(words=1, neighbours=100).fit(data).score(data.histories)
    where = unseen(data)
    same(every[where], Content(words=1).fit(data).score(data.histories)[where])
    few = Content(words=1, neighbours=2).fit(data).score(data.histories)
    assert (few[where] <= every[where] + 1e-4).all()
    assert few[where].sum() < 0.9 * every[where].sum()


@pytest.mark.parametrize("settings", [{}, {"neighbours": 5}, {"words": 1}, {"words": 0}])
def test_a_sentence_finds_what_it_speaks_of(settings):
    model = Content(**settings).fit(world())
    assert "Horror" in model.recommend(text="a horror film", k=1).titles[0]
    with_history = model.recommend([entries(world(), 0)[0]], text="war drama", k=3)
    assert with_history.evidence == "few-shot"


def test_content_alone_can_be_taken_without_a_language_model(monkeypatch):
    monkeypatch.setitem(sys.modules, "wordllama", None)
    assert len(Content(words=1).fit(world()).recommend(text="horror")) == 10


def test_new_items_are_found_by_their_text():
    model = Content().fit(world())
    frame = {"item_id": [500, 501], "title": ["Horror number 500", "Knitting"], "genres": ["Horror", "Craft"]}
    likes = [item for item, title in zip(world().item_ids, world().catalogue.titles, strict=True) if "Horror" in title]
    longer = model.with_items(frame)
    assert longer.recommend(likes, k=1).item_ids == [500]
    assert longer.recommend(text="knitting", k=1).item_ids == [501]


def test_the_weights_of_a_hybrid_mean_something():
    data = world()
    alone = ws.recommender("user_knn").fit(data)
    only = ws.recommender("hybrid", weights={"user_knn": 3.0, "ease": 0.0}).fit(data)
    turned = ws.recommender("hybrid", weights={"user_knn": -1.0}).fit(data)
    history = entries(data, 1)
    wanted = alone.recommend(history, k=100).item_ids
    assert only.recommend(history, k=100).item_ids == wanted
    assert turned.recommend(history, k=100).item_ids == wanted[::-1]


def test_a_hybrid_hands_sentences_and_settings_to_its_members():
    weights: dict[str, Any] = {"content": 1, "popularity": 0.01}
    model = ws.recommender("hybrid", weights=weights, settings={"content": {"words": 1}}).fit(world())
    assert all("Horror" in title for title in model.recommend(text="horror", k=3).titles)


@pytest.mark.parametrize(
    "settings",
    [
        {"weights": {}},
        {"weights": {"nobody": 1}},
        {"weights": {"hybrid": 1}},
        {"weights": {"ease": float("nan")}},
        {"weights": {"ease": 1}, "settings": {"als": {}}},
        {"weights": {"ease": 1}, "settings": {"ease": {"lambda": 1}}},
    ],
)
def test_a_hybrid_that_makes_no_sense_is_refused(settings):
    with pytest.raises(BadConfig):
        ws.recommender("hybrid", **settings)


def test_random_scores_are_even_and_depend_on_seed_and_history():
    data = bare([[0]], 2000)
    first, again, other = (ws.recommender("random", seed=seed).fit(data) for seed in (1, 1, 2))
    scores = first.score([[], [0], [0, 1], [1, 0]])
    np.testing.assert_array_equal(scores, again.score([[], [0], [0, 1], [1, 0]]))
    np.testing.assert_array_equal(scores[2], scores[3])
    counts = np.histogram(scores[0], bins=10, range=(0, 1))[0]
    assert (np.abs(counts - 200) < 5 * np.sqrt(200)).all()
    for left, right in ((scores[0], scores[1]), (scores[1], scores[2]), (scores[0], other.score([[]])[0])):
        assert abs(np.corrcoef(left, right)[0, 1]) < 0.1


@pytest.mark.parametrize("name", ["item_knn", "user_knn", "ease", "als", "content"])
def test_dislikes_speak_only_when_asked(name):
    data = world()
    disliked = [(data.item_ids[0], 1.0)]
    likes, everything = (ws.recommender(name, events=events).fit(data) for events in ("likes", "all"))
    np.testing.assert_array_equal(likes.score([disliked]), likes.score([[]]))
    assert not np.array_equal(everything.score([disliked]), everything.score([[]]))


@pytest.mark.parametrize("name", ["popularity", "item_knn", "user_knn", "ease", "als", "content"])
def test_training_can_take_all_events(name):
    data = world()
    likes, everything = (ws.recommender(name, train_on=events).fit(data) for events in ("likes", "all"))
    assert not np.allclose(likes.score(data.histories), everything.score(data.histories))
