"""The results in README and docs come from the committed files, and from nowhere else."""

import json
import runpy

import pytest

from tests.house.blocks import ROOT

SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "readme.py"))


@pytest.mark.parametrize(("file", "tables"), list(SCRIPT["pages"]()), ids=lambda one: getattr(one, "stem", ""))
def test_a_page_says_what_the_results_say(file, tables):
    text = file.read_text(encoding="utf-8")
    assert SCRIPT["filled"](text, tables) == text, "run: python benchmarks/readme.py"
    assert "|---|" in tables


def test_every_result_file_is_whole():
    for file in (ROOT / "benchmarks" / "results").glob("*.json"):
        json.loads(file.read_text(encoding="utf-8"))


def test_tables_stand_in_order_with_the_best_in_bold(tmp_path):
    part = {"title": "B", "text": "t.", "columns": ["m", "x"], "rows": [["a", 0.12345], ["b", None]], "best": "high"}
    (tmp_path / "one.json").write_text(json.dumps({"readme": [part | {"place": 2}]}), encoding="utf-8")
    (tmp_path / "two.json").write_text(json.dumps({"readme": [part | {"place": 1, "title": "A"}]}), encoding="utf-8")
    (tmp_path / "raw.json").write_text('{"numbers": [1, 2]}', encoding="utf-8")
    text = SCRIPT["generated"](tmp_path)
    assert text.index("**A.**") < text.index("**B.**")
    assert "| a | **0.123** |" in text
    assert "| b | - |" in text


def test_filling_twice_changes_nothing():
    once = SCRIPT["filled"](f"a\n{SCRIPT['BEGIN']}\nold\n{SCRIPT['END']}\nb\n", "new")
    assert SCRIPT["filled"](once, "new") == once
    assert "old" not in once


def test_a_readme_without_markers_is_refused():
    with pytest.raises(SystemExit, match="markers"):
        SCRIPT["filled"]("no markers", "x")
