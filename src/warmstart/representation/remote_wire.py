"""The wire to a language model's server: the key from the environment, patience, retries, and what it has cost."""

import json
import logging
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import (
    BadInput,
    MissingExtra,
    ModelUnavailable,
    NotAllowed,
    Unsupported,
    WarmstartError,
)

TRIED_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
ABSENT = frozenset({404, 405, 501})
FIRST_PAUSE = 0.5
"""Seconds; each further pause is twice as long, less a random part, so that many do not come at once."""
SHOWN = 300
"""Characters of a server's own words that go into an error."""
logger = logging.getLogger(__name__)


class WireConfig(Config):
    """How a server is asked."""

    key_variable: str = "WARMSTART_LLM_KEY"
    """Environment variable that holds the key; while it is not set, none is sent."""
    timeout: float = Field(default=60.0, gt=0)
    """Seconds to wait for an answer, or for the next piece of one."""
    tries: int = Field(default=4, ge=1)
    """How often a request is sent at most, when the server is overloaded or does not answer."""
    longest_pause: float = Field(default=30.0, ge=0)
    """Seconds waited between two tries at most, whatever the server asks for."""
    concurrency: int = Field(default=4, ge=1, le=64)
    """Requests under way at the same time at most."""
    price_in: float = Field(default=0.0, ge=0)
    """What a million tokens of prompts cost, in whatever money."""
    price_out: float = Field(default=0.0, ge=0)
    """What a million written tokens cost."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What was asked of a server so far; tokens are those that it told of.

    Args:
        requests: sent, those that were tried again included.
        retries: how many of these were further tries.
        tokens_in: of prompts and embedded texts.
        tokens_out: written.
        cost: by the prices of the settings.
    """

    requests: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


class OutOfTime(Exception):
    """The caller's deadline has come; never leaves this room."""


