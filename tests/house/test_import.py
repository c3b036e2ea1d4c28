"""Importing Warmstart is cheap, and the command line starts at once."""

import subprocess
import sys

CPU_SECONDS = 0.3
HEAVY = ("torch", "numpy", "scipy", "polars", "pandas", "pydantic", "rich", "typer", "implicit", "wordllama")


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_takes_under_three_tenths_of_a_second_of_cpu():
    code = "import time; start = time.process_time(); import warmstart; print(time.process_time() - start)"
    # the smallest of three runs, for a busy machine can only slow one down
    assert min(float(_run(code)) for _ in range(3)) < CPU_SECONDS


def test_import_brings_nothing_heavy():
    code = f"import sys, warmstart; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert _run(code).strip() == "[]"


def test_command_line_starts_without_the_mathematics():
    heavy = ("torch", "numpy", "scipy", "polars", "pydantic")
    code = f"import sys, warmstart.cli.app; print([name for name in {heavy!r} if name in sys.modules])"
    assert _run(code).strip() == "[]"


def test_serving_a_model_needs_no_torch():
    code = "import sys, warmstart.serving.engine; print('torch' in sys.modules)"
    assert _run(code).strip() == "False"
