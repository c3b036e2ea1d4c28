"""The default recommender as its user meets it, on the packaged data."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import warmstart as ws
from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories
from warmstart.data.split import split_users
from warmstart.meta.parameters import MetaParameters, of_vector, to_vector

SAMPLE = ws.load_dataset("movielens-small")


@pytest.fixture(scope="module")
def model():
    return ws.MetaRecommender(tune=False).fit(SAMPLE)


def test_contributions_of_events_and_sentence_sum_to_the_score(model):
    profile = model.profile(text="space adventure").observe(1, 5.0).observe(50, 1.0)
    for item in (296, 260, 1196):
        why = profile.explain(item)
        assert sum(part.amount for part in why) == pytest.approx(why.score, abs=2e-5)
        assert {part.kind for part in why} == {"prior", "event", "text"}


def test_forgetting_goes_back_exactly(model):
    before = model.profile([1, 260])
    after = before.observe(296, 2.0).forget(296)
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-6)


def test_a_sentence_finds_what_it_names(model):
    plain, told = model.profile().scores, model.profile(text="children animation").scores
    assert SAMPLE.items is not None
    genres = SAMPLE.items["genres"].to_list()
    matching = [i for i, genre in enumerate(genres) if "Animation" in (genre or "") and "Children" in genre]
    lift = told - plain
    assert lift[matching].mean() > 2 * lift.mean()


def test_a_sentence_fades_as_events_come_in(model):
    def said(profile):
        return sum(part.amount for part in profile.explain(260) if part.kind == "text")

    assert said(model.profile([1, 2, 3], text="space war")) < said(model.profile(text="space war"))


def test_a_new_item_is_scored_from_its_text_and_its_events_count(model):
    told = {
        "item_id": [-1, -2],
        "title": ["Toy Story 9 (2005)", "Blood (2005)"],
        "genres": ["Animation|Children", "Horror"],
    }
    more = model.with_items(told)
    scores = more.score([[1, 3114, 4886]])[0]
    assert scores[-2] > scores[-1]
    assert len(model.catalogue) == SAMPLE.n_items
    moved = more.profile([-1]).scores[:-2] - more.profile([-2]).scores[:-2]
    assert moved[SAMPLE.catalogue.index(3114)] > np.median(moved)


def test_batch_equals_single_with_items_that_borrow(model):
    told = {"item_id": [-1], "title": ["Toy Story 9 (2005)"], "genres": ["Animation|Children"]}
    more = model.with_items(told)
    rows = [[1, -1, 260], [-1], [296, 50, 47], []]
    together = more.score(rows)
    for row, scores in zip(rows, together, strict=True):
        np.testing.assert_allclose(more.profile(row).scores, scores, atol=2e-5)


def test_new_items_leave_the_scores_of_others_alone(model):
    told = {"item_id": [-1], "title": ["Toy Story 9 (2005)"], "genres": ["Animation|Children"]}
    rows = [[1, 260], [296], []]
    np.testing.assert_allclose(model.with_items(told).score(rows)[:, :-1], model.score(rows), atol=2e-5)


def test_values_are_foretold_only_where_there_are_some():
    likes = ws.Dataset.from_frames({"user_id": [1, 1, 2, 2, 3, 3], "item_id": [1, 2, 1, 2, 2, 3]})
    silent = ws.MetaRecommender().fit(likes)
    with pytest.raises(BadInput, match="without values"):
        silent.predict_values(Histories.of([[0]]))


def test_recency_counts_only_with_time_and_a_half_life():
    from warmstart.meta.evidence import weights_of

    timed = Histories.of([[0, 1]], [[5.0, 5.0]], [[1.0, 2.0]])
    fading = MetaParameters(half_life=1.0)
    assert weights_of(timed, 4.0, fading).tolist() == [0.5, 1.0]
    assert weights_of(Histories.of([[0, 1]], [[5.0, 5.0]]), 4.0, fading).tolist() == [1.0, 1.0]
    assert weights_of(timed, 4.0, MetaParameters()).tolist() == [1.0, 1.0]


def test_an_event_that_counts_less_says_less(model):
    two = Histories.of([[0, 1]], [[5.0, 5.0]])
    weights = [np.array([1.0, part], dtype=np.float32) for part in (1e-6, 0.3, 1.0)]
    none, some, whole = (model.score(replace(two, weights=weight))[0] for weight in weights)
    np.testing.assert_allclose(none, model.score(two.where(np.array([True, False])))[0], atol=1e-5)
    assert np.abs(some - none).max() < np.abs(whole - none).max()


def test_the_search_finds_what_ranks_better():
    train, validation, _ = split_users(SAMPLE.n_users)
    data, judges = SAMPLE.take_users(train), SAMPLE.take_users(validation)
    fitted = ws.MetaRecommender(tune=False, item_text=False, values=False).fit(data).learned.prior
    from warmstart.core.run import Run
    from warmstart.meta.choose import Fold, exams_of
    from warmstart.meta.search import search

    exams = exams_of([fitted], [Fold(data, judges)], 20, None, 0)
    start = float(np.mean([exam.ndcg(MetaParameters()) for exam in exams]))
    found, quality = search(exams, ("gain_few", "taste_share_few"), MetaParameters(), 30, Run())
    assert quality >= start
    assert quality == pytest.approx(np.mean([exam.ndcg(found) for exam in exams]))


def test_too_little_to_judge_keeps_the_defaults():
    few = ws.Dataset.from_frames({"user_id": [1, 1, 2], "item_id": [1, 2, 1]})
    model = ws.MetaRecommender().fit(few)
    assert model.learned.choice.parameters == MetaParameters()


def test_parameters_survive_the_scale_of_the_search():
    names = ("gain_few", "taste_share_many", "dislike_weight")
    given = MetaParameters(gain_few=2.5, taste_share_many=0.25, dislike_weight=0.2)
    back = of_vector(to_vector(given, names), names, MetaParameters())
    assert back.gain_few == pytest.approx(2.5)
    assert back.taste_share_many == pytest.approx(0.25)


def test_the_exam_measures_what_the_evaluation_measures():
    """The fast judge of the search and the evaluator agree on nDCG@10 where all items are columns."""
    from warmstart.data.episodes import cold_user_tasks
    from warmstart.meta.exam import ndcg_of

    train, _, test = split_users(SAMPLE.n_users)
    model = ws.MetaRecommender(tune=False, item_text=False, values=False).fit(SAMPLE.take_users(train))
    report = ws.evaluate({"meta": model}, SAMPLE, ws.ColdUser(shots=(5,)))
    tasks = cold_user_tasks(SAMPLE, test, (5,))[5]
    own = ndcg_of(model.score(tasks.support), tasks)
    shown = report.frame.filter((pl.col("measure") == "ndcg@10") & (pl.col("k") == 5))["mean"][0]
    assert own == pytest.approx(shown, abs=2e-3)
