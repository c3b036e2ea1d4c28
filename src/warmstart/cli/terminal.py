"""Where a command speaks: its result on standard output, everything else on standard error."""

import json
import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as RichProgress

T = TypeVar("T")
WIDTH = 120
"""Columns of what is written to a file or another program."""
logger = logging.getLogger("warmstart")


class Terminal:
    """The two outputs of a command.

    Args:
        as_json: give the result as one JSON document instead of a table.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        from rich.console import Console

        self.as_json = as_json
        self.console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
        self.progress = Bars() if sys.stderr.isatty() else Lines()

    def result(self, document: Any, *shown: "RenderableType") -> None:
        """Give ``document`` as JSON, or else show what a person wants to see of it."""
        if self.as_json:
            sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")
        else:
            self.show(*shown)

    def show(self, *shown: "RenderableType") -> None:
        """Show something to a person; nothing when the result is JSON."""
        from rich.table import Table

        for part in shown if not self.as_json else ():
            # only tables fit themselves to the width; what is to be copied stays on its line
            self.console.print(part, soft_wrap=not isinstance(part, Table) or not self.console.is_terminal)

    def plain(self, text: str) -> "RenderableType":
        """Return text that is shown as it is, whatever brackets it holds."""
        from rich.text import Text

        return Text(text, no_wrap=True)

    def note(self, text: str) -> None:
        """Say something beside the result."""
        say(text)


class Bars:
    """Progress as bars on a terminal; work inside work gets a bar of its own."""

    def __init__(self) -> None:
        self._bars: RichProgress | None = None
        self._open = 0

    def track(self, items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """Yield ``items`` and move a bar for each."""
        bars = self._start()
        size = len(items) if total is None and isinstance(items, Sized) else total
        task = bars.add_task(what, total=size)
        try:
            for item in items:
                yield item
                bars.advance(task)
        finally:
            bars.remove_task(task)
            self._stop()

    def _start(self) -> "RichProgress":
        if self._bars is None:
            self._bars = _bars(error_console())
            self._bars.start()
        self._open += 1
        return self._bars

    def _stop(self) -> None:
        self._open -= 1
        if self._open == 0 and self._bars is not None:
            self._bars.stop()
            self._bars = None


class Lines:
    """Progress off a terminal: one line to the log when work that took a while is done, none for its parts."""

    def __init__(self) -> None:
        self._open = 0

    def track(self, items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """Yield ``items`` and log how long all of them took."""
        start = time.perf_counter()
        self._open += 1
        try:
            yield from items
        finally:
            self._open -= 1
        seconds = time.perf_counter() - start
        if seconds >= 1 and not self._open:
            logger.info("%s: done in %.1f s", what, seconds)


def _bars(console: "Console") -> "RichProgress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def error_console() -> "Console":
    """Return the console of standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str, style: str | None = None) -> None:
    """Write one plain message to standard error."""
    from rich.text import Text

    error_console().print(Text(text, style=style or ""))


class _ToStandardError(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record), style="dim")


@contextmanager
def logging_to_standard_error() -> Iterator[None]:
    """Send the library's log to standard error while a command runs."""
    handler, level, propagate = _ToStandardError(), logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
