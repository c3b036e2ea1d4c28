"""Starting a server: checks first, then workers, then draining."""

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warmstart.core.errors import BadInput
from warmstart.core.seal import version_of
from warmstart.serving.http.settings import FAILED, FOLDER, ServeConfig
from warmstart.serving.store import kept
from warmstart.serving.store.store import Store

LOG = logging.getLogger(__name__)
DRAIN_SECONDS = 15
"""How long requests that are being answered may take after the server was told to stop."""
START_SECONDS = 10
"""How long a worker may take to start, or to say that it is there."""
BACKLOG = 512
FOLDERS = "warmstart-metrics-"


def serve(config: ServeConfig) -> None:
    """Serve until told to stop; requests that are being answered then are answered to the end.

    Raises:
        BadInput: the address is open to others and there is no key, or it is taken, or no worker can start.
        BadModelFile: the folder holds no model.
        StoreUnavailable: the store does not answer.
    """
    import uvicorn

    _prepare(config, version_of(config.model))
    _check_address(config)
    config.tell_workers()
    with _counting_together(config.workers):
        uvicorn.run(
            "warmstart.serving.http.main:of_environment",
            factory=True,
            host=config.host,
            port=config.port,
            workers=config.workers,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_worker_healthcheck=START_SECONDS,
            backlog=BACKLOG,
        )


@contextmanager
def _counting_together(workers: int) -> Iterator[None]:
    """Give several workers a folder to count in together; one process counts in its memory."""
    if workers == 1:
        yield
        return
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{FOLDERS}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        os.environ[FOLDER] = folder
        yield
        failed = Path(folder, FAILED)
        if failed.exists():
            raise BadInput(failed.read_text(encoding="utf-8"))


def _sweep() -> None:
    """Remove what servers left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDERS}*-*"):
        owner = folder.name.removeprefix(FOLDERS).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _prepare(config: ServeConfig, version: str) -> None:
    """Bring the tables up to date before any worker asks for them, and see that nobody unknown can come in."""
    with Store.open(config.store) as store:
        if not config.is_local and not store.read(kept.keys):
            raise BadInput(
                f"{config.host} can be reached by others, and there is no key yet. Make one first: "
                f"warmstart keys add --store {store.database.shown_url} --role admin"
            )
        _register(store, config, version)


def _register(store: Store, config: ServeConfig, version: str) -> None:
    """Register the model that the server was started with; it answers unless another one was activated since.

    Otherwise a restart would take back what was trained while serving.
    """
    place = str(Path(config.model).resolve())
    active = next((row for row in store.read(kept.models) if row.activated is not None), None)
    activate = active is None
    store.write(lambda connection: kept.add_model(connection, version, place, activate=activate)).result()
    if active is not None and active.version != version:
        LOG.warning(
            "model %s answers, which was activated last; to let %s answer: warmstart models activate --store %s %s",
            *(active.version, version, store.database.shown_url, version),
        )


def _check_address(config: ServeConfig) -> None:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise BadInput(
                f"{config.host}:{config.port} cannot be used: {error.strerror}. Give another --port."
            ) from None
