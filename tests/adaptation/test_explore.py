"""Laws of exploration: propensities are probabilities, chance is handed in, and it dies down as events come."""

from dataclasses import replace

import numpy as np
import pytest

import warmstart as ws
from tests.meta.worlds import prior_of, random_episodes, support_of_rows
from warmstart.adaptation.explore import belief_of, best_of_each, candidates_of, shares_of_lists
from warmstart.adaptation.filters import Filters
from warmstart.adaptation.policy import Policy, choose
from warmstart.adaptation.settings import PolicyConfig
from warmstart.core.errors import BadInput
from warmstart.meta.posterior import TastePosterior, item_vectors

ALL = np.arange(30)


@pytest.fixture(scope="module")
def prior():
    return prior_of(random_episodes(150, len(ALL)))


def posterior(prior, items):
    return TastePosterior.of(prior, support_of_rows([items]))


class Fixed:
    """A belief over five items of which every draw is known."""

    def __init__(self, size):
        self.size = size

    def spread(self, items):
        return np.full(len(items), self.size, dtype=np.float32)

    def draws(self, n, items, rng):
        return (self.size * rng.standard_normal((n, len(items)))).astype(np.float32)


def shown(scores, size, seed, k=3, **config):
    rng = np.random.default_rng(seed)
    return choose(scores, k, None, PolicyConfig(explore="thompson", **config), belief=lambda: Fixed(size), rng=rng)


def test_draws_have_the_mean_and_the_spread_that_they_should(prior):
    for items in ([], [2], [2, 5, 8, 11]):
        found = posterior(prior, items)
        draws = found.draws(40_000, ALL, np.random.default_rng(0))
        spread = found.spread(ALL)
        np.testing.assert_allclose(draws.mean(axis=0), 0, atol=5 * spread.max() / 200)
        np.testing.assert_allclose(draws.std(axis=0), spread, rtol=0.05, atol=1e-4)


def test_one_draw_of_a_stranger_is_one_taste(prior):
    found = posterior(prior, [])
    liking = prior.tastes.values @ prior.tastes.outputs
    draw = found.draws(1, ALL, np.random.default_rng(3))[0] / found.share + liking.mean(axis=0)
    assert np.abs(liking - draw).max(axis=1).min() == pytest.approx(0, abs=1e-4)


def test_the_weights_are_those_of_the_score(prior):
    support = support_of_rows([[2, 5]])
    found = TastePosterior.of(prior, support)
    at = prior.parameters.at_one(2)
    told = prior.tastes.scores(prior.tastes.evidence_of(support.items, support.weights * np.float32(at.sharpness)))
    np.testing.assert_allclose(found.weights @ prior.tastes.values @ prior.tastes.outputs, told, rtol=1e-4, atol=1e-5)


def test_spread_falls_as_events_come(prior):
    rng = np.random.default_rng(0)
    even = np.arange(0, 30, 2)
    sizes = [
        np.mean([posterior(prior, rng.choice(even, n, False)).spread(ALL) for _ in range(20)]) for n in (0, 1, 4, 12)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0] / 3


def test_item_vectors_are_correlations_of_what_tastes_like(prior):
    vectors = item_vectors(prior.tastes)
    liking = prior.tastes.values @ prior.tastes.outputs
    np.testing.assert_allclose(vectors @ vectors.T, np.corrcoef(liking.T), atol=2e-3)
    unknown = replace(prior.tastes, outputs=np.pad(prior.tastes.outputs, ((0, 0), (0, 1))))
    assert (item_vectors(unknown)[-1] == 0).all()


def test_without_likes_there_is_no_posterior(prior):
    with pytest.raises(BadInput, match="no posterior"):
        TastePosterior.of(replace(prior, tastes=None), support_of_rows([[1]]))


def test_propensities_sum_to_the_length_of_the_list_over_all_items():
    rng = np.random.default_rng(0)
    lists = best_of_each(rng.standard_normal((50, 20)).astype(np.float32), 6)
    shares = shares_of_lists(lists, 20)
    assert shares.sum() == pytest.approx(6)
    assert ((shares >= 0) & (shares <= 1)).all()


