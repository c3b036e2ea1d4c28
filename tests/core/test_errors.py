"""Every error is in one tree, and the drawing of the tree is the tree."""

import inspect
import re

import pytest

from warmstart.core import errors
from warmstart.core.errors import BadInput, BadTable, Fault, MissingExtra, UnknownItem, WarmstartError

CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, Exception)]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_is_in_the_tree_drawn_and_documented(error):
    assert issubclass(error, WarmstartError)
    assert inspect.getdoc(error)
    assert re.search(rf"\b{error.__name__}\b", inspect.getdoc(errors) or "")


def test_nothing_is_drawn_that_is_not_there():
    drawn = re.findall(r"(?:├─|└─) (\w+)", inspect.getdoc(errors) or "")
    assert sorted(drawn) == sorted(error.__name__ for error in CLASSES if error is not WarmstartError)


def test_errors_are_also_what_python_would_raise():
    assert issubclass(BadInput, ValueError)
    assert issubclass(MissingExtra, ImportError)


def test_a_table_lists_all_its_faults():
    faults = [
        Fault("ratings.csv", "value is no number", "Correct it.", column="value", row=3, value="x"),
        Fault("ratings.csv", "column is missing", "Add it."),
    ]
    error = BadTable(faults)
    assert error.faults == tuple(faults)
    assert str(error).splitlines() == [
        "2 faults:",
        "  ratings.csv, column 'value', row 3: value is no number (came: 'x'). Correct it.",
        "  ratings.csv: column is missing. Add it.",
    ]


def test_an_unknown_item_names_the_nearest_and_the_way_out():
    error = UnknownItem("Alein", ["Alien"])
    assert (error.item, error.nearest) == ("Alein", ("Alien",))
    assert str(error) == (
        "Item 'Alein' is not in the catalogue. Nearest: Alien. Set on_unknown to 'ignore' to skip it."
    )
    assert "Nearest" not in str(UnknownItem("Alein"))


def test_a_missing_extra_names_the_line_that_installs_it():
    assert 'pip install "warmstart[text]"' in str(MissingExtra("wordllama", extra="text"))
