"""What tests of adaptation share: the packaged sample, and a model of it that nothing was tuned for."""

import pytest

from warmstart.data.builtin import load_dataset
from warmstart.recommenders.table import recommender


@pytest.fixture(scope="package")
def data():
    return load_dataset("movielens-small")


@pytest.fixture(scope="package")
def model(data):
    return recommender("meta", tune=False, values=False).fit(data)