class Wire:
    """A server's address, asked with patience; safe to use from many threads.

    Args:
        url: such as ``http://127.0.0.1:8000/v1``.
        config: how it is asked.

    Raises:
        BadInput: this is no address, or it holds a secret.
        MissingExtra: httpx2 is not installed.
    """

    def __init__(self, url: str, config: WireConfig) -> None:
        try:
            import httpx2
        except ImportError:
            raise MissingExtra("httpx2", extra="llm") from None
        self.url = _checked(url)
        self.config = config
        self._spent = Spent()
        self._lock = threading.Lock()
        self._unreachable = httpx2.TransportError
        self._garbled = httpx2.DecodingError
        self._limits = httpx2.Timeout
        self._http = httpx2.Client(timeout=config.timeout)

    @property
    def spent(self) -> Spent:
        """What was asked so far."""
        return self._spent

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, path: str, body: dict[str, Any], end: float | None = None) -> dict[str, Any]:
        """Return the answer to one request; what fails for want of an answer is tried again.

        Args:
            path: under the address, or from the server's root if it begins with two slashes.
            body: JSON.
            end: on the monotonic clock, when the caller's time is up.

        Raises:
            ModelUnavailable: no answer came, or none that can be read.
            NotAllowed: the key is absent or refused.
            Unsupported: the server does not offer this.
            BadInput: the server says that the request is wrong.
        """
        for attempt in range(self.config.tries):
            try:
                with self._sent(path, body, end, attempt) as response:
                    return self._read(response.read())
            except _Again as again:
                self._wait(again, attempt, end)
        raise AssertionError("the last try raises")  # pragma: no cover

    def stream(self, path: str, body: dict[str, Any], end: float | None = None) -> Iterator[dict[str, Any]]:
        """Yield the events of a streamed answer; tried again only until the first one, as ``ask`` is."""
        for attempt in range(self.config.tries):
            begun = False
            try:
                with self._sent(path, body, end, attempt) as response:
                    for event in self._events(response.iter_lines()):
                        begun = True
                        yield event
                    return
            except _Again as again:
                if begun:
                    raise ModelUnavailable(f"The answer of {self.url} broke off: {again.why}. Try again.") from None
                self._wait(again, attempt, end)

    def paid(self, tokens_in: int, tokens_out: int) -> None:
        """Add what an answer has used."""
        cost = (tokens_in * self.config.price_in + tokens_out * self.config.price_out) / 1e6
        with self._lock:
            was = self._spent
            self._spent = replace(
                was,
                tokens_in=was.tokens_in + tokens_in,
                tokens_out=was.tokens_out + tokens_out,
                cost=was.cost + cost,
            )

    @contextmanager
    def _sent(self, path: str, body: dict[str, Any], end: float | None, attempt: int) -> Iterator[Any]:
        """Send a request and give the response if it is a good one; raise what it means if not."""
        patience = self.config.timeout if end is None else min(self.config.timeout, end - monotonic())
        if patience <= 0:
            raise OutOfTime
        with self._lock:
            again = int(attempt > 0)
            self._spent = replace(self._spent, requests=self._spent.requests + 1, retries=self._spent.retries + again)
        key = self._key()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        address = self._root() + path[1:] if path.startswith("//") else self.url + path
        limits = self._limits(patience)
        try:
            with self._http.stream("POST", address, json=body, headers=headers, timeout=limits) as response:
                if response.status_code >= 300:
                    raise self._fault(path, response, key)
                yield response
        except (self._unreachable, self._garbled) as error:
            if end is not None and monotonic() >= end:
                raise OutOfTime from None
            raise _Again(f"{type(error).__name__}: {error}") from None

    def _key(self) -> str | None:
        """Return the key, read anew for each request and kept nowhere."""
        key = os.environ.get(self.config.key_variable, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise NotAllowed(f"The key in {self.config.key_variable} has letters that no key has. Set it again.")
        return key or None

    def _root(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def _read(self, content: bytes) -> dict[str, Any]:
        try:
            found = json.loads(content)
        except ValueError:
            raise _Again("what came is no JSON") from None
        if not isinstance(found, dict):
            raise _Again("what came is no JSON object")
        return found

    def _events(self, lines: Iterator[str]) -> Iterator[dict[str, Any]]:
        """Read server-sent events; anything else between them, such as a comment, is passed over."""
        for line in lines:
            name, _, data = line.partition(":")
            if name != "data":
                continue
            if data.strip() == "[DONE]":
                return
            event = self._read(data.encode())
            if "error" in event:
                raise _Again(_words(json.dumps(event)))
            yield event

    def _fault(self, path: str, response: Any, key: str | None) -> Exception:
        """Return what a status means to the caller, in the server's own words but for the key."""
        status = int(response.status_code)
        said = _words(response.read().decode("utf-8", "replace"))
        said = f"{status} {said.replace(key, '...') if key else said}".strip()
        if status in TRIED_AGAIN:
            return _Again(said, _pause_asked(response.headers.get("retry-after")))
        return _meaning(status, f"{self.url} answered to {path}: {said}", self.config.key_variable)

    def _wait(self, again: "_Again", attempt: int, end: float | None) -> None:
        if attempt + 1 >= self.config.tries:
            tried = f"after {attempt + 1} tries" if attempt else "at the first try"
            raise ModelUnavailable(f"No answer from {self.url} {tried}: {again.why}. Try later.") from None
        usual = FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.0)
        pause = min(usual if again.pause is None else again.pause, self.config.longest_pause)
        logger.info("%s: %s; tried again in %.1f s", self.url, again.why, pause)
        if end is not None and monotonic() + pause >= end:
            raise OutOfTime from None
        sleep(pause)


class _Again(Exception):
    """A try that may be repeated: why, and the seconds that the server asks to wait."""

    def __init__(self, why: str, pause: float | None = None) -> None:
        super().__init__(why)
        self.why, self.pause = why, pause


def _meaning(status: int, said: str, key_variable: str) -> WarmstartError:
    if status in (401, 403):
        return NotAllowed(f"{said}. Put a key that it takes into the environment variable {key_variable}.")
    if status in ABSENT:
        return Unsupported(f"{said}. It does not offer this, or not for this model: take another server or model.")
    return BadInput(f"{said}. Change what was asked for.")


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadInput(f"A server's address begins with http:// or https://; came: {url!r}.")
    if parts.username or parts.password or parts.query:
        raise BadInput("A server's address holds no user, key or query: it would be written into logs and names.")
    return url.rstrip("/")


def _words(text: str) -> str:
    """Return what a server says, shortened; of a JSON problem its message."""
    try:
        found = json.loads(text)
        error = found.get("error", found)
        text = str(error.get("message", error) if isinstance(error, dict) else error)
    except (ValueError, AttributeError):
        pass
    return " ".join(text.split())[:SHOWN]


def _pause_asked(header: str | None) -> float | None:
    """Read a ``Retry-After`` header: seconds, or a date."""
    try:
        seconds = None if header is None else float(header)
        return max(seconds, 0.0) if seconds is not None and isfinite(seconds) else None
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(str(header))
    except ValueError:
        return None
    return max((when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)
