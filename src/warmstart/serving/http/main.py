"""What a worker runs: the application from the settings that the server left in the environment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp

from warmstart.core.threads import stay_on_one_thread
from warmstart.serving.http.access import Access
from warmstart.serving.http.api import application
from warmstart.serving.http.gate import Gate
from warmstart.serving.http.hot import Hot
from warmstart.serving.http.logs import configure, logger
from warmstart.serving.http.metrics import MODEL
from warmstart.serving.http.settings import ServeConfig
from warmstart.serving.live import Live
from warmstart.serving.shelf import open_model
from warmstart.serving.store.store import Store


def of_environment() -> ASGIApp:
    """Return the application of a worker."""
    configure()
    return build(ServeConfig.of_environment())


def build(config: ServeConfig) -> ASGIApp:
    """Return the application for some settings; its tables must be up to date."""
    stay_on_one_thread()
    store = Store.open(config.store, migrate=False)
    live = Live(open_model(config.model), store, config.live)
    hot = Hot(live)
    rate = None if config.rate is None else config.rate / config.workers
    access = Access(store, open_without_keys=config.is_local, rate=rate)
    inner = application(live, hot)

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        MODEL.labels(live.shelf.present.version).set(1)
        logger().info("ready", model_version=live.shelf.present.version)
        yield
        live.close()
        logger().info("stopped")

    inner.router.lifespan_context = lifespan
    return Gate(inner, hot, access, config.most_at_once)
