"""Logs as lines of JSON, without anything personal: routes instead of paths, ids of keys instead of keys."""

import logging
import sys
from typing import Any

import orjson
import structlog

_OWN = structlog.get_logger()
SILENCED = ("uvicorn.access",)


def configure(level: str = "info") -> None:
    """Write structured lines to standard error; other libraries' messages become such lines too."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Forward()]
    root.setLevel(logging.WARNING)
    for name in SILENCED:
        logging.getLogger(name).disabled = True


def _line(_logger: Any, _name: str, told: Any) -> bytes:
    return orjson.dumps(told, default=str)


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        write = getattr(structlog.get_logger(), level, structlog.get_logger().info)
        write(record.getMessage(), logger=record.name, exc_info=record.exc_info)


def logger() -> Any:
    """Return where a server's own lines go."""
    return _OWN
