"""``warmstart train``: settings are flags, a mistake costs no training, nothing is half-written."""

import json
import signal
import subprocess
import sys
import time

import pytest

from warmstart.recommenders.popularity import Popularity
from warmstart.recommenders.table import load


@pytest.fixture
def ratings(tmp_path):
    rows = [f"{user},{item},{(user * item) % 5 + 1}" for user in range(12) for item in range(user % 4, 9)]
    (tmp_path / "ratings.csv").write_text("user_id,item_id,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path / "ratings.csv"


def test_trains_saves_and_says_so(run, ratings):
    done = run("train", ratings, "--model", "out", "--recommender", "ease", "--regularisation", "7", "--json")
    about = json.loads(done.out)
    assert (done.code, about["users"], about["items"]) == (0, 12, 9)
    assert about["settings"]["regularisation"] == 7
    assert load("out").config.model_dump()["regularisation"] == 7


def test_settings_may_stand_before_the_data(run, ratings):
    done = run(
        "train", "--recommender=ease", "--regularisation=7", "--events", "all", ratings, "--model", "out", "--json"
    )
    assert (done.code, json.loads(done.out)["settings"]["events"]) == (0, "all")


def test_like_from_reaches_the_data(run, ratings):
    for like_from, expected in (("2", 2.0), ("none", None)):
        run("train", ratings, "--model", "out", "--recommender", "popularity", "--like-from", like_from)
        assert load("out").catalogue.like_from == expected


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--recommender", "eas"], "Nearest: ease"),
        (["--recommender", "ease", "--regularization", "7"], "nearest: regularisation"),
        (["--recommender", "ease", "--regularisation", "much"], "regularisation"),
        (["--recommender", "ease", "--regularisation"], "has no value"),
        (["--recommender", "ease", "more"], "more"),
        (["--recommender", "ease", "--sed", "3"], "nearest: seed"),
        (["--recommender", "ease", "--like-from", "high"], "like_from"),
        (["--recommender", "ease", "--regularisation", "7", "another.csv"], "another.csv"),
    ],
)
def test_wrong_flags_end_in_code_two_and_write_nothing(run, ratings, tmp_path, flags, message):
    done = run("train", ratings, "--model", "out", *flags)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["ratings.csv"]


@pytest.mark.parametrize("content", ["", "user_id,item_id,value\n", "user_id,value\n1,2\n", "\x00\xff\xfe\x00"])
def test_unusable_tables_end_in_code_two(run, tmp_path, content):
    (tmp_path / "ratings.csv").write_text(content, encoding="latin-1")
    done = run("train", "ratings.csv", "--model", "out", "--recommender", "popularity")
    assert done.code == 2
    assert "ratings" in done.err
    assert not (tmp_path / "out").exists()


def test_missing_data_names_what_there_is(run):
    done = run("train", "nowhere.csv", "--model", "out", "--recommender", "ease")
    assert (done.code, done.out) == (2, "")
    assert "movielens-small" in done.err


def test_something_else_at_the_place_is_not_replaced(run, ratings, tmp_path, monkeypatch):
    place = tmp_path / "out"
    place.write_text("precious", encoding="utf-8")
    monkeypatch.setattr(Popularity, "fit", lambda *_, **__: pytest.fail("trained before looking at the place"))
    done = run("train", ratings, "--model", place, "--recommender", "popularity")
    assert done.code == 2
    assert place.read_text(encoding="utf-8") == "precious"


def test_an_interrupt_leaves_nothing_behind(run, ratings, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    run("train", ratings, "--model", "out", "--recommender", "popularity")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    monkeypatch.setattr("warmstart.core.artefact._move_into_place", interrupted)
    done = run("train", ratings, "--model", "out", "--recommender", "ease")
    assert done.code == 130
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "ratings.csv"]


@pytest.mark.parametrize("seconds", [0.8, 2.0])
def test_a_signal_leaves_a_whole_model_or_none(tmp_path, seconds):
    command = [sys.executable, "-c", "from warmstart.cli.app import main; main()", "train", "movielens-small"]
    process = subprocess.Popen([*command, "--recommender", "popularity", "--model", tmp_path / "out"])
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) in (0, 130, -signal.SIGINT, 1)
    assert [path.name for path in tmp_path.iterdir()] in ([], ["out"])
    if (tmp_path / "out").exists():
        assert load(tmp_path / "out").name == "popularity"


def test_config_file_has_the_keys_of_the_flags_and_flags_win(run, ratings, tmp_path):
    lines = [
        "[train]",
        'data = "ratings.csv"',
        'model = "out"',
        'recommender = "ease"',
        "regularisation = 11",
        "json = true",
    ]
    (tmp_path / "warmstart.toml").write_text("\n".join(lines), encoding="utf-8")
    assert json.loads(run("train", "--config", "warmstart.toml").out)["settings"]["regularisation"] == 11
    done = run("train", "--config", "warmstart.toml", "--regularisation", "12", "--model", "other")
    assert json.loads(done.out)["settings"]["regularisation"] == 12
    assert load("other").name == "ease"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train]\nregularisatoin = 3", "nearest: regularisation"),
        ("[recommend]\nlikse = 3", "nearest: likes"),
        ("[trian]\nseed = 3", "nearest: train"),
        ("[train\nseed = 3", "not valid TOML"),
        ("train = 3", "must be a section"),
        ("[train]\nseed = -3", "seed"),
    ],
)
def test_wrong_config_files_are_refused(run, ratings, tmp_path, text, message):
    (tmp_path / "warmstart.toml").write_text(text, encoding="utf-8")
    command = "recommend" if text.startswith("[recommend]") else "train"
    place = ["--model", "out"] if command == "recommend" else [ratings, "--model", "out", "--recommender", "ease"]
    done = run(command, *place, "--config", "warmstart.toml")
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_missing_config_file_is_named(run, ratings):
    done = run("train", ratings, "--model", "out", "--config", "absent.toml")
    assert done.code == 2
    assert "absent.toml" in done.err
