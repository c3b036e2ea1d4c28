"""Commands run in this process, as a shell would run them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from warmstart.cli.app import main
from warmstart.data.builtin import load_dataset
from warmstart.recommenders.table import recommender


class Done(NamedTuple):
    code: Any
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def command(*words):
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Done(caught.value.code, out, err)

    return command


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A small trained model on the packaged sample."""
    return recommender("item_knn").fit(load_dataset("movielens-small")).save(tmp_path_factory.mktemp("models") / "knn")
