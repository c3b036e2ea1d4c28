import datetime as dt
import math
import subprocess
import sys
from typing import Literal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.core.errors import BadConfig, BadInput, BadTable
from warmstart.data.dataset import Dataset
from warmstart.data.likes import like_rule

EVENTS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 8), st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), st.integers(0, 50)),
    min_size=1,
    max_size=60,
)


def table(rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["user_id", "item_id", "value", "timestamp"], orient="row")


def found(data: Dataset) -> dict[str, int]:
    assert data.report is not None
    return {finding.problem: finding.count for finding in data.report}


def events(data: Dataset) -> dict[tuple[object, object], float]:
    histories = data.histories
    ids = data.item_ids
    return {
        (data.user_ids[row], ids[item]): value
        for row, item, value in zip(histories.rows, histories.items, histories.values.tolist(), strict=True)
    }


@given(EVENTS)
def test_every_row_is_kept_or_accounted_for(rows):
    data = Dataset.from_frames(table(rows))
    assert data.report is not None
    merged = sum(finding.count for finding in data.report if finding.treatment == "merged")
    assert data.report.events_read == len(rows) == data.report.events_kept + merged
    assert len(data.histories.items) == data.report.events_kept


@given(EVENTS, st.randoms())
def test_order_of_rows_does_not_matter_where_times_differ(rows, random):
    rows = [(user, item, value, time) for time, (user, item, value, _) in enumerate(rows)]
    shuffled = random.sample(rows, len(rows))
    one, other = Dataset.from_frames(table(rows)), Dataset.from_frames(table(shuffled))
    assert one.item_ids == other.item_ids
    assert np.array_equal(one.histories.items, other.histories.items)
    assert np.array_equal(one.histories.values, other.histories.values)


@given(EVENTS)
def test_policies_for_repeats(rows):
    rows = [(user, item, value, time) for time, (user, item, value, _) in enumerate(rows)]
    expected: dict[Literal["last", "max", "sum"], dict[tuple[int, int], float]] = {"last": {}, "max": {}, "sum": {}}
    for user, item, value, _ in rows:
        key = (user, item)
        expected["last"][key] = value
        expected["max"][key] = max(value, expected["max"].get(key, -math.inf))
        expected["sum"][key] = value + expected["sum"].get(key, 0.0)
    for policy, wanted in expected.items():
        assert events(Dataset.from_frames(table(rows), repeats=policy)) == wanted


@given(EVENTS)
def test_histories_are_in_order_of_time(rows):
    histories = Dataset.from_frames(table(rows)).histories
    for user in range(len(histories)):
        times = histories[user].times
        assert times is not None
        assert (np.diff(times) >= 0).all()


def test_order_without_time_is_that_of_the_table():
    data = Dataset.from_frames(pl.DataFrame({"user": [2, 1, 2, 1], "item": ["z", "y", "a", "b"]}))
    assert [data.item_ids[item] for item in data.histories[1].items] == ["z", "a"]
    assert data.histories.times is None


@given(EVENTS, st.integers(2, 4))
@settings(max_examples=50)
def test_k_core_leaves_only_who_has_enough(rows, k):
    try:
        data = Dataset.from_frames(table(rows), k_core=k)
    except BadTable:
        return
    assert data.histories.lengths.min() >= k
    assert np.bincount(data.histories.items, minlength=data.n_items).min() >= k


def test_ids_come_back_as_they_came_and_match_by_text():
    ratings = pl.DataFrame({"user": [7, 8], "item": [1, 22]})
    items = pl.DataFrame({"item": ["22", "3"], "title": ["Heat", "Alien"]})
    data = Dataset.from_frames(ratings, items)
    assert data.item_ids == ["22", "3", "1"]
    assert data.catalogue.titles == ["Heat", "Alien", "1"]
    assert data.user_ids.tolist() == [7, 8]
    assert data.catalogue.index(22) == 0
    assert Dataset.from_frames(ratings).item_ids == [1, 22]


@pytest.mark.parametrize(
    "name", ["two words", 'quo"te', "it's", "🎬🍿", "שלום עולם", "a\tb", "ümlaut", "007", "1e5", "="]
)
def test_ids_of_any_kind(name):
    data = Dataset.from_frames(pl.DataFrame({"user": [name, "other"], "item": ["x", name]}))
    assert name in data.user_ids.tolist()
    assert name in data.item_ids
    assert data.catalogue.index(name) == data.item_ids.index(name)


