"""What a worker runs: the application from the settings that the server left in the environment."""

import gc
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from warmstart.core.errors import WarmstartError
from warmstart.core.threads import stay_on_one_thread
from warmstart.meta.index import INDEX_FROM
from warmstart.serving.console.learning import report_beside
from warmstart.serving.console.mount import mount
from warmstart.serving.console.server import Server, Visitor
from warmstart.serving.console.stream import Streams
from warmstart.serving.http import gorse
from warmstart.serving.http.access import Access
from warmstart.serving.http.api import application
from warmstart.serving.http.gate import Gate
from warmstart.serving.http.hot import Hot
from warmstart.serving.http.logs import configure, logger
from warmstart.serving.http.metrics import MODEL
from warmstart.serving.http.problems import Refused
from warmstart.serving.http.settings import FAILED, FOLDER, ServeConfig
from warmstart.serving.http.tally import Tally
from warmstart.serving.live import DEFAULT_TENANT, Live
from warmstart.serving.shelf import open_model
from warmstart.serving.store.store import Store


def of_environment() -> ASGIApp:
    """Return the application of a worker."""
    configure()
    config = ServeConfig.of_environment()
    try:
        return build(config)
    except WarmstartError as error:
        if config.workers == 1:
            raise
        # another process would fail in the same way: the server has to hear of it
        Path(os.environ[FOLDER], FAILED).write_text(str(error), encoding="utf-8")
        sys.exit(STARTUP_FAILURE)


def build(config: ServeConfig) -> ASGIApp:
    """Return the application for some settings; its tables must be up to date."""
    stay_on_one_thread()
    store = Store.open(config.store, migrate=False)
    live = Live(open_model(config.model), store, config.live)
    live.knowledge.take_active_model()
    # a process is not ready before its index is
    if len(live.shelf.present.model.catalogue) >= INDEX_FROM:
        live.knowledge.assortments.latest(DEFAULT_TENANT).indexing.join()
    tally = Tally(live)
    hot = Hot(live, tally)
    rate = None if config.rate is None else config.rate / config.workers
    access = Access(store, open_without_keys=config.is_local, rate=rate)
    inner = application(live, hot, tally, gorse.router)
    console = Server(live, lambda key: _visitor(access, key), tally, report_beside(config.model))
    streams = mount(inner, console) if config.console else Streams()

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        # what one tenant waits for, others must not
        live.knowledge.assortments.spare(threading.get_ident())
        live.knowledge.assortments.begin(DEFAULT_TENANT)
        MODEL.labels(live.shelf.present.version).set(1)
        # what is there now stays: looking through it again and again for garbage would cost pauses
        gc.collect()
        gc.freeze()
        logger().info("ready", model_version=live.shelf.present.version)
        with streams.ending_with_process():
            yield
        live.close()
        tally.settle()
        logger().info("stopped")

    inner.router.lifespan_context = lifespan
    return Gate(inner, hot, access, tally, config.most_at_once)


def _visitor(access: Access, key: str | None) -> Visitor | None:
    """Return who comes to the console with a key; None for one that opens nothing."""
    try:
        caller = access.caller(key)
    except Refused:
        return None
    return Visitor(caller.tenant, caller.role, keyed=caller.key_id != "open")