@pytest.mark.parametrize("diversity", [0.0, 0.4])
def test_weighing_by_propensity_takes_chance_out(diversity):
    """What is shown, each item over its propensity, adds up to one of each item on average (Horvitz and Thompson)."""
    scores = np.linspace(1, 0, 8, dtype=np.float32)
    vectors = np.eye(8, dtype=np.float32)[[0, 0, 1, 1, 2, 2, 3, 3]]
    sums, counts, told = np.zeros(8), np.zeros(8), np.zeros(8)
    rounds = 3000
    for seed in range(rounds):
        rng = np.random.default_rng(seed)
        config = PolicyConfig(explore="thompson", diversity=diversity, draws=200)
        found = choose(scores, 3, None, config, belief=lambda: Fixed(0.5), vectors=vectors, rng=rng)
        sums[found.items] += 1 / found.propensities
        counts[found.items] += 1
        told[found.items] += found.propensities
    frequency = counts / rounds
    np.testing.assert_allclose(sums / rounds, 1, atol=0.25)
    np.testing.assert_allclose((told / counts)[counts > 300], frequency[counts > 300], atol=0.035)


def test_an_item_that_no_doubt_touches_is_certain():
    scores = np.array([9, 1, 1, 1, 1], dtype=np.float32)
    found = shown(scores, 0.1, seed=0, k=2)
    assert found.items[0] == 0
    assert found.propensities[0] == 1
    assert found.propensities[1] < 1


def test_where_everything_is_shown_anyway_chance_only_orders():
    scores = np.array([1, 2, 3], dtype=np.float32)
    orders = {tuple(shown(scores, 5.0, seed).items.tolist()) for seed in range(30)}
    assert len(orders) > 1
    assert all((shown(scores, 5.0, seed).propensities == 1).all() for seed in range(5))


def test_fewer_doubts_come_nearer_to_the_ranking_by_score():
    scores = np.linspace(1, 0, 50, dtype=np.float32)
    best = set(range(5))
    shares = [
        np.mean([len(best & set(shown(scores, size, seed, k=5).items.tolist())) / 5 for seed in range(200)])
        for size in (1.0, 0.3, 0.1, 0.01, 0.001)
    ]
    assert shares == sorted(shares)
    assert shares[0] < 0.5
    assert shares[-1] == 1


def test_boldness_is_a_factor_on_the_doubts():
    scores = np.linspace(1, 0, 50, dtype=np.float32)
    one, other = shown(scores, 0.2, 4), shown(scores, 0.1, 4, boldness=2.0)
    assert one.items.tolist() == other.items.tolist()
    assert one.propensities.tolist() == other.propensities.tolist()


def test_ucb_ranks_by_score_plus_spread_and_leaves_nothing_to_chance():
    class Divided(Fixed):
        def spread(self, items):
            return np.where(np.asarray(items) == 4, 1.0, 0.0).astype(np.float32)

    scores = np.array([1, 0.8, 0.6, 0.4, 0.2], dtype=np.float32)
    found = choose(scores, 2, None, PolicyConfig(explore="ucb"), belief=lambda: Divided(0))
    assert found.items.tolist() == [4, 0]
    assert found.scores.tolist() == pytest.approx([0.2, 1])
    assert (found.propensities == 1).all()
    assert choose(
        scores, 2, Filters(5).met([4]), PolicyConfig(explore="ucb"), belief=lambda: Divided(0)
    ).items.tolist() == [0, 1]


def test_candidates_are_those_hoped_for_in_order_of_score():
    class Divided(Fixed):
        def spread(self, items):
            return np.where(np.asarray(items) == 25, 50.0, 0.0).astype(np.float32)

    worth = np.arange(30, 0, -1).astype(np.float32)
    worth[0] = -np.inf
    items, spread = candidates_of(worth, 15, Divided(0), 1.0)
    assert items.tolist() == [*range(1, 15), 25]
    assert spread.tolist() == [0.0] * 14 + [50.0]


@pytest.fixture(scope="module")
def model():
    return ws.MetaRecommender(tune=False, values=False, item_text=False).fit(ws.load_dataset("movielens-small"))


def test_lists_come_nearer_to_the_ranking_as_events_come(model):
    policy, plain = Policy.of(model, PolicyConfig(explore="thompson")), Policy.of(model)
    history = [1, 50, 110, 150, 260, 296, 318, 356, 457, 480, 527, 588, 589, 592, 593, 608, 780, 858, 1196, 1210]
    shared = []
    for n in (0, 1, 5, 20):
        profile = model.profile(history[:n])
        best = set(plain.choose(profile).items.tolist())
        lists = [policy.choose(profile, rng=np.random.default_rng(seed)).items.tolist() for seed in range(40)]
        shared.append(np.mean([len(best & set(found)) for found in lists]))
    assert shared == sorted(shared)
    assert shared[-1] > shared[0] + 1


def test_only_a_posterior_can_be_explored():
    other = ws.recommender("popularity").fit(ws.load_dataset("movielens-small"))
    with pytest.raises(BadInput, match="'popularity' has no posterior"):
        belief_of(other, other.profile([1]).history)
