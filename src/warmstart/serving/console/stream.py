"""Open streams of server events: they wake together, and end when the process is told to stop."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.responses import Response, StreamingResponse

from warmstart.core.errors import Overloaded

MOST_STREAMS = 64
"""Pages that a process keeps told; one more does without, and is answered click by click."""
LOOK_SECONDS = 0.4
"""How often a page is looked after that nobody of this process touched."""
BEAT_SECONDS = 15.0
"""How often a silent stream shows that it lives."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Streams:
    """The open streams of a process.

    Example:
        >>> from warmstart.serving.console.stream import Streams
        >>> streams = Streams()
        >>> with streams.ending_with_process():
        ...     streams.open
        0
    """

    def __init__(self) -> None:
        self.open = 0
        self.closing = False
        self._sleepers: set[asyncio.Event] = set()

    def wake(self) -> None:
        """Let every stream look at once; call it in the loop that they run in."""
        for sleeper in self._sleepers:
            sleeper.set()

    @contextmanager
    def ending_with_process(self) -> Iterator[None]:
        """Hear the signals that stop the process before they are acted on: it would wait for streams that never end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}

        def heard(number: int, frame: Any) -> None:
            self.closing = True
            was = before[signal.Signals(number)]
            if callable(was):
                was(number, frame)

        for number, was in before.items():
            if callable(was):
                signal.signal(number, heard)
        try:
            yield
        finally:
            for number, was in before.items():
                if signal.getsignal(number) is heard:
                    signal.signal(number, was)

    def response(self, parts: Callable[[], AsyncIterator[str]]) -> Response:
        """Return a stream as a response.

        Raises:
            Overloaded: there are too many.
        """
        if self.open >= MOST_STREAMS:
            raise Overloaded("Too many pages are open. This one is told of changes when you click.")
        return StreamingResponse(
            self._counted(parts), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _counted(self, parts: Callable[[], AsyncIterator[str]]) -> AsyncIterator[str]:
        self.open += 1
        try:
            yield "retry: 1000\n\n"
            async for part in parts():
                yield part
        finally:
            self.open -= 1

    async def beats(self, seconds: float) -> AsyncIterator[bool]:
        """Yield after so many seconds, or sooner when woken, until the process stops; true where a beat is due."""
        sleeper, silent = asyncio.Event(), 0.0
        self._sleepers.add(sleeper)
        try:
            while not self.closing:
                yield silent >= BEAT_SECONDS
                silent = 0.0 if silent >= BEAT_SECONDS else silent + seconds
                await self._pause(sleeper, seconds)
        finally:
            self._sleepers.discard(sleeper)

    async def _pause(self, sleeper: asyncio.Event, seconds: float) -> None:
        left = seconds
        while left > 0 and not self.closing and not sleeper.is_set():
            try:
                await asyncio.wait_for(sleeper.wait(), min(left, LOOK_SECONDS))
            except TimeoutError:
                left -= LOOK_SECONDS
        sleeper.clear()
