"""How a server is set; the command line, the environment of its workers and the docs read the same fields."""

import json
import os
from typing import Self

from pydantic import Field

from warmstart.core.config import Config
from warmstart.serving.settings import LiveConfig

VARIABLE = "WARMSTART_SERVE"
"""The environment variable by which a server tells its workers how they are set."""
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that names where workers leave their counts for each other."""
FAILED = "failed.txt"
"""The file in it in which a worker that cannot start says why."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ServeConfig(Config):
    """How a server is set."""

    model: str
    """Folder of a trained model."""

    store: str = "sqlite:///warmstart.db"
    """Where events are kept: sqlite:///FILE or postgresql://USER@HOST/NAME."""

    host: str = "127.0.0.1"
    """Address to listen on; any but loopback needs keys."""

    port: int = Field(8080, ge=0, le=65_535)
    """Port to listen on."""

    workers: int = Field(1, ge=1, le=64)
    """Processes that answer."""

    rate: float | None = Field(1000.0, gt=0)
    """Requests a second that each key may make; None for no limit."""

    most_at_once: int = Field(200, ge=1)
    """Requests that a process works on at the same time; more are refused at once with 503."""

    console: bool = True
    """Serve the web console under /console."""

    live: LiveConfig = LiveConfig()
    """How the engine behaves."""

    @property
    def is_local(self) -> bool:
        """Whether nobody from outside can reach the server."""
        return self.host in LOOPBACK

    def tell_workers(self) -> None:
        """Leave these settings where ``of_environment`` finds them."""
        os.environ[VARIABLE] = self.model_dump_json()

    @classmethod
    def of_environment(cls) -> Self:
        """Return the settings that the server left for its workers."""
        return cls.of(**json.loads(os.environ[VARIABLE]))
