"""What tests of the service share: a small model, and stores of both kinds."""

import uuid

import numpy as np
import pytest

import warmstart as ws
from tests.serving.databases import postgres, postgres_binaries
from tests.serving.servers import served
from tests.serving.shop import shop_model
from warmstart.serving.http.access import new_key
from warmstart.serving.http.settings import ServeConfig
from warmstart.serving.live import Live
from warmstart.serving.settings import LiveConfig
from warmstart.serving.store import kept
from warmstart.serving.store.store import Store


@pytest.fixture(scope="session")
def postgres_server():
    if postgres_binaries() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """The address of a new, empty database."""
    return new_database(request.param, request, tmp_path)


def new_database(kind, request, folder):
    """Return the address of a new, empty database of a kind; ``folder`` is where a file may lie."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/w.db"
    import psycopg

    server, name = request.getfixturevalue("postgres_server"), f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.fixture
def store(url):
    opened = Store.open(url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def model():
    return shop_model()


@pytest.fixture
def live(model, url):
    opened = Live.open(model, url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_live(model, tmp_path):
    opened = Live.open(model, f"sqlite:///{tmp_path}/w.db")
    yield opened
    opened.close()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def model_folder(model, tmp_path_factory):
    return model.save(tmp_path_factory.mktemp("models") / "shop")


CONFIG = LiveConfig.of(
    scenarios={"varied": {"diversity": 1.0}, "trial": {}},
    experiment={"key": "bolder", "scenario": "trial", "arms": {"usual": {}, "varied": {"policy": {"diversity": 1.0}}}},
)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared(request, model, model_folder, tmp_path_factory):
    """An engine in this process, and a server with an engine of its own, over one store."""
    url = new_database(request.param, request, tmp_path_factory.mktemp("shared"))
    live = Live.open(model, url, CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warmstart.serving.http.access.SECONDS_BETWEEN_READS", 0.0)
        with served(ServeConfig(model=str(model_folder), store=url, rate=None, live=CONFIG)) as address:
            yield live, address
    live.close()


@pytest.fixture(params=["embedded", "remote"])
def shop(request, shared):
    """The service of a new tenant, here or from afar."""
    live, address = shared
    tenant = uuid.uuid4().hex
    if request.param == "embedded":
        yield live.tenant(tenant)
        return
    text, key = new_key(tenant, "write")
    live.store.write(lambda connection: kept.add_key(connection, key)).result(10)
    with ws.connect(address, text) as client:
        yield client
