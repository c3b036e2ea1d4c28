"""A second run asks nothing, an interrupted one goes on, what is damaged is made anew, and processes may share it."""

import multiprocessing
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.house.blocks import ROOT
from warmstart.core.errors import BadInput
from warmstart.core.run import Run
from warmstart.data.places import cache_folder
from warmstart.representation import text_cache
from warmstart.representation.language_model import Generated, open_language_model
from warmstart.representation.text_cache import CachedModel, TextCache

TEXTS = [f"text number {place}" for place in range(100)]


@dataclass
class Counting:
    """A model that counts what it is asked, and may stop in the midst of it."""

    name: str = "counting"
    asked: list[str] = field(default_factory=list)
    stops_after: int | None = None
    width: int = 3
    ended: Literal["stop", "deadline"] = "stop"

    def embed(self, texts):
        self._count(texts)
        return np.array([[len(text)] * self.width for text in texts], dtype=np.float32).reshape(len(texts), self.width)

    def generate(self, prompts, *, max_tokens=128, temperature=0.0, seed=0, stop=(), deadline=None):
        self._count(prompts)
        return [Generated(f"{prompt}!{max_tokens}", 1, 2, self.ended) for prompt in prompts]

    def stream(self, prompt, **how):
        self._count([prompt])
        yield from (prompt, f"!{how['max_tokens']}")

    def log_probability(self, prompts, continuations):
        self._count(prompts)
        return np.array([-len(then) for then in continuations], dtype=np.float32)

    def count_tokens(self, texts):
        return [1 for _ in texts]

    def _count(self, texts):
        self.asked += texts
        if self.stops_after is not None and len(self.asked) > self.stops_after:
            raise KeyboardInterrupt


def _ways(model):
    return {
        "embed": lambda: model.embed(TEXTS).tolist(),
        "generate": lambda: model.generate(TEXTS, stop=["x"]),
        "log_probability": lambda: model.log_probability(TEXTS, TEXTS[::-1]).tolist(),
    }


@pytest.mark.parametrize("way", ["embed", "generate", "log_probability"])
def test_a_second_run_asks_nothing(tmp_path, way):
    first, second, bare = Counting(), Counting(), Counting()
    found = _ways(CachedModel(first, tmp_path))[way]()
    assert _ways(CachedModel(second, tmp_path))[way]() == found == _ways(bare)[way]()
    assert sorted(first.asked) == sorted(TEXTS)
    assert second.asked == []


@pytest.mark.parametrize("way", ["embed", "generate", "log_probability"])
def test_work_that_was_stopped_goes_on(tmp_path, way):
    stopped, then = Counting(stops_after=40), Counting()
    with pytest.raises(KeyboardInterrupt):
        _ways(CachedModel(stopped, tmp_path))[way]()
    assert _ways(CachedModel(then, tmp_path))[way]() == _ways(Counting())[way]()
    assert 0 < len(then.asked) < len(TEXTS)


