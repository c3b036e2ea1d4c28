"""The public face: what ``__all__`` promises is there, documented, and all there is."""

import inspect
import re

import warmstart
from tests.house.blocks import ROOT
from warmstart.core import errors

API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_all_is_sorted_and_is_what_the_face_holds():
    assert list(warmstart.__all__) == sorted(warmstart.__all__)
    assert set(warmstart.__all__) == set(warmstart._PLACES)


def test_every_name_resolves_and_has_a_docstring():
    for name in warmstart.__all__:
        assert inspect.getdoc(getattr(warmstart, name)), name


def test_all_equals_the_documented_names():
    documented = re.findall(r"^### `ws\.(\w+)", API, flags=re.MULTILINE)
    assert sorted(documented) == list(warmstart.__all__)


def test_unknown_name_is_an_attribute_error():
    assert not hasattr(warmstart, "Recomender")


def test_every_error_is_documented():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    raised = [name for name, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, Exception)]
    assert raised
    for name in raised:
        assert f"### `{name}`" in page, f"docs/errors.md lacks {name}: run docs/generate.py"


def test_every_error_stands_in_the_drawn_tree():
    for name, found in inspect.getmembers(errors, inspect.isclass):
        if issubclass(found, Exception):
            assert name in (errors.__doc__ or ""), name