def test_integers_with_gaps_stay_integers():
    frame = pd.DataFrame({"user": [1, 2, None], "item": [10, None, 30]})
    data = Dataset.from_frames(frame)
    assert data.user_ids.tolist() == [1]
    assert data.item_ids == [10]
    assert found(data) == {"column 'user': id is missing": 1, "column 'item': id is missing": 1}


def test_what_cannot_be_used_is_dropped_counted_and_shown():
    frame = pl.DataFrame(
        {
            "user": ["a", "a", "a", "a", "a", None, " ", "b", "b"],
            "item": ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
            "rating": ["5", "x", "NaN", "inf", None, "3", "3", "4", "2"],
            "time": [10, 20, 30, 40, 50, 60, 70, 80, 4_000_000_000],
        }
    )
    data = Dataset.from_frames(frame, now=1.7e9)
    assert found(data) == {
        "column 'user': id is missing": 2,
        "column 'rating': value is missing": 1,
        "column 'rating': value is not a number": 1,
        "column 'rating': value is not finite": 2,
        "column 'time': time lies in the future": 1,
    }
    assert data.report is not None
    shown = {finding.problem: finding.examples for finding in data.report}
    assert shown["column 'rating': value is not a number"] == ("row 2: 'x'",)
    assert events(data) == {("a", "1"): 5.0, ("b", "8"): 4.0}


def test_strict_names_every_faulty_row_at_once():
    frame = pl.DataFrame({"user": ["a", None, "c"], "item": ["1", "2", "3"], "rating": ["x", "5", "inf"]})
    with pytest.raises(BadTable) as caught:
        Dataset.from_frames(frame, strict=True)
    places = [(fault.where, fault.column, fault.row, fault.value) for fault in caught.value.faults]
    assert places == [
        ("interactions", "rating", 1, "x"),
        ("interactions", "user", 2, None),
        ("interactions", "rating", 3, "inf"),
    ]
    assert "3 faults" in str(caught.value)


def test_items_and_users_are_aligned_and_strangers_counted():
    ratings = pl.DataFrame({"user": ["b", "a", "b"], "item": ["x", "y", "z"], "rating": [1.0, 5.0, 4.0]})
    items = pl.DataFrame({"name": ["Zed", "Ex", None, "Again", "Lost"], "item": ["z", "x", "cold", "z", None]})
    users = pl.DataFrame({"uid": ["c", "b"], "age": [30, 40]})
    data = Dataset.from_frames(ratings, items, users)
    assert data.items is not None
    assert data.users is not None
    assert data.item_ids == ["z", "x", "cold", "y"]
    assert data.items.rows() == [("z", "Zed"), ("x", "Ex"), ("cold", None), ("y", None)]
    assert data.items.columns == ["item_id", "title"]
    assert data.catalogue.titles == ["Zed", "Ex", "cold", "y"]
    assert data.users.rows() == [("a", None), ("b", 40)]
    assert data.users.columns == ["user_id", "age"]
    assert found(data) == {
        "column 'item': id is missing": 1,
        "id met before, the first row stays": 1,
        "item of an event that items does not hold": 1,
        "item without a usable event": 1,
        "user of an event that users does not hold": 1,
        "user without a usable event": 1,
    }


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ([86400, 172800], [86400.0, 172800.0]),
        ([964982703000, 964982704000], [964982703.0, 964982704.0]),
        ([964982703000000, 964982704000000], [964982703.0, 964982704.0]),
        (["1970-01-02", "1970-01-03"], [86400.0, 172800.0]),
        (["1970-01-01T02:00:00+01:00", "1970-01-01 02:00:00Z"], [3600.0, 7200.0]),
        (["1970-01-01T02:00:00+0100", "1970-01-01T02:00"], [3600.0, 7200.0]),
        (["01-Jan-1970", "1970/01/02"], [0.0, 86400.0]),
        ([dt.date(1970, 1, 2), dt.date(1970, 1, 3)], [86400.0, 172800.0]),
        ([dt.datetime(1970, 1, 1, 1, tzinfo=dt.UTC), dt.datetime(1970, 1, 1, 2, tzinfo=dt.UTC)], [3600.0, 7200.0]),
        (["100", "200"], [100.0, 200.0]),
    ],
)
def test_times_of_many_forms(times, seconds):
    data = Dataset.from_frames(pl.DataFrame({"user": [1, 1], "item": [1, 2], "ts": times}))
    assert data.histories.times is not None
    assert data.histories.times.tolist() == seconds


