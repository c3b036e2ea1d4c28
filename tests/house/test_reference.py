"""The pages made from the code are current, and every command, setting and recommender is in them."""

import runpy

import pytest
from typer.main import get_group

from tests.house.blocks import ROOT
from warmstart.cli.app import app
from warmstart.recommenders.table import RECOMMENDERS, recommender_class

DOCS = ROOT / "docs"
CALLS = get_group(app).commands
COMMANDS = (DOCS / "commands.md").read_text(encoding="utf-8")


def test_pages_made_from_the_code_are_current():
    assert runpy.run_path(str(DOCS / "generate.py"))["stale"]() == [], "run: python docs/generate.py"


def test_every_link_leads_somewhere():
    links = runpy.run_path(str(DOCS / "links.py"))
    assert [line for page in links["pages"]() for line in links["dead_links"](page)] == []


def test_a_dead_link_is_noticed(tmp_path, monkeypatch):
    links = runpy.run_path(str(DOCS / "links.py"))
    page = ROOT / "docs" / "index.md"
    text = "[a](absent.md) [b](guide.md#no-such-heading) [c](guide.md)"
    monkeypatch.setattr(type(page), "read_text", lambda *_, **__: text)
    assert len(list(links["dead_links"](page))) == 2


@pytest.mark.parametrize("command", CALLS)
def test_every_command_is_documented(command):
    assert f"`warmstart {command}" in COMMANDS


@pytest.mark.parametrize("command", CALLS)
def test_every_command_speaks_json(command):
    commands = getattr(CALLS[command], "commands", {command: CALLS[command]})
    for name, one in commands.items():
        assert any("--json" in parameter.opts for parameter in one.params), name


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_every_recommender_and_setting_is_documented(name):
    assert f"| `{name}` |" in (DOCS / "recommenders.md").read_text(encoding="utf-8")
    settings = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert f"## `{name}`" in settings
    for setting, field in recommender_class(name).config_class.model_fields.items():
        assert field.description, f"{name}.{setting} has no docstring"
        assert f"| `{setting}` |" in settings
