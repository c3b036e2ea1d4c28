"""``few-shot``: from flags and files to a table."""

import json

import pytest

from warmstart.evaluation.few_shot_files import read_prompts, write_prompts
from warmstart.meta.preference import Prompt

QUICK = ["--shots", "0,4", "--seeds", "0", "--json"]


@pytest.fixture
def files(tmp_path):
    prompts = [
        Prompt(f"u{place % 5}", ("Heat (1995)",) * (place % 2), ("Grease (1978)",), "Alien (1979)", place % 3 > 0)
        for place in range(30)
    ]
    return [write_prompts(prompts[start : start + 10], tmp_path / f"{start}.jsonl") for start in (0, 10, 20)]


def test_ready_made_files_are_measured_as_they_are(run, files):
    train, validation, test = files
    done = run("few-shot", "--train", train, "--validation", validation, "--test", test, *QUICK)
    assert done.code == 0
    told = json.loads(done.out)
    assert {row["row"] for row in told["rows"]} >= {"like rate", "process", "blend"}
    assert told["rows"][0]["k"]["4"]["examples"] == 4
    assert told["about"]["facts"]["test"] == test.name


def test_without_training_file_only_no_examples_are_measured(run, files):
    done = run("few-shot", "--test", files[2], "--rows", "like rate")
    assert done.code == 0
    assert "K=0" in done.out
    assert "K=16" not in done.out


def test_knowledge_is_carried_over(run, files):
    done = run("few-shot", "--test", files[2], "--knowledge", "movielens-small", "--rows", "carried prior", *QUICK)
    told = json.loads(done.out)
    assert told["knowledge_cpu_s"] > 0
    assert told["rows"][0]["k"]["0"]["train_cpu_s"] >= told["knowledge_cpu_s"] - 0.01


def test_prompts_of_a_data_set_can_be_written(run, tmp_path):
    done = run("few-shot", "--rows", "like rate", "--write", "made", "--shots", "0", "--seeds", "1", "--json")
    about = json.loads(done.out)["about"]
    assert about["data"] == "movielens-small"
    for part in ("train", "validation", "test"):
        assert len(read_prompts(tmp_path / "made" / f"{part}.jsonl")) == about["by seed"]["1"][part]["prompts"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--train", "a.jsonl"], "--train and --validation belong to --test"),
        (["--test", "a.jsonl", "--data", "x"], "cannot be given too"),
        (["--knowledge", "movielens-small"], "another data set"),
        (["--shots", "few"], "--shots takes whole numbers"),
        (["--test", "absent.jsonl"], "absent.jsonl"),
        (["--rows", "blent"], "Nearest: blend"),
        (["--rows", "carried blend"], "--knowledge"),
    ],
)
def test_mistakes_end_in_one_message(run, words, said):
    done = run("few-shot", *words)
    assert done.code == 2
    assert said in " ".join(done.err.split())
