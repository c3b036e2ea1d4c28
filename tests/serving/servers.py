"""A server for tests: the real application on a real port of loopback, in a thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.serving.databases import free_port
from warmstart.serving.http.main import build
from warmstart.serving.http.settings import ServeConfig
from warmstart.serving.store.store import Store

SECONDS = 20


@contextmanager
def served(config: ServeConfig) -> Iterator[str]:
    """Serve until the block ends, and yield the address."""
    Store.open(config.store).close()
    port = free_port()
    options = {"host": "127.0.0.1", "port": port, "log_config": None, "access_log": False}
    server = uvicorn.Server(uvicorn.Config(build(config), lifespan="on", **options))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + SECONDS
    while not server.started:
        assert time.monotonic() < end, "the server did not start"
        assert thread.is_alive(), "the server died"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive(), "the server did not stop"