def test_times_that_cannot_be_read_are_dropped_and_an_empty_column_is_no_time():
    frame = pl.DataFrame({"user": [1, 1, 1], "item": [1, 2, 3], "date": ["2020-01-01", "soon", None]})
    data = Dataset.from_frames(frame)
    assert data.item_ids == [1]
    assert found(data) == {"column 'date': time is missing": 1, "column 'date': time cannot be read": 1}
    empty = Dataset.from_frames(frame.with_columns(date=pl.lit(None, pl.String)))
    assert empty.histories.times is None
    assert empty.n_items == 3


def test_pandas_arrow_polars_rows_and_columns_give_the_same_data():
    columns = {"user": ["a", "b", "b"], "item": [3, 1, 3], "rating": [5.0, 2.5, 4.0]}
    frame = pl.DataFrame(columns)
    rows = frame.rows(named=True)
    given_as = [frame, frame.lazy(), pd.DataFrame(columns), pa.table(columns), columns, rows]
    wanted = events(Dataset.from_frames(frame))
    assert all(events(Dataset.from_frames(each)) == wanted for each in given_as)


WITHOUT_ARROW = """
import sys
from typing import Literal
sys.modules["pyarrow"] = None
import pandas as pd
from warmstart.data.dataset import Dataset
frame = pd.DataFrame({
    "user": pd.Series(["a", "b", "c"], dtype="category"),
    "item": pd.array([1, 2, None], dtype="Int64"),
    "rating": [1.0, float("nan"), 3.0],
    "time": pd.to_datetime(["2020-01-01", "2020-01-02", None]).tz_localize("UTC"),
})
data = Dataset.from_frames(frame, pd.DataFrame({"item": [1, 5], "title": ["Heat", None]}))
print(data.user_ids.tolist(), data.item_ids, data.histories.times.tolist(), data.catalogue.titles)
"""


