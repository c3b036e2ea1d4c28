"""``warmstart demo --serve``: what the demo left is opened, and made first where it is not there."""

from pathlib import Path

import pytest

from warmstart.cli import demo
from warmstart.cli.app import main
from warmstart.serving.http import run as server
from warmstart.serving.http.settings import ServeConfig


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """Settings of the servers that were started, and the folders of the stories that were told."""
    monkeypatch.chdir(tmp_path)
    started: list[ServeConfig] = []
    told: list[Path] = []

    def tell(out, *_):
        told.append(out)
        (out / "model").mkdir(parents=True)
        (out / "report.json").touch()

    monkeypatch.setattr(server, "serve", started.append)
    monkeypatch.setattr(demo, "_tell", tell)
    return started, told


def command(*words):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 0


def test_the_story_is_told_once_and_served_as_often_as_wanted(opened, tmp_path, capsys):
    started, told = opened
    command("demo", "--serve", "--port", "8123")
    command("demo", "--serve", "--store", "sqlite:///mine.db")
    assert told == [Path("warmstart-demo")]
    assert [settings.model for settings in started] == [str(tmp_path / "warmstart-demo" / "model")] * 2
    assert [settings.port for settings in started] == [8123, 8080]
    assert started[1].store == "sqlite:///mine.db"
    assert "http://127.0.0.1:8123/console" in capsys.readouterr().err


def test_without_a_store_what_was_said_is_gone_with_the_server(opened):
    started, _ = opened
    command("demo", "--serve")
    assert not Path(started[0].store.removeprefix("sqlite:///")).parent.exists()


def test_without_serve_no_server_is_started(opened):
    started, told = opened
    command("demo")
    assert (started, told) == ([], [Path("warmstart-demo")])


def test_what_is_missing_is_said_before_anything_is_trained(opened, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SystemExit):
        main(["demo", "--serve"])
    assert 'pip install "warmstart[serve]"' in " ".join(capsys.readouterr().err.split())
    assert opened == ([], [])


@pytest.mark.parametrize(
    ("out", "line"), [("warmstart-demo", "warmstart demo --serve"), ("x", "warmstart demo --serve --out x")]
)
def test_the_demo_ends_with_the_command_that_opens_it(out, line):
    assert demo._closing(Path(out), 1.0)[-1].strip() == line
