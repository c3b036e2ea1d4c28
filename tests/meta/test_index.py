"""What an index finds is scored as everything is, and where an index would not do, everything is scored."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from benchmarks.growth import world
from tests.meta.worlds import prior_of, random_episodes, support_of_rows
from warmstart.core.errors import BadInput, MissingExtra
from warmstart.core.histories import Histories
from warmstart.core.ranking import top_k
from warmstart.data.dataset import Dataset
from warmstart.meta.index import ItemIndex, _faiss, index_of, top_items
from warmstart.meta.kshot import LARGEST_EXACT, Episodes
from warmstart.meta.maps import WIDE, FactoredMap, Narrow, factored
from warmstart.meta.prior import Prior
from warmstart.meta.recommender import MetaRecommender
from warmstart.representation.context import Context

pytest.importorskip("faiss")

ITEMS = 1_500
GROUPS = np.eye(2, dtype=np.float32)[np.arange(400) % 2]
histories = st.lists(st.integers(0, ITEMS - 1), unique=True, min_size=1, max_size=20)


def people(n: int, seed: int = 3) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [np.unique(rng.integers(ITEMS, size=rng.integers(1, 21))).tolist() for _ in range(n)]


@pytest.fixture(scope="module")
def priors() -> dict[str, Prior]:
    data = world(400, ITEMS)
    likes = data.histories.matrix(ITEMS)
    episodes = Episodes(likes, likes)
    plain, told = prior_of(episodes, "low-rank", 16), prior_of(episodes, "low-rank", 16, attributes=GROUPS)
    return {"plain": plain, "told": told, "tasteless": replace(plain, tastes=None)}


@pytest.fixture(scope="module")
def indices(priors: dict[str, Prior]) -> dict[str, ItemIndex]:
    return {name: ItemIndex.of(prior, head=64) for name, prior in priors.items()}


@pytest.fixture(scope="module")
def data() -> Dataset:
    return world(150, LARGEST_EXACT + 1_000)


@pytest.fixture(scope="module")
def model(data: Dataset) -> MetaRecommender:
    return MetaRecommender(tune=False, values=False).fit(data)


@pytest.mark.parametrize("kind", ["plain", "told", "tasteless"])
@settings(max_examples=25, deadline=None)
@given(row=histories, part=st.floats(0.1, 1), items=st.lists(st.integers(0, ITEMS - 1), max_size=9), told=st.booleans())
def test_some_items_are_scored_as_all_are(indices, kind, row, part, items, told):
    index = indices[kind]
    support = support_of_rows([row], [[part] * len(row)])
    if kind == "told" and told:
        support = replace(support, attributes=np.array([[0.5, -0.5]], dtype=np.float32))
    asked = np.array([*row, *items], dtype=np.int64)
    whole = index.prior.scores(support)[0]
    np.testing.assert_allclose(index.scores(support, asked), whole[asked], atol=1e-5)


@pytest.mark.parametrize("kind", ["plain", "told", "tasteless"])
def test_the_index_finds_the_best(indices, kind):
    found = []
    for row in people(100):
        support = support_of_rows([row])
        scores = indices[kind].prior.scores(support)[0]
        scores[row] = -np.inf
        top = indices[kind].top(support, 10, support.items)
        # where fewer than ten items score above nothing, only scoring all of them tells
        if top is None:
            assert np.sort(scores)[-10] <= 1e-6
            continue
        items, said = top
        assert not np.isin(items, row).any()
        np.testing.assert_allclose(said, scores[items], atol=1e-5)
        assert (np.diff(said) <= 0).all()
        found.append(np.isin(top_k(scores, 10), items).mean())
    assert len(found) > 50
    assert np.mean(found) >= 0.95


def test_candidates_are_the_head_and_what_was_found(indices):
    support = support_of_rows([[1, 2, 3]])
    found = indices["plain"].candidates(support, 30)
    assert np.isin(indices["plain"].head, found).all()
    assert len(found) == len(np.unique(found)) == 64 + 30


def test_when_all_items_are_the_head_the_answer_is_exact(priors):
    index = ItemIndex.of(priors["plain"], head=ITEMS)
    assert index.lists is None
    for row in people(20):
        support = support_of_rows([row])
        scores = priors["plain"].scores(support)[0]
        scores[row] = -np.inf
        top = index.top(support, 5, support.items)
        if top is not None:
            np.testing.assert_allclose(top[1], scores[top_k(scores, 5)], atol=1e-6)


@pytest.mark.parametrize(
    ("row", "k", "exclude"),
    [([], 10, []), ([1, 2], 10, [1]), ([1], 500, [1]), ([1], 10, range(ITEMS))],
    ids=["nobody in particular", "own items wanted", "many wanted", "many excluded"],
)
def test_what_an_index_may_miss_is_left_to_scoring_all(indices, row, k, exclude):
    assert indices["plain"].top(support_of_rows([row]), k, np.array(exclude, dtype=np.int32)) is None


def test_the_same_seed_builds_the_same_index(priors):
    one, other = (ItemIndex.of(priors["plain"], seed=5, head=64) for _ in range(2))
    for row in people(10):
        support = support_of_rows([row])
        np.testing.assert_array_equal(one.candidates(support, 20), other.candidates(support, 20))


def test_a_prior_of_another_form_is_refused():
    for form in ("dense", "users"):
        with pytest.raises(BadInput, match="more than 20,000 items"):
            ItemIndex.of(prior_of(random_episodes(40, 30), form))


def test_without_faiss_the_error_names_the_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtra, match=r"warmstart\[index\]"):
        _faiss()


@pytest.mark.parametrize("index_from", [0, 10**9])
def test_a_model_answers_the_same_with_and_without(model, data, index_from):
    agreed = []
    for row in range(30):
        one = data.histories[row]
        whole = model.scores_of(one, Context())
        items, scores = top_items(model, one, Context(), 10, one.items, index_from)
        np.testing.assert_allclose(scores, whole[items], atol=1e-5)
        whole[one.items] = -np.inf
        agreed.append(np.isin(top_k(whole, 10), items).mean())
    assert np.mean(agreed) >= 0.95


def test_a_sentence_and_no_event_are_answered_exactly(model):
    nobody, one = Histories.of([[]]), Histories.of([[5]])
    spoken = Context(text=np.zeros((1, len(model.catalogue)), dtype=np.float32))
    for history, context in ((nobody, Context()), (one, spoken)):
        items, scores = top_items(model, history, context, 7, one.items, index_from=0)
        whole = model.scores_of(history, context)
        whole[5] = -np.inf
        np.testing.assert_array_equal(items, top_k(whole, 7))
        np.testing.assert_array_equal(scores, whole[items])


def test_an_index_is_built_once_a_model(model):
    built = index_of(model)
    assert index_of(model) is built
    other = MetaRecommender.of_learned(model.config, model.catalogue, replace(model.learned))
    assert index_of(other) is not built


def test_a_loaded_model_answers_as_the_saved_one(model, data, tmp_path: Path):
    again = MetaRecommender.load(model.save(tmp_path / "model"))
    for row in range(5):
        one = data.histories[row]
        np.testing.assert_array_equal(again.scores_of(one, Context()), model.scores_of(one, Context()))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_empty_columns_change_nothing(share):
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((3, WIDE + 10)).astype(np.float32) * (rng.random(WIDE + 10) < share)
    narrow = Narrow.of(wide.astype(np.float32))
    assert (narrow.columns is None) == (share > 0.5)
    for weights in (rng.standard_normal(3), rng.standard_normal((2, 3))):
        np.testing.assert_allclose(narrow.combine(weights.astype(np.float32)), weights @ wide, atol=1e-5)


def test_a_wide_map_speaks_for_one_as_for_many():
    rng = np.random.default_rng(1)
    right = (rng.standard_normal((4, WIDE + 10)) * (rng.random(WIDE + 10) < 0.1)).astype(np.float32)
    events = factored(rng.standard_normal((WIDE + 10, 4)).astype(np.float32), right)
    assert isinstance(events, FactoredMap)
    items, weights = np.array([3, 77, WIDE + 1], dtype=np.int32), np.array([1, 0.5, 1], dtype=np.float32)
    support = sparse.csr_matrix((weights, items, [0, 3]), shape=(1, WIDE + 10))
    np.testing.assert_allclose(events.combine_one(items, weights), events.combine(support)[0], atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 99), k=st.integers(0, 200), levels=st.sampled_from([2, 50, 10**6]), ruled=st.floats(0, 1))
def test_the_best_of_very_many_are_a_stable_sort(seed, k, levels, ruled):
    rng = np.random.default_rng(seed)
    scores = rng.integers(levels, size=40_001).astype(np.float32)
    scores[rng.random(len(scores)) < ruled] = -np.inf
    wanted = np.argsort(-scores, kind="stable")[:k]
    np.testing.assert_array_equal(top_k(scores, k), wanted[np.isfinite(scores[wanted])])
