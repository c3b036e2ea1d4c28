"""Laws of the prior: batch and single agree, contributions sum to scores, more events of a taste move towards it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.meta.worlds import prior_of, random_episodes, support_of_rows
from warmstart.meta.kshot import Form
from warmstart.meta.parameters import MetaParameters
from warmstart.meta.prior import Prior, Support

EPISODES = random_episodes(80, 30)
FORMS: tuple[Form, ...] = ("dense", "users", "low-rank")
PRIORS = {form: prior_of(EPISODES, form) for form in FORMS}
GROUPS = np.eye(2, dtype=np.float32)[np.arange(80) % 2]
TOLD = {form: prior_of(EPISODES, form, attributes=GROUPS) for form in FORMS}
histories = st.lists(st.integers(0, 29), unique=True, max_size=25)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(histories, min_size=2, max_size=4))
def test_batch_equals_single(form, rows):
    prior = PRIORS[form]
    together = prior.scores(support_of_rows(rows))
    for row, scores in zip(rows, together, strict=True):
        np.testing.assert_allclose(prior.scores(support_of_rows([row]))[0], scores, atol=2e-5)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, deadline=None)
@given(row=histories, target=st.integers(0, 29), told=st.sampled_from([None, 0, 1]))
def test_contributions_sum_to_the_score(form, row, target, told):
    prior = TOLD[form]
    attributes = None if told is None else np.array([[0.5 - told, told - 0.5]], dtype=np.float32)
    support = replace(support_of_rows([row]), attributes=attributes)
    start, events, columns = prior.contributions(support, target)
    assert len(events) == len(row)
    total = start + events.sum() + columns.sum()
    assert total == pytest.approx(float(prior.scores(support)[0, target]), abs=2e-5)


@pytest.mark.parametrize("form", FORMS)
def test_without_events_the_answer_is_popularity(form):
    liked = np.asarray(EPISODES.query.sum(axis=0)).ravel() / len(EPISODES)
    np.testing.assert_allclose(PRIORS[form].scores(support_of_rows([[]]))[0], liked, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(row=st.lists(st.integers(0, 29), unique=True, min_size=2, max_size=10), seed=st.integers(0, 99))
def test_the_order_of_events_does_not_matter(row, seed):
    mixed = np.random.default_rng(seed).permutation(row).tolist()
    one, other = (PRIORS["dense"].scores(support_of_rows([order]))[0] for order in (row, mixed))
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_events_of_a_taste_raise_that_taste(form):
    prior = PRIORS[form]
    even, odd = np.arange(0, 30, 2), np.arange(1, 30, 2)
    lean = [prior.scores(support_of_rows([even[:k].tolist()]))[0] for k in (0, 1, 3, 6)]
    gaps = [float(scores[even[6:]].mean() - scores[odd].mean()) for scores in lean]
    assert gaps == sorted(gaps)
    assert gaps[-1] > gaps[0] + 0.05


def test_a_dislike_says_less_than_a_like():
    prior, even = PRIORS["dense"], np.arange(0, 30, 2)
    liked = prior.scores(support_of_rows([[0, 2]]))[0]
    disliked = prior.scores(support_of_rows([[0, 2]], [[0.3, 0.3]]))[0]
    assert liked[even[2:]].mean() > disliked[even[2:]].mean()


def test_attributes_speak_and_share_the_credit():
    rng = np.random.default_rng(0)
    kind = rng.integers(2, size=300)
    episodes = random_episodes(300, 20)
    liked = (rng.random((300, 20)) < np.where((kind[:, None] == np.arange(20) % 2), 0.6, 0.1)).astype(np.float32)
    episodes = type(episodes)(type(episodes.query)(liked), type(episodes.query)(liked))
    told = np.stack([kind == 0, kind == 1], axis=1).astype(np.float32)
    prior = prior_of(episodes, attributes=told)
    first = (np.array([[1.0, 0.0]], dtype=np.float32) - prior.mean_attributes).astype(np.float32)
    stranger = Support(np.array([0, 0]), np.zeros(0, np.int32), np.zeros(0, np.float32), first)
    scores = prior.scores(stranger)[0]
    assert scores[::2].min() > scores[1::2].max()
    start, _, columns = prior.contributions(stranger, 0)
    assert start + columns.sum() == pytest.approx(float(scores[0]), abs=1e-5)


def test_arrays_bring_back_the_same_prior():
    for prior in PRIORS.values():
        again = Prior.of_arrays(prior.arrays(), 30, prior.parameters, with_tastes=True)
        support = support_of_rows([[1, 2, 3], []])
        np.testing.assert_array_equal(prior.scores(support), again.scores(support))


def test_nobody_likes_anything_is_no_error():
    episodes = random_episodes(10, 6)
    silent = type(episodes)(episodes.support, episodes.query * 0)
    silent.query.eliminate_zeros()
    prior = prior_of(silent)
    assert prior.tastes is None
    assert np.isfinite(prior.scores(support_of_rows([[1], []]))).all()


def test_parameters_interpolate_alike_for_one_and_for_many():
    parameters = MetaParameters(gain_few=0.5, gain_many=2.0, sharpness_few=1.5)
    for count in (1, 2, 7, 20, 60):
        one, counts = parameters.at_one(count), np.array([count])
        assert one.gain == pytest.approx(parameters.at("gain", counts)[0])
        assert one.sharpness == pytest.approx(parameters.at("sharpness", counts)[0])
        assert one.share == pytest.approx(parameters.at("taste_share", counts)[0])
