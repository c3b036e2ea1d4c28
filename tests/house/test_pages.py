"""README and docs run: Python blocks in one namespace a page, shell blocks as a reader would type them."""

import doctest
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.house.blocks import PAGES, ROOT, Block, blocks_of

RUN = ("python", "pycon", "shell")
SHOWN = ("toml", "text", "json", "csv", "")


def _run_python(page: Path, block: Block, names: dict[str, object]) -> None:
    # blank lines keep the numbers of a traceback those of the page
    exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec"), names)


def _run_session(page: Path, block: Block, names: dict[str, object]) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTestParser().get_doctest(block.code, names, page.name, str(page), block.line - 1)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=flags).run(test, out=report.append, clear_globs=False)
    names |= test.globs
    assert not report, "".join(report)


def _run_shell(page: Path, block: Block, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{page.name}, line {block.line}:\n{done.stdout}\n{done.stderr}"


def _stop_what_runs(folder: Path) -> None:
    """Stop the server that a page started, should the page have failed before it did."""
    left = folder / "server.pid"
    if left.exists():
        with suppress(ProcessLookupError):
            os.kill(int(left.read_text(encoding="utf-8")), signal.SIGTERM)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    request.addfinalizer(lambda: _stop_what_runs(tmp_path))
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks_of(page):
        assert block.language in RUN + SHOWN, f"{page.name}, line {block.line}: say which language, or `text`"
        if block.not_run:
            continue
        if block.language == "python":
            _run_python(page, block, names)
        elif block.language == "pycon":
            _run_session(page, block, names)
        elif block.language == "shell":
            _run_shell(page, block, tmp_path)


def test_readme_opens_with_one_sentence_and_ten_lines_that_run():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = next(blocks_of(ROOT / "README.md"))
    opening = [line for line in readme.splitlines()[: first.line - 2] if line.strip() and not line.startswith("#")]
    assert len(opening) == 1
    assert first.language == "python"
    assert first.not_run is None
    assert sum(bool(line.strip()) for line in first.code.splitlines()) <= 10


def test_executor_notices_a_wrong_output(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```pycon\n>>> 1 + 1\n3\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="Expected"):
        _run_session(page, next(blocks_of(page)), {})


def test_executor_notices_a_failing_command(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```shell\nfalse\ntrue\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="line 2"):
        _run_shell(page, next(blocks_of(page)), tmp_path)
