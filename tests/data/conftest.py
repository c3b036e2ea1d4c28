import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import settings

from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset

# the first example pays for imports, and the machine may be busy
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

MEASURING = Path(os.environ.get("WARMSTART_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="session")
def small() -> Dataset:
    return load_dataset("movielens-small")


@pytest.fixture
def measuring():
    """The folder of the data sets that may not ship."""

    def folder(name: str) -> Path:
        path = MEASURING / name
        if not path.is_dir():
            pytest.skip(f"{name} is not here; set WARMSTART_DATA to the folder that holds it")
        return path

    return folder


@pytest.fixture(scope="session")
def timeless() -> Dataset:
    """Sixty users with 10 to 70 ratings of eighty items, without time."""
    rng = np.random.default_rng(7)
    rows = [
        {"user_id": f"u{user}", "item_id": int(item), "value": float(rng.integers(1, 6))}
        for user in range(60)
        for item in rng.permutation(80)[: 10 + user]
    ]
    return Dataset.from_frames(pl.DataFrame(rows), like_from=4, name="timeless")
