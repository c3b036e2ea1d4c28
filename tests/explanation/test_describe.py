"""``warmstart describe``: texts for a data set or a table, resumable, with errors that say what to do."""

import json

import pytest

from warmstart.cli.app import main


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def command(*words):
        with pytest.raises(SystemExit) as caught:
            main(["describe", *map(str, words)])
        out, err = capsys.readouterr()
        return caught.value.code, out, err

    return command


@pytest.fixture
def films(tmp_path):
    file = tmp_path / "movies.csv"
    file.write_text(
        'movieId,title,genres\n1,"Matrix, The (1999)",Action|Sci-Fi\n2,Heat (1995),Crime\n9,,\n', encoding="utf-8"
    )
    return file


def _rows(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def test_a_table_of_items_is_described(run, films):
    code, out, _ = run(films)
    assert code == 0
    assert "The Matrix" in out
    assert "This film is in the catalogue." in out


def test_json_is_one_document(run):
    code, out, err = run("movielens-small", "-n", 3, "--language", "zh", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert [row["item_id"] for row in found["texts"]] == [1, 2, 3]
    assert found["origins"] == {"template": 3}
    assert "《Toy Story》" in found["texts"][0]["text"]


def test_a_second_run_goes_on_where_the_first_stopped(run, films, tmp_path):
    out = tmp_path / "texts.jsonl"
    run(films, "--out", out, "-n", 1)
    with out.open("a", encoding="utf-8") as file:
        file.write('{"item_id": "2", "te')
    code, said, err = run(films, "--out", out, "--json")
    assert code == 0
    assert [json.loads(said)[name] for name in ("written", "kept")] == [2, 1]
    assert "1 texts were there already" in err
    assert [row["item_id"] for row in _rows(out)] == ["1", "2", "9"]
    before = out.read_bytes()
    assert run(films, "--out", out)[0] == 0
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["nowhere"], "no such file"),
        (["FILMS", "--language", "fr"], "fr"),
        (["FILMS", "--what", "banana"], "film, book"),
        (["FILMS", "--model", "smollm3"], "There is no language model"),
        (["FILMS", "--model", "static"], "writes no text"),
        (["FILMS", "--deadline", "0"], "above 0"),
        (["FILMS", "-n", "0"], "--n"),
    ],
)
def test_mistakes_end_in_one_message(run, films, flags, message):
    code, out, err = run(*[films if word == "FILMS" else word for word in flags])
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert out == ""


def test_a_file_of_another_run_or_of_something_else_is_left_alone(run, films, tmp_path):
    out = tmp_path / "texts.jsonl"
    run(films, "--out", out)
    before = out.read_bytes()
    code, _, err = run(films, "--out", out, "--language", "zh")
    assert code == 2
    assert "another run" in err
    assert out.read_bytes() == before
    out.write_text("my notes\n", encoding="utf-8")
    assert run(films, "--out", out)[0] == 2
    assert out.read_text(encoding="utf-8") == "my notes\n"
