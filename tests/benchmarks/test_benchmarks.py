"""The benchmarks run end to end, go on where they stood, and what they wrote is what the README says."""

import json
import runpy

import numpy as np
import pytest

from benchmarks import cold_item, cold_user, growth, rating, sentences, trials
from benchmarks.competitors import COMPETITORS, Competitor, blends
from benchmarks.content_rows import WordsAndPopularity, WordsRidge
from benchmarks.libraries import LIBRARIES, genres_of
from benchmarks.trials import Room, measured_competitor, seeing
from tests.house.blocks import ROOT
from warmstart.core.histories import Histories
from warmstart.data.builtin import load_dataset
from warmstart.recommenders.table import recommender, recommender_class

README = runpy.run_path(str(ROOT / "benchmarks" / "readme.py"))
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
BY_LABEL = {one.label: one for one in COMPETITORS}


@pytest.fixture(scope="module")
def data():
    return load_dataset("movielens-small")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_every_result_says_when_where_and_how_and_is_shown(file):
    found = json.loads(file.read_text(encoding="utf-8"))
    assert {"benchmark", "date", "machine", "readme"} <= found.keys()
    assert {"cores", "python", "numpy", "warmstart"} <= found["machine"].keys()
    parts = found["readme"] if isinstance(found["readme"], list) else [found["readme"]]
    figures = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    assert parts
    assert all(README["section"](part) in figures for part in parts)


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_no_result_tells_where_it_was_made(file):
    text = file.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert '"/' not in text


def test_cold_user_runs_from_data_to_readme(cache, tmp_path):
    asked = ["--datasets", "movielens-small", "--seeds", "0", "--trials", "2", "--only", "popularity", "user_knn"]
    assert cold_user.main([*asked, "--out", str(tmp_path / "results")]) == 0
    found = json.loads((tmp_path / "results" / "cold_user.json").read_text(encoding="utf-8"))
    rows = {row["model"]: row for row in found["data"]["movielens-small"]["likes"]["rows"]}
    assert {"popularity", "popularity, recent", "user-kNN"} <= rows.keys()
    assert len({rows["popularity"]["k"][str(k)]["mean"] for k in (1, 5, 20)}) == 1
    assert rows["user-kNN"]["k"]["20"]["mean"] > rows["user-kNN"]["k"]["1"]["mean"]
    assert README["section"](found["readme"][0]) in README["generated"](tmp_path / "results")


def test_findings_are_not_made_twice(cache, data, monkeypatch):
    first = measured_competitor(Room(data, 0, 1), BY_LABEL["popularity"])
    monkeypatch.setattr(trials._Bench, "_fit", lambda *_: pytest.fail("fitted again"))
    assert measured_competitor(Room(data, 0, 1), BY_LABEL["popularity"]) == first


def test_more_trials_keep_the_earlier_ones(cache, data):
    few = measured_competitor(Room(data, 0, 1), BY_LABEL["popularity"])["trials"]
    more = measured_competitor(Room(data, 0, 2), BY_LABEL["popularity"])["trials"]
    assert len(more) == 2
    assert more[0] == few[0]


def test_what_led_before_is_measured_again_without_tuning(cache, data, tmp_path, monkeypatch):
    asked = ["--datasets", "movielens-small", "--seeds", "0", "--only", "user_knn", "--out", str(tmp_path)]
    assert cold_user.main([*asked, "--trials", "6"]) == 0
    first = json.loads((tmp_path / "cold_user.json").read_text(encoding="utf-8"))["data"]
    monkeypatch.setattr(trials, "CHOSEN", tmp_path / "cold_user.json")
    monkeypatch.setattr(trials, "CACHE", tmp_path / "fresh machine")
    assert cold_user.main([*asked, "--again"]) == 0
    again = json.loads((tmp_path / "cold_user.json").read_text(encoding="utf-8"))["data"]
    assert len(Room(data, 0, 6).known("user-kNN")["trials"]) < 6
    for found in (first, again):
        del found["movielens-small"]["models"]["user-kNN"]["seeds"][0]["cost"]
    assert again == first


@pytest.mark.parametrize("competitor", COMPETITORS, ids=lambda one: one.label)
def test_candidates_are_what_was_asked_for(competitor):
    found = competitor.candidates(10, seed=1)
    assert 1 <= len(found) <= 10
    assert len({json.dumps(one, sort_keys=True) for one in found}) == len(found)
    assert all(one[name] in values for one in found for name, values in competitor.narrow.items())
    assert all(competitor.kind.config_class.of(**one) for one in found)
    assert all(any(start.items() <= one.items() for one in found) for start in competitor.starts)


