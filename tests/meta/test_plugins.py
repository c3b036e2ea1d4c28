"""The learner of the documentation, as another package's: in the laws, the commands and a saved model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.blocks import ROOT, blocks_of
from warmstart.recommenders import table
from warmstart.recommenders.popularity import Popularity


@pytest.fixture
def package(tmp_path):
    """The page's learner as an installed package: a module and the entry point that names it."""
    [code] = [block.code for block in blocks_of(ROOT / "docs" / "learners.md") if "class Extremes" in block.code]
    learner = code[: code.index("mine = ")]
    assert len([line for line in learner.splitlines() if line.strip()]) < 40
    (tmp_path / "extremes.py").write_text("import numpy as np\n" + learner, encoding="utf-8")
    about = tmp_path / "extremes-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: extremes\nVersion: 1.0\n", encoding="utf-8")
    points = "[warmstart.recommenders]\nextremes = extremes:ExtremesRecommender\n"
    (about / "entry_points.txt").write_text(points, encoding="utf-8")
    return tmp_path


def run(package: Path, *command: str) -> str:
    path = os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_commands_know_it(package):
    warmstart = str(Path(sys.executable).parent / "warmstart")
    model = str(package / "model")
    run(package, warmstart, "train", "movielens-small", "--recommender", "extremes", "--epochs", "1", "--model", model)
    told = run(package, warmstart, "recommend", "--model", model, "--likes", "Toy Story", "--json")
    assert '"extremes"' in told


def test_a_notebook_registers_its_own(monkeypatch):
    monkeypatch.setattr(table, "RECOMMENDERS", dict(table.RECOMMENDERS))

    class Mine(Popularity):
        name = "mine"

    monkeypatch.setattr(sys.modules[__name__], "Mine", Mine, raising=False)
    Mine.__qualname__ = "Mine"
    assert table.register(Mine) is Mine
    assert type(table.recommender("mine")) is Mine


def test_it_obeys_the_laws_of_all_recommenders(package):
    laws = "tests/recommenders/test_contract.py"
    chosen = "extremes and (batch_equals or saved or torch or forgetting or prior_speaks or unknown_items)"
    assert "passed" in run(package, sys.executable, "-m", "pytest", "-q", laws, "-k", chosen, "-p", "no:cacheprovider")