def test_a_process_that_was_killed_leaves_what_it_had(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from tests.representation.test_text_cache import CachedModel, Counting, TEXTS\n"
        "class Dying(Counting):\n"
        "    def _count(self, texts):\n"
        "        super()._count(texts)\n"
        "        if len(self.asked) > 40: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"CachedModel(Dying(), Path({str(tmp_path)!r})).embed(TEXTS)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == -9, done.stderr
    then = Counting()
    assert CachedModel(then, tmp_path).embed(TEXTS).tolist() == Counting().embed(TEXTS).tolist()
    assert 0 < len(then.asked) < len(TEXTS)


def test_another_model_or_setting_misses(tmp_path):
    CachedModel(Counting(), tmp_path).generate(["a"])
    for model, how in (
        (Counting(name="other"), {}),
        (Counting(), {"max_tokens": 5}),
        (Counting(), {"stop": ["x"]}),
    ):
        CachedModel(model, tmp_path).generate(["a"], **how)
        assert model.asked == ["a"]
    same = Counting()
    CachedModel(same, tmp_path).embed(["a"])
    assert same.asked == ["a"]


def test_pairs_are_kept_apart_wherever_they_are_cut(tmp_path):
    model = CachedModel(Counting(), tmp_path)
    assert model.log_probability(["ab", "a"], ["c", "bc"]).tolist() == [-1, -2]
    assert model.log_probability(["ab", "a"], ["c", "bc"]).tolist() == [-1, -2]


def test_texts_that_come_twice_are_asked_for_once(tmp_path):
    model = Counting()
    found = CachedModel(model, tmp_path).embed(["a", "bb", "a", None, ""])
    assert sorted(model.asked) == ["", "a", "bb"]
    assert found[:, 0].tolist() == [1, 2, 1, 0, 0]


@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=8))
@settings(max_examples=30, deadline=None)
def test_any_texts_come_back_as_without_a_cache(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("cache")
    bare = open_language_model("static")
    for _ in range(2):
        np.testing.assert_allclose(CachedModel(bare, folder).embed(texts), bare.embed(texts), atol=1e-6)


def test_random_and_unfinished_texts_are_not_kept(tmp_path):
    model = Counting(ended="deadline")
    cached = CachedModel(model, tmp_path)
    for _ in range(2):
        cached.generate(["a"], temperature=1.0)
        cached.generate(["b"], deadline=1.0)
    assert model.asked == ["a", "b"] * 2


def test_a_kept_text_is_streamed_without_asking(tmp_path):
    model = Counting()
    cached = CachedModel(model, tmp_path)
    assert list(cached.stream("a")) == ["a", "!128"]
    cached.generate(["a"])
    assert list(cached.stream("a")) == ["a!128"]
    assert list(cached.stream("a", temperature=1.0)) == ["a", "!128"]
    assert model.asked == ["a"] * 3


def test_a_damaged_value_is_made_anew(tmp_path):
    right = CachedModel(Counting(), tmp_path).embed(TEXTS).tolist()
    with sqlite3.connect(tmp_path / text_cache.FILE) as database:
        database.execute("UPDATE answers SET value = x'00000000' WHERE rowid <= 7")
        database.execute("UPDATE answers SET value = 'text' WHERE rowid = 8")
        database.execute("UPDATE answers SET value = NULL, sum = NULL WHERE rowid = 9")
    database.close()
    then, again = Counting(), Counting()
    assert CachedModel(then, tmp_path).embed(TEXTS).tolist() == right
    assert len(then.asked) == 9
    assert CachedModel(again, tmp_path).embed(TEXTS).tolist() == right
    assert again.asked == []


@pytest.mark.parametrize("harm", ["no database", "torn", "scribbled"])
def test_a_damaged_file_is_set_aside(tmp_path, harm, caplog):
    right = CachedModel(Counting(), tmp_path).embed(TEXTS).tolist()
    file = tmp_path / text_cache.FILE
    content = file.read_bytes()
    if harm == "no database":
        file.write_bytes(b"not a database at all" * 100)
    elif harm == "torn":
        file.write_bytes(content[: len(content) // 2])
    else:
        file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    then, again = Counting(), Counting()
    assert CachedModel(then, tmp_path).embed(TEXTS).tolist() == right
    assert then.asked
    assert "damaged" in caplog.text
    assert CachedModel(again, tmp_path).embed(TEXTS).tolist() == right
    assert again.asked == []


def test_vectors_of_another_length_under_the_same_name_are_not_mixed(tmp_path):
    CachedModel(Counting(width=2), tmp_path).embed(["a"])
    model = CachedModel(Counting(width=3), tmp_path)
    model.cache.put({b"x": b"y"}, "counting")
    assert CachedModel(Counting(width=3), tmp_path).embed(["b"]).shape == (1, 3)
    assert CachedModel(Counting(width=3), tmp_path).embed(["a", "b"]).shape == (2, 3)


def _embed_all(folder, seed):
    texts = np.random.default_rng(seed).permutation([f"{place} of many" for place in range(600)]).tolist()
    CachedModel(Counting(), folder).embed(texts)


def test_processes_may_share_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_embed_all, args=(tmp_path, seed)) for seed in range(3)]
    for one in processes:
        one.start()
    for one in processes:
        one.join(60)
        assert one.exitcode == 0
    then = Counting()
    texts = [f"{place} of many" for place in range(600)]
    np.testing.assert_array_equal(CachedModel(then, tmp_path).embed(texts), Counting().embed(texts))
    assert then.asked == []


def test_progress_counts_every_text(tmp_path):
    seen = []

    class Watching:
        def track(self, items, what, total=None):
            seen.append((what, total))
            for item in items:
                seen.append(item)
                yield item

    CachedModel(Counting(), tmp_path, Run(progress=Watching())).embed(TEXTS)
    assert seen[0] == ("embedding (counting)", 100)
    assert len(seen) == 101
    CachedModel(Counting(), tmp_path, Run(progress=Watching())).embed(TEXTS)
    assert len(seen) == 101


def test_one_model_is_forgotten_and_others_are_not(tmp_path):
    for name in ("one", "other"):
        CachedModel(Counting(name=name), tmp_path).embed(TEXTS)
    cache = TextCache(tmp_path)
    assert (cache.forget("one"), cache.forget("nobody"), cache.forget()) == (100, 0, 100)


def test_a_full_disk_stops_nobody(tmp_path, caplog, monkeypatch):
    model = CachedModel(Counting(), tmp_path)

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(text_cache, "_insert", full)
    assert model.embed(TEXTS).tolist() == Counting().embed(TEXTS).tolist()
    assert "disk is full" in caplog.text


def test_a_file_that_another_holds_for_too_long_stops_nobody(tmp_path, caplog, monkeypatch):
    model = CachedModel(Counting(), tmp_path)
    model.embed(TEXTS)
    monkeypatch.setattr(text_cache, "PATIENCE", 0.01)
    with closing(sqlite3.connect(tmp_path / text_cache.FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert model.embed(TEXTS).tolist() == Counting().embed(TEXTS).tolist()
    assert "could not be read" in caplog.text


def test_a_folder_that_cannot_be_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="Choose another folder"):
        TextCache(tmp_path / "file")


def test_only_its_owner_reads_it(tmp_path):
    cache = TextCache(tmp_path / "new")
    assert cache.path.stat().st_mode & 0o077 == 0


def test_the_users_folder_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("WARMSTART_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "cache"
    open_language_model("static", cache=True).embed(["a ship"])
    assert (tmp_path / "cache" / text_cache.FILE).is_file()
    monkeypatch.delenv("WARMSTART_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert cache_folder() == tmp_path / "xdg" / "warmstart"
