"""Small by measure: functions end at 60 lines and files at 400; a public name says what it is for."""

import ast

import pytest

from tests.house.blocks import ROOT

FILES = sorted((ROOT / "src").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
VAGUE = {"utils", "util", "common", "helpers", "misc"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "src" / "warmstart")))
def test_file_and_its_functions_are_small(file):
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


def test_no_room_or_file_is_for_everything():
    assert not {part for file in FILES for part in (*file.parts, file.stem)} & VAGUE
