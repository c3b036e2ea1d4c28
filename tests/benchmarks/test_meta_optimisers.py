"""The comparison of meta-optimisers runs from data to page, and the page says what the committed results say."""

import json
import runpy

import pytest

from benchmarks import meta_optimisers
from tests.house.blocks import ROOT
from warmstart.meta.optimisers.optimiser import OPTIMISERS

README = runpy.run_path(str(ROOT / "benchmarks" / "readme.py"))
PAGE = (ROOT / "docs" / "meta-optimisers.md").read_text(encoding="utf-8")


def test_the_page_says_what_the_results_say():
    assert meta_optimisers.filled(PAGE) == PAGE, "run: python benchmarks/meta_optimisers.py --docs"


@pytest.mark.parametrize("name", ["all", *OPTIMISERS])
def test_every_meta_optimiser_has_its_rows(name):
    assert f"<!-- {name}: begin -->" in PAGE
    assert f"<!-- {name}: end -->" in PAGE


@pytest.mark.parametrize("case", ["blend, movielens-small", "user-kNN, movielens-small"])
def test_it_runs_from_data_to_readme(case, tmp_path, monkeypatch):
    monkeypatch.setattr(meta_optimisers, "OPTIMISERS", ("random", "cmaes", "adam"))
    assert meta_optimisers.main(["--cases", case, "--seeds", "0", "--settings", "6", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "meta_optimisers.json").read_text(encoding="utf-8"))
    one = found["problems"][case]
    assert set(one["optimisers"]) == {"random", "cmaes", "adam"} - ({"adam"} if case.startswith("user") else set())
    for row in one["optimisers"].values():
        known = [value for value in row["curve"] if value is not None]
        assert known == sorted(known)
        assert known[-1] == row["validation"] >= one["start"]["validation"]
        assert all(run["spent"] <= 6 * one["tasks"][0] for run in row["seeds"])
    assert max(row["share of the best"] for row in one["optimisers"].values()) == 1
    assert README["section"](found["readme"][0]) in README["generated"](tmp_path)
