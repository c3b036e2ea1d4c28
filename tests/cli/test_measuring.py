"""``evaluate``, ``compare`` and ``tune``: protocols and settings from flags, reports whole, faults in one message."""

import json
import tomllib

import pytest

from warmstart.cli.tune import to_toml

QUICK = ["--shots", "0,5"]


def test_evaluate_gives_every_measure(run):
    done = run("evaluate", "movielens-small", "--model-name", "popularity", *QUICK, "--json")
    report = json.loads(done.out)
    assert done.code == 0
    assert {row["k"] for row in report["rows"]} == {0, 5}
    assert {"ndcg@10", "recall@20", "hr@10"} <= {row["measure"] for row in report["rows"]}


def test_settings_of_protocol_and_recommender_are_flags(run):
    words = ["evaluate", "--model-name", "popularity", "--train-on", "all", "--k", "5", "--seed", "3", *QUICK, "--json"]
    report = json.loads(run(*words).out)
    assert report["about"]["settings"]["k"] == 5
    assert report["about"]["settings"]["seed"] == 3
    assert report["settings"]["popularity"]["train_on"] == "all"


def test_compare_shows_a_table_and_leaves_a_report(run, tmp_path):
    done = run("compare", "--models", "random,popularity", *QUICK, "--out", "report")
    assert done.code == 0
    assert "k=5" in done.out
    assert "popularity" in done.out
    assert {"report.json", "report.txt", "curve.html"} <= {path.name for path in (tmp_path / "report").iterdir()}


def test_compare_with_several_seeds_makes_a_report_each_and_one_of_all(run, tmp_path):
    done = run("compare", "--models", "popularity", *QUICK, "--seeds", "0,1", "--out", "report")
    assert "seeds 0, 1" in done.out
    folders = [tmp_path / "report" / "seed-0", tmp_path / "report" / "seed-1", tmp_path / "report"]
    first, second, both = (json.loads((folder / "report.json").read_text())["rows"][0] for folder in folders)
    assert both["n"] == first["n"] + second["n"]
    mean = (first["mean"] * first["n"] + second["mean"] * second["n"]) / both["n"]
    assert both["mean"] == pytest.approx(mean)
    assert f"{mean:.4f}" in done.out


def test_tuned_settings_are_used_by_the_other_commands(run):
    done = run("tune", "--recommender", "popularity", "--trials", "3", *QUICK, "--out", "best.toml", "--json")
    best = json.loads(done.out)["best"]
    report = json.loads(run("compare", "--models", "popularity", *QUICK, "--settings", "best.toml", "--json").out)
    assert report["settings"]["popularity"] == best
    trained = json.loads(
        run("train", "movielens-small", "--recommender=popularity", "--model=m", "--settings=best.toml", "--json").out
    )
    assert trained["settings"] == best


def test_a_broken_off_search_goes_on(run, tmp_path):
    for trials in ("2", "3"):
        words = ["tune", "--recommender", "popularity", "--trials", trials, *QUICK, "--log", "trials.jsonl"]
        assert run(*words).code == 0
    assert len((tmp_path / "trials.jsonl").read_text().splitlines()) == 3


@pytest.fixture
def split(tmp_path):
    """Three likes of train, one shown and one asked of each new user; film 9 has no training event."""
    rows = {
        "train": ["a,1,5", "a,2,5", "a,3,1", "b,1,4", "b,2,5", "c,2,4", "c,3,5", "c,1,2"],
        "support": ["x,1,5", "y,2,4"],
        "query": ["x,2,5", "y,9,5", "y,1,1"],
    }
    (tmp_path / "split").mkdir()
    for name, lines in rows.items():
        text = "\n".join(["user_id,item_id,value", *lines]) + "\n"
        (tmp_path / "split" / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path / "split"


@pytest.mark.parametrize(("candidates", "protocol"), [("all", "cold-user"), ("cold", "cold-item"), ("query", "rating")])
def test_a_ready_made_split_is_measured_unchanged(run, split, candidates, protocol):
    words = ["evaluate", "--split", split, "--model-name", "popularity", "--protocol", protocol, "--like-from", "4"]
    explicit = json.loads(run(*words, "--candidates", candidates, "--json").out)
    assert explicit["about"]["settings"]["candidates"] == candidates
    assert explicit["about"]["data"]["like_from"] == 4
    if candidates != "query":
        implied = json.loads(run(*words, "--json").out)
        assert implied["rows"] == explicit["rows"]
    names = {row["measure"] for row in explicit["rows"]}
    assert ("mae" in names) == (protocol == "rating")


def test_a_split_without_validation_users_tunes_nothing(run, split):
    done = run("tune", "--split", split, "--recommender", "popularity")
    assert done.code == 2
    assert "validation" in done.err


def test_settings_survive_toml():
    settings = {"a": 1, "b": 0.25, "c": 'say "x"\n\N{SNOWMAN}', "d": True, "e": [1, 2], "f": {"x": 0.5}, "g": 1e-7}
    assert tomllib.loads(to_toml(settings | {"none": None})) == settings


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare", "--models", "popularity,eas"], "Nearest: ease"),
        (["compare", "--models", ""], "no recommender"),
        (["compare", "--models", "ease,ease"], "twice: ease"),
        (["compare", "--models", "popularity", "--seeds", "0,0"], "--seeds"),
        (["compare", "--models", "popularity", "--seeds", "many"], "--seeds"),
        (["compare", "--models", "popularity", "--shot", "3"], "nearest: shots"),
        (["compare", "--models", "popularity", "--shots", "few"], "shots"),
        (["compare", "--models", "popularity", "--shots", "-1"], "shots"),
        (["compare", "--models", "popularity", "--candidates", "all"], "belongs to --split"),
        (["compare", "movielens-small", "--split", "here"], "brings its own data"),
        (["compare", "--models", "popularity", "--protocol", "warm-user"], "cold-user"),
        (["compare", "--models", "popularity", "--settings", "absent.toml"], "absent.toml"),
        (["evaluate", "--model-name", "popularity", "--neighbours", "5"], "unknown setting 'neighbours'"),
        (["evaluate", "nothing-of-that-name"], "movielens-small"),
        (["tune", "--recommender", "popularity", "--trials", "0"], "trials"),
        (["compare", "--split", "nowhere", "--models", "popularity"], "nowhere"),
    ],
)
def test_mistakes_end_in_one_message_and_code_two(run, tmp_path, words, message):
    done = run(*words)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_settings_of_strangers_are_refused(run, tmp_path):
    (tmp_path / "best.toml").write_text("[eas]\nregularisation = 3\n", encoding="utf-8")
    assert "no recommender is called eas" in run("compare", "--models", "ease", "--settings", "best.toml").err
