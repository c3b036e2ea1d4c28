"""One small model for all tests of words."""

import numpy as np
import pytest

import warmstart as ws
from warmstart.data.builtin import load_dataset


@pytest.fixture(scope="session")
def sample():
    return load_dataset("movielens-small")


@pytest.fixture(scope="session")
def model(sample):
    return ws.MetaRecommender(tune=False, values=False).fit(sample.take_users(np.arange(150)))