def test_a_blend_is_tried_with_the_settings_tuned_for_its_members():
    tuned = {"user-kNN": {"amplify": 3.0}}
    assert all(
        one["settings"] == ({"user_knn": {"amplify": 3.0}} if "user_knn" in one["weights"] else {})
        for one in blends(tuned)
    )
    found = Competitor("hybrid", "hybrid").candidates(3, 0, blends(tuned))
    assert found[1]["settings"] == {"user_knn": {"amplify": 3.0}}


def test_seeing_all_events_changes_what_is_read_and_nothing_else(data):
    histories = Histories.of([[0, 1]], [[5.0, 1.0]])
    likes = recommender("item_knn").fit(data)
    both = recommender("item_knn", events="all").fit(data)
    assert np.array_equal(seeing(likes, "all").score(histories), both.score(histories))
    assert likes.config.model_dump()["events"] == "likes"


def test_a_blend_of_shared_members_scores_as_one_fitted_whole(cache, data):
    room = Room(data, 0, 1)
    bench = trials._Bench(room, BY_LABEL["hybrid"], {})
    settings = {"weights": {"popularity": 1.0, "user_knn": 2.0}, "settings": {"user_knn": {"neighbours": 50}}}
    whole = recommender("hybrid", **settings).fit(room.split("likes").train)
    histories = Histories.of([[0, 5], []])
    assert np.allclose(bench._blend(settings).score(histories), whole.score(histories))


def test_other_libraries_are_in_the_table_by_their_names():
    assert {one.name for one in COMPETITORS} >= LIBRARIES.keys()


def test_genres_are_the_items_own(data):
    genres = genres_of(data)
    assert genres is not None
    assert genres.shape[0] == data.n_items
    first = data.items["genres"][0]
    assert genres[0].sum() == len(str(first).split("|"))


@pytest.mark.parametrize("row", [WordsRidge, WordsAndPopularity])
def test_rows_of_words_tell_new_items_apart(data, row):
    few = np.flatnonzero(data.histories.items < 300)
    keep = np.zeros(len(data.histories.items), dtype=bool)
    keep[few] = True
    small = data.take_events(keep)
    scores = row().fit(small).score(Histories.of([[0], [1]]))
    assert np.isfinite(scores).all()
    assert len(np.unique(scores[0, 300:])) > 1000


def test_growth_measures_and_fits():
    found = [growth.measured("popularity", users, 200) for users in (50, 100)]
    assert [one["users"] for one in found] == [50, 100]
    assert all(one["peak_mb"] > 0 for one in found)


def test_the_world_has_famous_items_and_tastes():
    world = growth.world(2000, 1000)
    counts = np.bincount(world.histories.items, minlength=1000)
    assert counts[:10].sum() > 20 * counts[-500:].sum() / 50
    assert counts[:50].sum() > counts[500:].sum()


def test_rows_of_rating_and_cold_items_have_names_of_their_own(data):
    for entries in (rating.entries(), cold_item.entries(data)):
        assert len({entry.label for entry in entries}) == len(entries)
        assert all(entry.make().name for entry in entries if entry.label != "ALS")


def test_a_row_that_is_not_adapted_reads_no_events(data):
    plain = recommender_class("popularity")()
    row = rating.NotAdapted()
    row._model = plain.fit(data)
    row._catalogue = data.catalogue
    one, other = row.score(Histories.of([[1, 2], [3]]))
    assert np.array_equal(one, other)


def test_requests_mean_genres_that_there_are_and_both_halves_mean_all_of_them(data):
    names, carried = sentences.labels_of(data)
    both = (*sentences.SEEN, *sentences.UNSEEN)
    assert len({one.text for one in both}) == len(both)
    assert all(set(one.genres) & set(names) for one in both)
    seen, unseen = ({genre for one in half for genre in one.genres} for half in (sentences.SEEN, sentences.UNSEEN))
    assert seen - unseen == {"Film-Noir"}
    assert unseen <= seen
    assert carried.shape == (data.n_items, len(names))


def test_shares_of_genres_and_years_are_counted(data):
    model = recommender("content", sentence=10.0).fit(data)
    found = sentences._shares(model, data, [sentences.Request("toy story", ("Animation",), (1990, 1999))])
    top, first = model.recommend(text="toy story", k=10), model.recommend(k=10)
    genres = dict(zip(data.item_ids, data.items["genres"].to_list(), strict=True))
    assert found["share"] == sum("Animation" in genres[item] for item in top.item_ids) / 10
    assert found["base"] == sum("Animation" in genres[item] for item in first.item_ids) / 10
    assert found["in years"] == sum("(199" in title for title in top.titles) / 10
