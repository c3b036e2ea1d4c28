"""``warmstart recommend``: forgiving about titles, strict about everything that would be a guess."""

import json

import pytest


def test_recommends_by_title(run, model):
    done = run("recommend", "--model", model, "--likes", "the matrix", "--dislikes", "Heat (1995)", "-k", 4)
    assert done.code == 0
    assert len([line for line in done.out.splitlines() if line.lstrip()[:1].isdigit()]) == 4
    assert "resting on 2 events" in done.out


def test_json_is_one_document_and_nothing_else(run, model):
    done = run("recommend", "--model", model, "--likes", "Alien (1979)", "-k", 3, "--json")
    answer = json.loads(done.out)
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3]
    assert (answer["source"], answer["evidence"]) == ("item_knn", "few-shot")
    assert done.err == ""


def test_nobody_known_is_answered_from_the_prior(run, model):
    assert json.loads(run("recommend", "--model", model, "--json").out)["evidence"] == "prior"


def test_k_beyond_the_catalogue_gives_what_there_is(run, model):
    answer = json.loads(run("recommend", "--model", model, "--likes", "Alien (1979)", "-k", 10**6, "--json").out)
    assert len(answer["items"]) == 9741


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--likes", "the matrx"], "Matrix, The (1999)"),
        (["--likes", "Sabrina"], "fits several items"),
        (["--likes", "heat", "--dislikes", "Heat (1995)"], "Both liked and disliked"),
        (["-k", "-3"], "k must be at least 1"),
        (["-k", "0"], "k must be at least 1"),
        (["--user", "age"], "name=value"),
        (["--likes", "Alien (1979)", "--explain"], "no sum of contributions"),
        (["--on-unknown", "guess"], "raise"),
        (["-k", "many"], "-k"),
    ],
)
def test_mistakes_end_in_one_message_and_code_two(run, model, flags, message):
    done = run("recommend", "--model", model, *flags)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_unknown_titles_can_be_skipped_aloud(run, model):
    done = run("recommend", "--model", model, "--likes", "Nowhere to be found", "--on-unknown", "ignore", "--json")
    assert done.code == 0
    assert json.loads(done.out)["ignored"] == ["Nowhere to be found"]
    assert "skipped as unknown" in done.err


def test_flags_that_change_nothing_are_said_to(run, model):
    done = run("recommend", "--model", model, "--user", "age=25", "--text", "quiet and slow")
    assert "reads no attributes" in done.err
    assert "reads no text" in done.err


@pytest.mark.parametrize("kind", ["missing", "file", "empty folder", "foreign folder", "truncated"])
def test_a_model_folder_that_is_not_one(run, model, tmp_path, kind):
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("no model", encoding="utf-8")
    elif kind != "missing":
        place.mkdir()
    if kind == "foreign folder":
        (place / "model.json").write_text("[1, 2", encoding="utf-8")
    if kind == "truncated":
        for file in model.iterdir():
            (place / file.name).write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    done = run("recommend", "--model", place, "--likes", "Alien (1979)")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err


def test_reasons_are_the_events_and_add_up(run, tmp_path):
    rows = [f"{user},film {item},{(user * item) % 5 + 1}" for user in range(30) for item in range(user % 4, 12)]
    (tmp_path / "ratings.csv").write_text("user_id,item_id,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    flags = ["--tune", "false", "--values", "false"]
    assert run("train", "ratings.csv", "--model", "meta", "--like-from", "4", *flags).code == 0
    words = ["--likes", "film 7", "--dislikes", "film 3"]
    answer = json.loads(run("recommend", "--model", "meta", *words, "-k", "3", "--explain", "--json").out)
    for item in answer["items"]:
        assert {part["what"] for part in item["because_of"]} <= {"everybody", "film 7", "film 3"}
        assert sum(part["amount"] for part in item["because_of"]) == pytest.approx(item["score"], abs=1e-4)
    assert "because of" in run("recommend", "--model", "meta", *words, "--explain").out
