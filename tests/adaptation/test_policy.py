"""Laws of the policy: the ranking by score unless asked otherwise, never what is blocked, never empty."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import warmstart as ws
from warmstart.adaptation.diversity import likeness_within, spread_out
from warmstart.adaptation.filters import Filters
from warmstart.adaptation.policy import Policy, choose, vectors_of
from warmstart.adaptation.settings import PolicyConfig
from warmstart.core.errors import BadConfig, BadInput
from warmstart.core.ranking import top_k

N = 40
laws = settings(max_examples=150, deadline=None)
numbers = st.floats(-10, 10, width=32)
some_scores = arrays.arrays(np.float32, N, elements=st.one_of(numbers, st.sampled_from([0.0, 1.0])))
broken = arrays.arrays(np.float32, N, elements=st.one_of(numbers, st.sampled_from([np.nan, -np.inf, np.inf])))
places = st.lists(st.integers(0, N - 1), max_size=N)
masks = arrays.arrays(np.bool_, N)
configs = st.builds(
    PolicyConfig,
    explore=st.sampled_from(["off", "thompson", "ucb"]),
    diversity=st.sampled_from([0.0, 0.3, 1.0]),
    draws=st.just(7),
    candidates=st.sampled_from([10, 256]),
    exclude_seen=st.booleans(),
    fill=st.booleans(),
)


class Unsure:
    """A Gaussian of the same spread everywhere."""

    def __init__(self, size=1.0):
        self.size = size

    def spread(self, items):
        return np.full(len(items), self.size, dtype=np.float32)

    def draws(self, n, items, rng):
        return (self.size * rng.standard_normal((n, len(items)))).astype(np.float32)


def unit(rng, n=N, rank=5):
    vectors = rng.standard_normal((n, rank)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


VECTORS = unit(np.random.default_rng(0))


def chosen(scores, k, filters=None, config=None, seed=0, belief=None, **more):
    rng = np.random.default_rng(seed)
    more = {"vectors": VECTORS} | more
    return choose(scores, k, filters, config, belief=lambda: belief or Unsure(), rng=rng, **more)


@st.composite
def requests(draw):
    filters = Filters(N)
    if draw(st.booleans()):
        filters = filters.within(draw(masks))
    if draw(st.booleans()):
        filters = filters.only(draw(places))
    if draw(st.booleans()):
        filters = filters.without(draw(places))
    if draw(st.booleans()):
        filters = filters.in_stock(draw(masks))
    return filters.met(draw(places))


@laws
@given(scores=some_scores, filters=requests(), k=st.integers(1, N))
def test_by_default_it_is_the_ranking_by_score(scores, filters, k):
    left = np.ones(N, dtype=bool) if filters.allowed() is None else filters.allowed().copy()
    left[filters.seen] = False
    found, expected = chosen(scores, k, filters), top_k(np.where(left, scores, -np.inf), k)
    assert found.items[: len(expected)].tolist() == expected.tolist()
    assert (found.propensities == 1).all()
    if left.sum() >= k:
        assert len(found) == k
        assert found.fallback is None
        assert not found.seen.any()
        assert found.scores.tolist() == scores[expected].tolist()
    else:
        assert found.fallback is not None or len(found) == left.sum()


@laws
@given(scores=broken, filters=requests(), k=st.integers(1, N + 5), config=configs, seed=st.integers(0, 9))
def test_never_what_is_blocked_or_sold_out_and_never_empty_or_twice(scores, filters, k, config, seed):
    found = chosen(scores, k, filters, config, seed)
    possible = np.ones(N, dtype=bool) if filters.possible is None else filters.possible
    assert possible[found.items].all()
    assert (len(found) == 0) == (not possible.any())
    assert (found.fallback == "nothing") == (not possible.any())
    assert len(found) <= k
    assert len(set(found.items.tolist())) == len(found)
    assert ((found.propensities > 0) & (found.propensities <= 1)).all()
    assert len(found.items) == len(found.scores) == len(found.propensities) == len(found.seen)
    assert not np.isinf(found.scores).any()


@laws
@given(scores=broken, filters=requests(), k=st.integers(1, N), config=configs, seed=st.integers(0, 9))
def test_the_same_chance_gives_the_same_answer(scores, filters, k, config, seed):
    one, other = (chosen(scores, k, filters, config, seed) for _ in range(2))
    assert one.items.tolist() == other.items.tolist()
    assert one.propensities.tolist() == other.propensities.tolist()


@laws
@given(scores=some_scores, filters=requests(), k=st.integers(1, N), config=configs)
def test_what_was_met_comes_last_and_only_when_all_else_is_shown(scores, filters, k, config):
    found = chosen(scores, k, filters, config)
    if not config.exclude_seen or not len(found):
        return
    assert found.seen.tolist() == sorted(found.seen.tolist())
    mask, _ = filters.relaxed()
    fresh = np.ones(N, dtype=bool) if mask is None else mask.copy()
    fresh[filters.seen] = False
    assert not found.seen.any() or (~found.seen).sum() == fresh.sum()


def test_inputs_are_left_as_they_were():
    scores, popularity = np.array([1, np.nan, 3] + [0] * (N - 3), dtype=np.float32), np.ones(N, dtype=np.float32)
    before = scores.copy()
    chosen(scores, N, Filters(N).without([0]).met([1, 2]), popularity=popularity)
    np.testing.assert_array_equal(scores, before)
    assert (popularity == 1).all()


@pytest.mark.parametrize(
    ("filters", "items", "fallback"),
    [
        (Filters(4), [3, 2, 0], "popular"),
        (Filters(4).met([3]), [2, 0, 1], "popular"),
        (Filters(4).met([0, 3]), [2, 1, 0], "seen"),
        (Filters(4).within(np.array([False, False, False, True])).met([3]), [3], "seen"),
        (Filters(4).within(np.zeros(4, dtype=bool)).only([2]), [2], "category"),
        (Filters(4).within(np.zeros(4, dtype=bool)).only([2]).met([2]), [2], "category"),
        (Filters(4).within(np.zeros(4, dtype=bool)).only([2]).without([2]), [3, 0, 1], "allow"),
        (Filters(4).only([]), [3, 2, 0], "allow"),
        (Filters(4).without([0, 1]).in_stock(np.array([True, True, False, False])), [], "nothing"),
    ],
)
def test_the_rungs_of_the_fallback(filters, items, fallback):
    scores = np.array([np.nan, -np.inf, 1, 2], dtype=np.float32)
    found = choose(scores, 3, filters, popularity=np.array([4, 3, 2, 1], dtype=np.float32))
    assert found.items.tolist() == items
    assert found.fallback == fallback


def test_without_filling_a_short_list_stays_short_but_not_an_empty_one():
    scores, strict = np.arange(4, dtype=np.float32), PolicyConfig(fill=False)
    short = choose(scores, 3, Filters(4).only([1, 2]).met([2]), strict)
    assert (short.items.tolist(), short.fallback) == ([1], None)
    empty = choose(scores, 3, Filters(4).only([1, 2]).met([1, 2]), strict)
    assert (sorted(empty.items.tolist()), empty.fallback) == ([1, 2], "seen")


def test_what_was_met_may_be_shown_again_when_asked():
    found = choose(np.arange(4, dtype=np.float32), 2, Filters(4).met([3]), PolicyConfig(exclude_seen=False))
    assert (found.items.tolist(), found.seen.tolist(), found.fallback) == ([3, 2], [True, False], None)


@pytest.mark.parametrize("k", [0, -1, 2.5, True, "3", None])
def test_k_must_be_a_number(k):
    with pytest.raises(BadInput, match="k must"):
        choose(np.zeros(3, dtype=np.float32), k)


def test_what_is_asked_for_must_be_handed_in():
    scores = np.zeros(N, dtype=np.float32)
    with pytest.raises(BadInput, match="3 items"):
        choose(scores, 1, Filters(3))
    for explore in ("ucb", "thompson"):
        with pytest.raises(BadInput, match="believed"):
            choose(scores, 1, None, PolicyConfig(explore=explore), rng=np.random.default_rng(0))
    with pytest.raises(BadInput, match="rng"):
        choose(scores, 1, None, PolicyConfig(explore="thompson"), belief=Unsure)
    with pytest.raises(BadInput, match="vectors"):
        choose(scores, 1, None, PolicyConfig(diversity=0.5))
    with pytest.raises(BadConfig, match="diversity"):
        PolicyConfig.of(diversity=2)


@laws
@given(scores=some_scores, k=st.integers(2, 12), seed=st.integers(0, 99))
def test_at_full_diversity_each_item_is_the_least_like_those_before_it(scores, k, seed):
    vectors = unit(np.random.default_rng(seed), rank=3)
    found = chosen(scores, k, config=PolicyConfig(diversity=1.0), vectors=vectors).items
    assert found[0] == chosen(scores, 1).items[0]
    for place in range(1, k):
        near = (vectors @ vectors[found[:place]].T).max(axis=1)
        near[found[:place]] = np.inf
        assert near[found[place]] <= near.min() + 1e-5


def test_more_diversity_makes_lists_less_alike_and_costs_score():
    rng = np.random.default_rng(1)
    vectors = unit(rng, n=500, rank=8)
    alike, worth = [], []
    for diversity in (0.0, 0.2, 0.5, 0.8, 1.0):
        config = PolicyConfig(diversity=diversity)
        lists = [chosen(s, 10, config=config, vectors=vectors) for s in rng.random((30, 500), dtype=np.float32)]
        alike.append(np.mean([likeness_within(vectors[found.items]) for found in lists]))
        worth.append(np.mean([found.scores.mean() for found in lists]))
        rng = np.random.default_rng(1)
        rng.standard_normal((500, 8))
    assert alike == sorted(alike, reverse=True)
    assert worth == sorted(worth, reverse=True)
    assert alike[-1] < alike[0] - 0.05


def test_greedy_diversity_is_what_the_formula_says():
    rng = np.random.default_rng(2)
    relevance, vectors, d = rng.random((3, 20), dtype=np.float32), unit(rng, n=20), 0.4
    lists = spread_out(relevance, vectors, 6, d)
    for row, found in zip(relevance, lists, strict=True):
        scaled = (row - row.min()) / (row.max() - row.min())
        taken: list[int] = []
        for _ in range(6):
            left = [item for item in range(20) if item not in taken]
            near = {item: max((float(vectors[item] @ vectors[other]) for other in taken), default=0) for item in left}
            taken.append(max(left, key=lambda item: (1 - d) * scaled[item] - d * near[item]))
        assert found.tolist() == taken


def test_items_that_nothing_is_known_of_are_like_no_other():
    vectors = np.zeros((N, 3), dtype=np.float32)
    scores = np.arange(N, dtype=np.float32)
    assert chosen(scores, 3, config=PolicyConfig(diversity=0.9), vectors=vectors).items.tolist() == [39, 38, 37]
    assert likeness_within(vectors[:1]) == 0


@pytest.fixture(scope="module")
def data():
    return ws.load_dataset("movielens-small")


@pytest.fixture(scope="module")
def model(data):
    return ws.MetaRecommender(tune=False, values=False, item_text=False).fit(data)


def test_bound_to_a_model_the_default_is_what_the_model_recommends(model):
    policy = Policy.of(model)
    for history in ([], [1], [1, 50, (260, 2.0)]):
        profile, ids = model.profile(history), model.catalogue.item_ids
        found = policy.choose(profile, k=12)
        ranking = profile.recommend(k=12)
        assert [ids[item] for item in found.items] == list(ranking.item_ids)
        assert found.scores.tolist() == ranking.scores.tolist()


def test_bound_to_a_model_diversity_makes_lists_less_alike(model):
    vectors = vectors_of(model)
    assert np.linalg.norm(vectors, axis=1).max() == pytest.approx(1, abs=1e-4)
    diverse, plain = (Policy.of(model, PolicyConfig(diversity=d)) for d in (0.5, 0.0))
    profile = model.profile([1, 50, 260])
    one, other = (likeness_within(vectors[policy.choose(profile).items]) for policy in (diverse, plain))
    assert one < other - 0.05


def test_a_model_that_cannot_is_refused_at_once_and_may_be_helped(data):
    model = ws.recommender("popularity").fit(data)
    with pytest.raises(BadInput, match="no posterior"):
        Policy.of(model, PolicyConfig(explore="ucb"))
    with pytest.raises(BadInput, match="alike"):
        Policy.of(model, PolicyConfig(diversity=0.1))
    vectors = unit(np.random.default_rng(0), n=data.n_items)
    assert len(Policy.of(model, PolicyConfig(diversity=0.1), vectors).choose(model.profile(), k=4)) == 4
