"""One small model for all tests of words: of items that many have met, so that it is trained at once."""

import pytest

import warmstart as ws
from warmstart.data.builtin import load_dataset


@pytest.fixture(scope="session")
def sample():
    return load_dataset("movielens-small", k_core=15)


@pytest.fixture(scope="session")
def model(sample):
    return ws.MetaRecommender(tune=False, values=False).fit(sample)
