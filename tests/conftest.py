"""What all tests share: where data that cannot ship with the product may lie, and the sample that does."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of data sets that cannot ship; tests that need one skip where it is absent."""
    folder = ROOT / os.environ.get("WARMSTART_DATA", "../shared/data")
    if not folder.is_dir():
        pytest.skip("needs data sets that cannot ship: set WARMSTART_DATA to their folder")
    return folder
