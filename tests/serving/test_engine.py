"""The engine answers people who write titles, with any recommender of the name table."""

import pytest

from warmstart.core.errors import BadInput, UnknownItem
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.serving.engine import Engine, open_data


@pytest.fixture(scope="module")
def engine():
    return Engine.train(load_dataset("movielens-small"), "item_knn")


def test_likes_and_dislikes_become_events(engine):
    person = engine.profile(["the matrix", "Heat (1995)"], ["Titanic (1997)"])
    catalogue = engine.model.catalogue
    assert [engine.title(item) for item in person.items] == ["Matrix, The (1999)", "Heat (1995)", "Titanic (1997)"]
    assert person.values == (catalogue.like_value, catalogue.like_value, catalogue.dislike_value)


def test_same_answer_as_asking_the_model_by_id(engine):
    by_title = engine.profile(["Toy Story (1995)"]).recommend(k=5)
    assert by_title.item_ids == engine.model.recommend([1], k=5).item_ids


def test_all_wrong_titles_are_named_at_once(engine):
    with pytest.raises(BadInput, match="2 titles") as caught:
        engine.profile(["Toy Stroy (1995)", "Heatt"])
    assert "Toy Story (1995)" in str(caught.value)
    assert "Heatt" in str(caught.value)


def test_one_wrong_title_is_an_unknown_item(engine):
    with pytest.raises(UnknownItem):
        engine.profile(["Heatt"])


def test_unknown_titles_can_be_skipped_and_are_said_to_be(engine):
    ranking = engine.profile(["Heatt", "Heat (1995)"], on_unknown="ignore").recommend(k=3)
    assert ranking.ignored == ("Heatt",)
    assert ranking.evidence == "few-shot"


def test_ambiguous_titles_are_not_skipped(engine):
    with pytest.raises(BadInput, match="fits several"):
        engine.profile(["Sabrina"], on_unknown="ignore")


def test_a_title_on_both_sides_is_refused(engine):
    with pytest.raises(BadInput, match="Both liked and disliked: Heat"):
        engine.profile(["heat"], ["Heat (1995)"])


def test_data_without_values_know_no_dislikes():
    import polars as pl

    frame = pl.DataFrame({"user_id": [1, 1, 2], "item_id": ["a", "b", "a"]})
    engine = Engine.train(Dataset.from_frames(frame), "popularity")
    with pytest.raises(BadInput, match="knows no dislikes"):
        engine.profile([], ["a"])
    assert len(engine.profile(["a"])) == 1


def test_open_data_names_what_there_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="movielens-small"):
        open_data("movielens-smal")
    with pytest.raises(BadInput, match="no such file"):
        open_data("missing/ratings.csv")


def test_open_data_reads_a_path(tmp_path):
    (tmp_path / "ratings.csv").write_text("user_id,item_id\n1,2\n2,2\n1,3\n", encoding="utf-8")
    assert open_data(str(tmp_path)).n_items == 2
