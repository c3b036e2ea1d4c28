"""The learner of the documentation, as another package's: in the laws, the commands, a saved model and the server."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.house.blocks import ROOT, blocks_of
from tests.serving.databases import free_port
from warmstart.recommenders import table
from warmstart.recommenders.popularity import Popularity

WARMSTART = str(Path(sys.executable).parent / "warmstart")
SECONDS = 60


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The page's learner as an installed package: a module and the entry point that names it."""
    tmp_path = tmp_path_factory.mktemp("package")
    [code] = [block.code for block in blocks_of(ROOT / "docs/learners/your-own.md") if "class Extremes" in block.code]
    learner = code[: code.index("mine = ")]
    assert len([line for line in learner.splitlines() if line.strip()]) < 40
    (tmp_path / "extremes.py").write_text("import numpy as np\n" + learner, encoding="utf-8")
    about = tmp_path / "extremes-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: extremes\nVersion: 1.0\n", encoding="utf-8")
    points = "[warmstart.recommenders]\nextremes = extremes:ExtremesRecommender\n"
    (about / "entry_points.txt").write_text(points, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def model(package):
    """What it learned, saved by the command line."""
    folder = str(package / "model")
    run(package, WARMSTART, "train", "movielens-small", "--recommender", "extremes", "--epochs", "1", "--model", folder)
    return folder


def seeing(package: Path) -> dict[str, str]:
    """Return an environment in which the package is installed."""
    path = os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def run(package: Path, *command: str) -> str:
    done = subprocess.run(command, env=seeing(package), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def served(package: Path, model: str) -> Iterator[httpx2.Client]:
    """Serve the model on loopback until the block ends, and yield a client of it once it is ready."""
    port = str(free_port())
    command = [WARMSTART, "serve", "--model", model, "--store", f"sqlite:///{package}/w.db", "--port", port]
    with (
        subprocess.Popen(command, env=seeing(package), cwd=package, stderr=subprocess.DEVNULL) as server,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client,
    ):
        try:
            wait_for(client, server)
            yield client
        finally:
            server.terminate()
            server.wait(SECONDS)


def wait_for(client: httpx2.Client, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert server.poll() is None, "the server died"
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    pytest.fail("the server did not start")


def test_commands_know_it(package, model):
    told = run(package, WARMSTART, "recommend", "--model", model, "--likes", "Toy Story", "--json")
    assert '"extremes"' in told


def test_the_server_serves_it(package, model):
    with served(package, model) as http:
        found = http.post("/v1/recommendations", json={"history": ["1"], "n": 3}).json()
        event = {"events": [{"event_id": "one", "user_id": "u", "item_id": "50", "value": 5.0}]}
        before = http.get("/v1/users/u/recommendations?n=5").json()
        assert http.post("/v1/events", json=event).json()["accepted"] == 1
        after = http.get("/v1/users/u/recommendations?n=5").json()
    told = json.loads(run(package, WARMSTART, "recommend", "--model", model, "--likes", "Toy Story", "--json"))
    assert found["evidence"] == "few-shot"
    assert [one["item_id"] for one in found["items"]] == [one["item_id"] for one in told["items"][:3]]
    assert [one["item_id"] for one in before["items"]] != [one["item_id"] for one in after["items"]]


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
