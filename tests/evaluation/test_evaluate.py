import os
from pathlib import Path

import pytest

from tests.evaluation.test_tuning import Knob
from tests.evaluation.toys import Fixed, make_data
from warmstart.core.errors import BadInput
from warmstart.data.builtin import load_dataset
from warmstart.evaluation.cold_user import ColdUser
from warmstart.evaluation.evaluate import ORACLE, evaluate
from warmstart.recommenders.table import recommender

SMALL = ColdUser(pool=10, shots=(0, 1, 5))
DATA = Path(os.environ.get("WARMSTART_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))


class Selfish(Knob):
    name = "selfish"
    tunes_itself = True


def test_labels_may_be_given(data):
    report = evaluate({"near": recommender("item_knn", neighbours=5), "far": "item_knn"}, data, SMALL)
    assert report.models == ["near", "far"]
    assert report.settings["near"]["neighbours"] == 5
    assert report.mean("near") != report.mean("far")


def test_a_fitted_instance_is_never_used_as_it_is(data):
    alien = recommender("popularity").fit(make_data(n_items=50, seed=9))
    report = evaluate([alien], data, SMALL)
    assert report.mean("popularity") == evaluate(["popularity"], data, SMALL).mean("popularity")
    assert len(alien.catalogue) == 50


def test_models_are_fitted_on_training_users_and_handed_validation_users(data, fixed):
    evaluate([fixed()], data, SMALL)
    split = SMALL.split(data)
    assert split.validation is not None
    [call] = fixed.calls
    assert call["train"].user_ids.tolist() == split.train.user_ids.tolist()
    assert call["validation"].user_ids.tolist() == split.validation.user_ids.tolist()


def test_a_recommender_that_tunes_itself_is_fitted_once_and_emphasised(data):
    Fixed.calls.clear()
    report = evaluate([Selfish()], data, SMALL, trials=5)
    assert len(Fixed.calls) == 1
    assert report.about["ours"] == ["selfish"]
    assert report.models == ["selfish"]


def test_competitors_are_tuned_alike_and_have_an_oracle_row(data):
    report = evaluate(["popularity", "item_knn", "ease"], data, SMALL, trials=3)
    assert set(report.about["trials made"].values()) == {3}
    assert "item_knn" + ORACLE in report.models
    assert "item_knn" + ORACLE not in evaluate(["item_knn"], data, SMALL, trials=2, oracle=False).models


def test_tuning_never_looks_at_the_test(data):
    """Other test users with the same training and validation users: the same settings are chosen."""
    chosen = []
    for shift in (0, 1):
        split = SMALL.split(data)
        users = split.test[0].tasks.users
        values = data.histories.values.copy()
        for user in users[: len(users) // 2]:
            if shift:
                events = slice(data.histories.indptr[user], data.histories.indptr[user + 1])
                values[events] = values[events][::-1]
        from dataclasses import replace

        other = replace(data, histories=replace(data.histories, values=values))
        chosen.append(evaluate(["item_knn"], other, SMALL, trials=3, oracle=False).settings["item_knn"])
    assert chosen[0] == chosen[1]


def test_support_of_events_is_read_as_serves_a_competitor_best(data):
    protocol = ColdUser(support="events", pool=5, shots=(0, 5))
    report = evaluate(["item_knn", "popularity"], data, protocol)
    assert report.about["trials made"] == {"item_knn": 2}
    assert report.settings["item_knn"]["events"] in ("likes", "all")


def test_the_same_call_gives_the_same_numbers(data):
    first, second = (evaluate(["ease", "random"], data, SMALL, trials=2) for _ in range(2))
    assert first.frame.equals(second.frame)


def test_costs_are_measured(data):
    cost = evaluate(["ease"], data, SMALL).costs["ease"]
    assert cost.fit_wall > 0
    assert cost.users_per_second > 0
    assert cost.peak_mb > 10
    assert 0 < cost.adapt_us < 1e6


def test_the_report_says_how_to_repeat_it(data):
    about = evaluate(["random"], data, ColdUser(pool=10, shots=(0, 1, 5), seed=3)).about
    assert about["settings"]["seed"] == 3
    assert about["data"] == {"name": "two tastes", "like_from": 4.0, "users": 80, "items": 60} | {
        "events": len(data.histories.items)
    }
    assert about["split"]["test users"] == 8
    assert {"cores", "python", "numpy", "warmstart"} <= set(about["machine"])
    assert about["date"]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([], "nothing to evaluate"),
        (["ease", "ease"], "Two rows"),
        (["eas"], "ease"),
        ([recommender("ease"), "ease"], "Two rows"),
    ],
)
def test_bad_models_are_refused(data, models, message):
    with pytest.raises(BadInput, match=message):
        evaluate(models, data, SMALL)


def test_no_data_are_refused():
    with pytest.raises(BadInput, match="needs a data set"):
        evaluate(["ease"], None)


def test_quality_bands_on_the_packaged_sample():
    """Chosen by hand around what the recommenders reach; a protocol that leaks or loses likes falls out of them."""
    report = evaluate(["random", "popularity", "user_knn"], load_dataset("movielens-small"))
    assert report.mean("random") < 0.03
    assert 0.18 < report.mean("popularity") < 0.28
    assert report.mean("user_knn", shots=[20]) > report.mean("popularity", shots=[20])


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "ml-1m").exists(), reason="ml-1m is not there; name its folder in WARMSTART_DATA")
def test_popularity_on_a_million_ratings(monkeypatch):
    monkeypatch.setenv("WARMSTART_DATA", str(DATA))
    report = evaluate(["popularity"], load_dataset("ml-1m"), ColdUser(shots=(0, 5, 20)))
    means = {report.mean("popularity", shots=[k]) for k in (0, 5, 20)}
    assert len(means) == 1
    assert 0.36 < means.pop() < 0.42
