"""``warmstart demo`` and ``doctor``: the story is told whole, and the machine is described as it is."""

import json

import pytest

from warmstart.cli import demo
from warmstart.core.errors import BadInput


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(demo, "RIVALS", ("popularity",))


def test_demo_tells_the_story_and_leaves_report_picture_and_model(run, short, tmp_path):
    done = run("demo", "--out", "there", "--recommender", "user_knn")
    assert done.code == 0
    for _, title in demo.STORY:
        assert title in done.out
    assert "new" in done.out
    assert f"warmstart recommend --model {'there/model'}" in done.out
    assert {"report.json", "curve.html", "curve.png", "model"} <= {path.name for path in (tmp_path / "there").iterdir()}


def test_demo_as_json_is_one_document_in_which_nothing_seen_is_recommended(run, short):
    told = json.loads(run("demo", "--recommender", "user_knn", "--json").out)
    assert len(told["story"]) == len(demo.STORY) + 1
    assert set(told["curves"]) == {"popularity", "user_knn"}
    assert told["story"][0]["moved"] is None
    said = [title for _, title in demo.STORY]
    for number, step in enumerate(told["story"]):
        assert not {item["title"] for item in step["items"]} & set(said[:number])


def test_doctor_says_what_is_there(run):
    about = json.loads(run("doctor", "--json").out)
    assert about["sample"]["works"]
    assert "movielens-small" in about["data_sets"]
    assert about["extras"]["plot"]["installed"]


def test_doctor_names_the_line_that_installs_an_extra(run, monkeypatch):
    monkeypatch.setattr("warmstart.cli.doctor.find_spec", lambda _: None)
    done = run("doctor")
    assert done.code == 0
    assert 'pip install "warmstart[als]"' in " ".join(done.out.split())


def test_doctor_fails_when_the_sample_does(run, monkeypatch):
    def broken(_):
        raise BadInput("the sample is gone")

    monkeypatch.setattr("warmstart.data.builtin.load_dataset", broken)
    done = run("doctor")
    assert done.code == 1
    assert "the sample is gone" in done.out
