import pytest

from tests.evaluation.toys import Fixed, make_data


@pytest.fixture(scope="session")
def data():
    return make_data()


@pytest.fixture
def fixed():
    Fixed.calls.clear()
    return Fixed
