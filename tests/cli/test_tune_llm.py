"""``tune-llm``: three ways to teach a language model, and what each refuses."""

import json

import pytest

from warmstart.evaluation.few_shot_files import write_prompts
from warmstart.meta.preference import Prompt
from warmstart.representation.causal_model import CausalModel

pytestmark = pytest.mark.llm
QUICK = ["--top", "1", "--seconds", "2", "--json"]


@pytest.fixture
def files(tmp_path):
    prompts = [
        Prompt(f"u{place % 5}", ("Heat (1995)",), ("Grease (1978)",), "Alien (1979)", place % 3 > 0)
        for place in range(24)
    ]
    return [write_prompts(prompts[start : start + 8], tmp_path / f"{start}.jsonl") for start in (0, 8, 16)]


def test_examples_from_files_become_a_row(run, files, tiny_weights):
    train, validation, test = files
    base = ["--weights", tiny_weights, "--train", train, "--validation", validation, "--shots", "8"]
    done = run("tune-llm", "--way", "examples", *base, "--out", "judge", *QUICK)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["curve"]["looks"][0]["step"] == 0
    rows = run("few-shot", "--test", test, "--tuned", "judge", "--rows", "tuned,like rate", "--most", "6", "--json")
    assert rows.code == 0, rows.err
    shown = json.loads(rows.out)
    assert [row["row"] for row in shown["rows"]] == ["tuned", "like rate"]
    assert shown["about"]["by seed"]["0"]["test"]["prompts"] == 6
    again = run("tune-llm", "--way", "examples", *base[2:], "--start", "judge", "--out", "further", "--seconds", "1")
    assert again.code == 0, again.err
    assert "warmstart few-shot --tuned further" in again.out


def test_reading_on_gives_weights_that_the_door_opens(run, tmp_path, tiny_weights):
    done = run("tune-llm", "--way", "pretrain", "--weights", tiny_weights, "--people", "10", "--out", "read", *QUICK)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["perplexity"]["after"] <= told["perplexity"]["before"]
    assert CausalModel(weights=tmp_path / "read").generate(["Heat"], max_tokens=2)[0].tokens_out
    assert not list(tmp_path.glob(".read*"))


def test_learning_to_learn_needs_no_file(run, tiny_weights):
    done = run("tune-llm", "--weights", tiny_weights, "--people", "40", "--out", "start", "--shots", "4", *QUICK[:-1])
    assert done.code == 0, done.err
    assert "The weights of step" in done.out


def test_all_faults_are_told_at_once(run, files, tmp_path):
    done = run("tune-llm", "--way", "pretrain", "--train", files[0], "--start", "judge", "--out", "judge")
    assert done.code == 2
    for fault in (
        "--train and --validation belong to",
        "--start holds added weights",
        "--out is the folder of --start",
    ):
        assert fault in done.err
    (tmp_path / "taken").write_text("a letter")
    taken = run("tune-llm", "--out", "taken")
    assert (taken.code, (tmp_path / "taken").read_text()) == (2, "a letter")
    assert "Choose another path" in taken.err
    missing = run("tune-llm", "--way", "examples", "--start", "nowhere", "--out", "judge")
    assert missing.code == 2
    assert "no tuned judge" in missing.err
