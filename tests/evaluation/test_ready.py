import numpy as np
import polars as pl
import pytest

from tests.evaluation.toys import make_data
from warmstart.core.errors import BadInput, BadTable
from warmstart.evaluation.cold_item import ColdItem
from warmstart.evaluation.cold_user import ColdUser
from warmstart.evaluation.evaluate import evaluate
from warmstart.evaluation.rating import Rating
from warmstart.evaluation.ready import ReadySplit
from warmstart.evaluation.ready_tables import write_tables

TRAIN = "user_id,item_id,value\na,1,5\na,2,4\nb,1,5\nb,3,2\nc,2,5\nc,4,4\n"
SUPPORT = "user_id,item_id,value\nx,1,5\n"
QUERY = "user_id,item_id,value\nx,2,5\nx,3,1\na,4,4\n"


@pytest.fixture
def folder(tmp_path):
    for name, text in (("train", TRAIN), ("support", SUPPORT), ("query", QUERY)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def numbers(report, model, measures):
    found = {(name, measure): one.mean for (name, _, measure), one in report.estimates.items()}
    return [found[model, measure] for measure in measures]


# a protocol's own split, read back


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("timed", [True, False])
def test_a_cold_user_split_reproduces_its_numbers(tmp_path, form, timed):
    data = make_data(timed=timed)
    protocol = ColdUser(pool=10, shots=(3,))
    split = protocol.split(data)
    folder = write_tables(data, split, split.test[0], tmp_path / "split", form)
    models = ["popularity", "item_knn", "ease", "user_knn"]
    direct = evaluate(models, data, protocol)
    again = evaluate(models, None, ReadySplit(folder=folder))
    assert again.shots == [3]
    for model in models:
        names = ["ndcg@10", "hr@10", "precision@10", "map@10", "mrr", "auc", "novelty@10", "coverage@10", "gini@10"]
        assert numbers(again, model, names) == pytest.approx(numbers(direct, model, names), abs=1e-12), model


def test_a_cold_item_split_reproduces_its_numbers(tmp_path):
    data = make_data()
    protocol = ColdItem(k=10)
    split = protocol.split(data)
    folder = write_tables(data, split, split.test[0], tmp_path)
    models = ["popularity", "random", "content"]
    direct = evaluate(models, data, protocol)
    again = evaluate(models, None, ReadySplit(folder=folder, candidates="cold"))
    for model in models:
        names = ["ndcg@10", "recall@10", "mrr", "auc"]
        assert numbers(again, model, names) == pytest.approx(numbers(direct, model, names), abs=1e-12), model


def test_a_rating_split_reproduces_its_numbers(tmp_path):
    data = make_data()
    protocol = Rating(new=("user",), most=60)
    split = protocol.split(data)
    folder = write_tables(data, split, split.test[0], tmp_path)
    again = evaluate(["popularity"], None, ReadySplit(folder=folder, kind="rating", k=5))
    direct = evaluate(["popularity"], data, protocol)
    assert numbers(again, "random floor", ["ndcg@5"]) == pytest.approx(numbers(direct, "random floor", ["ndcg@5"]))
    # the calibration rests on other tasks here, so that values are alike but not the same
    assert numbers(again, "popularity", ["mae"]) == pytest.approx(numbers(direct, "popularity", ["mae"]), abs=0.05)


# what is shown, asked and ranked


def test_support_users_may_be_new_or_known_and_may_be_shown_nothing(folder):
    split = ReadySplit(folder=folder).split(None)
    [panel] = split.test
    assert [one.tolist() for one in (panel.tasks.support.lengths, panel.tasks.query.lengths)] == [[0, 1], [1, 1]]
    assert split.facts["test users met in training"] == 1
    assert split.facts["query rows without a like"] == 1


def test_an_empty_support_is_zero_shots(folder):
    (folder / "support.csv").write_text("user_id,item_id\n")
    assert evaluate(["popularity"], None, ReadySplit(folder=folder)).shots == [0]


def test_without_values_every_query_row_is_a_like(folder):
    (folder / "query.csv").write_text("user_id,item_id\nx,2\nx,3\n")
    assert ReadySplit(folder=folder).split(None).test[0].tasks.query.lengths.tolist() == [2]


def test_a_threshold_can_be_given(folder):
    panel = ReadySplit(folder=folder, like_from=1).split(None).test[0]
    assert sorted(panel.tasks.query.lengths.tolist()) == [1, 2]


def test_query_rows_that_were_shown_are_left_out_and_counted(folder):
    (folder / "support.csv").write_text("user_id,item_id,value\nx,1,5\nx,2,5\n")
    (folder / "query.csv").write_text("user_id,item_id,value\nx,2,5\nx,4,5\n")
    split = ReadySplit(folder=folder).split(None)
    assert split.test[0].tasks.query.lengths.tolist() == [1]
    assert split.facts["query rows that the support shows, left out"] == 1


def test_cold_candidates_are_items_without_training_events(folder):
    (folder / "items.csv").write_text("item_id,title\n1,A\n2,B\n3,C\n4,D\n9,New\n")
    (folder / "query.csv").write_text("user_id,item_id,value\nx,9,5\nx,8,5\n")
    split = ReadySplit(folder=folder, candidates="cold").split(None)
    candidates = split.test[0].candidates
    assert isinstance(candidates, np.ndarray)
    cold = [item for item, is_cold in zip(split.train.item_ids, candidates, strict=True) if is_cold]
    assert [str(item) for item in cold] == ["9", "8"]
    assert split.test[0].tasks.query.lengths.tolist() == [2]


def test_query_candidates_rank_disliked_items_too_and_show_the_floor(folder):
    report = evaluate(["popularity"], None, ReadySplit(folder=folder, candidates="query", k=2))
    # x likes the second most popular of her two; a has but one candidate
    assert report.mean("popularity", "ndcg@2", [0]) == pytest.approx(1.0)
    floor = np.mean([(1 + 1 / np.log2(3)) / 2, 1.0])
    assert report.mean("random floor", "ndcg@2", [0]) == pytest.approx(floor)
    assert report.about["notes"][0].startswith("Only a user's own")


def test_hidden_items_are_not_ranked(folder):
    (folder / "hidden.csv").write_text("user_id,item_id\nx,4\n")
    panel = ReadySplit(folder=folder).split(None).test[0]
    shown = panel.rankable(np.zeros((2, 4), dtype=np.float32), 0)
    assert np.isneginf(shown).sum(axis=1).tolist() == [0, 2]


def test_validation_tells_known_users_from_new_ones(folder):
    (folder / "validation.csv").write_text("user_id,item_id,value\na,3,5\nv,1,5\nv,2,5\nv,4,5\n")
    (folder / "support.csv").write_text("user_id,item_id,value\nx,1,5\na,1,5\n")
    split = ReadySplit(folder=folder).split(None)
    [panel] = split.validate
    assert panel.tasks.support.lengths.tolist() == [2, 1]
    assert panel.tasks.query.lengths.tolist() == [1, 2]
    assert split.validation is not None
    assert split.validation.user_ids.tolist() == ["v"]


def test_attributes_come_from_the_users_table(folder):
    (folder / "users.csv").write_text("user_id,age\nx,30\na,40\nb,50\n")
    panel = ReadySplit(folder=folder, attributes=True).split(None).test[0]
    assert panel.users is not None
    assert panel.users["age"].to_list() == [40, 30]
    assert ReadySplit(folder=folder).split(None).test[0].users is None


def test_ids_are_matched_by_text_across_formats(folder):
    (folder / "query.csv").unlink()
    pl.DataFrame({"user_id": ["x"], "item_id": ["2"], "value": [5.0]}).write_parquet(folder / "query.parquet")
    assert ReadySplit(folder=folder).split(None).test[0].tasks.query.lengths.tolist() == [1]


# bad input


def test_all_missing_tables_are_named_at_once(tmp_path):
    (tmp_path / "train.csv").write_text(TRAIN)
    with pytest.raises(BadTable) as caught:
        ReadySplit(folder=tmp_path).split(None)
    assert len(caught.value.faults) == 2
    assert "'support' is missing" in str(caught.value)
    assert "'query' is missing" in str(caught.value)


def test_all_missing_columns_are_named_at_once(folder):
    (folder / "train.csv").write_text("who,what\na,b\n")
    (folder / "query.csv").write_text("user_id,thing\na,b\n")
    with pytest.raises(BadTable) as caught:
        ReadySplit(folder=folder).split(None)
    places = {(fault.where, fault.column) for fault in caught.value.faults}
    assert places == {("train.csv", "user_id"), ("train.csv", "item_id"), ("query.csv", "item_id")}


def test_an_empty_query_is_refused(folder):
    (folder / "query.csv").write_text("user_id,item_id\n")
    with pytest.raises(BadTable, match="header but no row"):
        ReadySplit(folder=folder).split(None)


def test_an_empty_file_is_refused(folder):
    (folder / "support.csv").write_text("")
    with pytest.raises(BadTable, match=r"support\.csv"):
        ReadySplit(folder=folder).split(None)


def test_two_files_for_one_table_are_refused(folder):
    (folder / "query.tsv").write_text(QUERY.replace(",", "\t"))
    with pytest.raises(BadTable, match="two files for one table"):
        ReadySplit(folder=folder).split(None)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no folder"):
        ReadySplit(folder=tmp_path / "nowhere").split(None)


def test_a_query_without_likes_is_refused(folder):
    (folder / "query.csv").write_text("user_id,item_id,value\nx,2,1\n")
    with pytest.raises(BadInput, match="like_from"):
        ReadySplit(folder=folder).split(None)


def test_a_data_set_beside_it_is_refused(folder, data):
    with pytest.raises(BadInput, match="its own data"):
        ReadySplit(folder=folder).split(data)


def test_attributes_without_users_are_refused(folder):
    with pytest.raises(BadInput, match="users table"):
        ReadySplit(folder=folder, attributes=True).split(None)


def test_tuning_without_a_validation_table_is_refused(folder):
    with pytest.raises(BadInput, match="validation"):
        evaluate(["item_knn"], None, ReadySplit(folder=folder), trials=2)
