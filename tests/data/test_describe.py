import json

import numpy as np
import polars as pl
import pytest

from warmstart.cli.app import main
from warmstart.core.histories import Histories
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.data.describe import describe


@pytest.fixture
def warmstart(monkeypatch, tmp_path, capsys):
    """Run the command line with a registry of its own."""
    monkeypatch.setenv("WARMSTART_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WARMSTART_DATA", raising=False)

    def run(*words):
        with pytest.raises(SystemExit) as caught:
            main(list(map(str, words)))
        out, err = capsys.readouterr()
        return caught.value.code, out, err

    return run


def test_shares_of_a_data_set_small_enough_to_count():
    events = pl.DataFrame({"user": [1, 1, 1, 2, 2, 3], "item": list("abcaba"), "rating": [5, 4, 1, 5, 3, 4]})
    found = describe(
        Dataset.from_frames(events, pl.DataFrame({"item": list("abcd"), "year": [1990, 2000, 2010, 2020]}))
    )
    assert (found.n_users, found.n_items, found.n_events) == (3, 4, 6)
    assert found.density == 0.5
    assert found.likes == pytest.approx(4 / 6)
    assert found.items.none == 0.25
    assert (found.users.least, found.users.median, found.users.most) == (1, 2.0, 3)
    assert found.top_20 == 0.5
    assert found.gini == pytest.approx(np.abs(np.subtract.outer([3, 2, 1, 0], [3, 2, 1, 0])).mean() / (2 * 1.5))
    assert found.item_kinds == {"year": "numeric"}
    assert found.first is None


def test_a_data_set_that_was_never_cleaned_can_be_described():
    raw = Dataset("raw", Catalogue(["a", "b"], ["A", "B"]), np.array([1]), Histories.of([[0]]))
    assert any("every event is a like" in line for line in describe(raw).lines())


def test_json_round_trip_of_the_sample(small):
    found = describe(small).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["first"] == "1996-03-29"
    assert found["last"] == "2018-09-24"


def test_command_describes_what_was_dropped(warmstart, tmp_path):
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating\n1,2,5\n1,3,bad\n2,2,3\n")
    code, out, _ = warmstart("data", "describe", tmp_path / "ratings.csv")
    assert code == 0
    assert "dropped" in out
    assert "row 2: 'bad'" in out
    code, out, _ = warmstart("data", "describe", tmp_path / "ratings.csv", "--json")
    assert json.loads(out)["cleaning"]["findings"][0]["count"] == 1
    code, _, err = warmstart("data", "describe", tmp_path / "ratings.csv", "--strict")
    assert code == 2
    assert "ratings.csv, column 'rating', row 2: value is not a number (came: 'bad')" in err


def test_commands_register_and_list(warmstart, tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "events.csv").write_text("user,item\n1,a\n2,b\n")
    assert warmstart("data", "add", "shop", "--from", folder)[0] == 0
    code, out, _ = warmstart("data", "list", "--json")
    assert code == 0
    assert json.loads(out)[1] == {"name": "shop", "path": str(folder)}
    assert "shop" in warmstart("data", "list")[1]
    code, out, _ = warmstart("data", "describe", "shop", "--json")
    assert json.loads(out)["n_users"] == 2


def test_command_says_what_is_wrong(warmstart, tmp_path):
    code, _, err = warmstart("data", "add", "shop", "--from", tmp_path / "nowhere")
    assert code == 2
    assert "There is no file" in err
    assert "Traceback" not in err
    assert not (tmp_path / "home").exists()