def test_pandas_needs_no_arrow():
    done = subprocess.run([sys.executable, "-c", WITHOUT_ARROW], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "['a'] [1, 5] [1577836800.0] ['Heat', '5']", done.stderr


def test_two_columns_of_one_name_are_refused():
    frame = pd.DataFrame([[1, 2, 3]], columns=["user", "item", "item"])
    with pytest.raises(BadTable, match="column 'item': name of more than one column"):
        Dataset.from_frames(frame)


def test_columns_are_found_by_their_usual_names():
    frame = pl.DataFrame({"Visitor-ID": [1], "parent_asin": ["b"], "Overall:float": [5.0], "unixReviewTime": [9]})
    data = Dataset.from_frames(frame)
    assert data.report is not None
    assert data.report.columns["interactions"] == {
        "user_id": "Visitor-ID",
        "item_id": "parent_asin",
        "value": "Overall:float",
        "timestamp": "unixReviewTime",
    }


def test_columns_can_be_told():
    frame = pl.DataFrame({"wer": [1, 2], "was": [3, 4], "rating": [1, 2], "wie": [5, 1]})
    data = Dataset.from_frames(frame, columns={"wer": "user_id", "was": "item_id", "wie": "value"})
    assert events(data) == {(1, 3): 5.0, (2, 4): 1.0}


def test_missing_columns_of_all_tables_are_named_with_candidates():
    with pytest.raises(BadTable) as caught:
        Dataset.from_frames(pl.DataFrame({"wer": [1], "x": [2]}), pl.DataFrame({"y": [1]}), columns={"wre": "user_id"})
    text = str(caught.value)
    assert "4 faults" in text
    assert "'wre'" in text
    assert "Nearest: wer" in text
    assert "interactions, column 'user_id': column is missing. Columns there: 'wer', 'x'." in text
    assert "items, column 'item_id': column is missing. Columns there: 'y'." in text


def test_columns_told_the_wrong_way_round():
    with pytest.raises(BadTable, match=r"other way round: columns=\{'was': 'item_id'\}"):
        Dataset.from_frames(pl.DataFrame({"user": [1], "was": [2]}), columns={"item_id": "was"})


def test_a_told_column_may_not_take_the_name_of_another():
    with pytest.raises(BadTable, match="there is one already"):
        Dataset.from_frames(pl.DataFrame({"user_id": [1], "wer": [1], "item_id": [2]}), columns={"wer": "user_id"})


@pytest.mark.parametrize(
    "options", [{"repeats": "first"}, {"k_core": -1}, {"like_from": math.nan}, {"like_from": "4 up"}]
)
def test_policies_that_do_not_exist(options):
    with pytest.raises(BadConfig, match=next(iter(options))):
        Dataset.from_frames(pl.DataFrame({"user": [1], "item": [1]}), **options)


@pytest.mark.parametrize("what", [3, "ratings.csv", [1, 2], None])
def test_what_is_no_table(what):
    with pytest.raises(BadInput, match="is no table"):
        Dataset.from_frames(what)


def test_no_row_at_all_and_no_usable_row():
    with pytest.raises(BadTable, match="a header but no row"):
        Dataset.from_frames(pl.DataFrame({"user": [], "item": []}))
    with pytest.raises(BadTable, match=r"no row can be used.*value is not a number: 1 dropped"):
        Dataset.from_frames(pl.DataFrame({"user": [1], "item": [1], "rating": ["?"]}))


def test_one_user_one_item():
    data = Dataset.from_frames(pl.DataFrame({"user": ["only"], "item": ["one"], "rating": [3.0]}))
    assert (data.n_users, data.n_items, data.like_from) == (1, 1, None)
    assert data.liked.tolist() == [True]


def test_no_likes_at_all():
    data = Dataset.from_frames(pl.DataFrame({"user": [1, 2], "item": [1, 2], "rating": [1.0, 2.0]}), like_from=4)
    assert not data.liked.any()
    assert data.catalogue.like_value == 4.0
    assert data.catalogue.dislike_value == 1.5


def test_ten_million_characters_in_one_title():
    title = "long " * 2_000_000
    items = pl.DataFrame({"item": [1, 2], "title": [title, "Heat"]})
    data = Dataset.from_frames(pl.DataFrame({"user": [1, 1], "item": [1, 2]}), items)
    assert data.items is not None
    assert len(data.items["title"][0]) == 10_000_000
    assert len(data.catalogue.titles[0]) == 500
    assert data.catalogue.nearest("hea") == ["Heat"]


@pytest.mark.parametrize(
    ("values", "like_from", "like", "dislike"),
    [
        ([1, 2, 3, 4, 5, 5, 4], 4, 4.5, 2.0),
        ([0.5, 1, 2.5, 4, 4.5, 5], 4, 4.5, 1.5),
        ([3, 4, 5, 4, 4], 4, 4.0, 3.0),
        ([0, 1, 0, 0, 1], 1, 1.0, 0.0),
        ([-1, 1, 1], 1, 1.0, -1.0),
        ([1, 3, 6, 8, 10, 10], 8, 9.5, 3.5),
        ([1, 1, 1, 2, 2, 3], None, 1.5, 0.0),
        ([1, 1, 1, 1, 2, 1, 9, 120], None, 1.0, 0.0),
        ([7, 7, 7], None, 7.0, 0.0),
        ([0.1, 55.5, 3000.0], None, 55.5, 0.0),
    ],
)
def test_rule_of_likes(values, like_from, like, dislike):
    rule = like_rule(np.array(values, dtype=np.float64))
    assert (rule.like_from, rule.like_value, rule.dislike_value) == (like_from, like, dislike)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(-1e6, 1e6))
def test_a_bare_like_is_a_like_and_a_bare_dislike_is_none(values, threshold):
    rule = like_rule(np.array(values), threshold)
    assert rule.like_value >= threshold > rule.dislike_value


def test_sample_says_its_rule(small):
    assert small.like_from == 4.0
    assert small.report is not None
    assert small.report.like_rule == "a like from 4 on: three quarters up the scale of 0.5 to 5"
