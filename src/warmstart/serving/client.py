"""A server from afar: the same methods, answers and errors as the engine has in the same process."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import TypeAdapter

from warmstart.core import errors
from warmstart.core.errors import BadInput, MissingExtra, NotAllowed, Overloaded, StoreUnavailable, WarmstartError
from warmstart.explanation.lexicon import Language
from warmstart.serving.answers import Description, Erased, Explained, Export, Recommendations, Recorded, Taste
from warmstart.serving.store.entries import ItemRow

T = TypeVar("T")
TIMEOUT_SECONDS = 10.0
TRIES = 3
LONGEST_PAUSE = 2.0
"""Seconds waited between two tries at most, whatever the server asks for."""


def connect(url: str, api_key: str | None = None, *, timeout: float = TIMEOUT_SECONDS) -> "Client":
    """Connect to a server; the extra ``client`` must be installed.

    Args:
        url: such as ``http://127.0.0.1:8080``.
        api_key: from ``warmstart keys add``; a server on loopback may need none.
        timeout: seconds to wait for an answer.

    Raises:
        BadInput: this is no address.
        MissingExtra: httpx2 is not installed.

    Example:
        >>> import warmstart as ws
        >>> shop = ws.connect("http://127.0.0.1:8080")
        >>> shop.url
        'http://127.0.0.1:8080'
        >>> shop.close()
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise BadInput(f"A server's address begins with http:// or https://; came: {url!r}.")
    return Client(url.rstrip("/"), api_key, timeout)


class Client:
    """The service of the tenant whose key was given; see ``Tenant`` for what each method does and raises.

    What fails for want of an answer is tried again, which harms nobody: events carry ids.

    Args:
        url: of the server.
        api_key: of the tenant.
        timeout: seconds.
    """

    def __init__(self, url: str, api_key: str | None, timeout: float) -> None:
        try:
            import httpx2
        except ImportError:
            raise MissingExtra("httpx2", extra="client") from None
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self.url = url
        self._unreachable = httpx2.TransportError
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def record(self, events: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None) -> Recorded:
        """Log what people did; see ``Tenant.record``."""
        if idempotency_key is None:
            # so that a request that is tried again here is the same one
            bodies, headers = [{"event_id": uuid.uuid4().hex} | dict(event) for event in events], {}
        else:
            bodies, headers = [dict(event) for event in events], {"Idempotency-Key": idempotency_key}
        return self._asked(Recorded, "POST", "/v1/events", json=bodies, headers=headers)

    def undo(self, event_id: str) -> int:
        """Take an event out of its person's profile; see ``Tenant.undo``."""
        return self._version("DELETE", f"/v1/events/{_part(event_id)}")

    def merge(self, user_id: str, session_id: str) -> int:
        """Give what was done before login to the user; see ``Tenant.merge``."""
        return self._version("POST", f"/v1/users/{_part(user_id)}:merge", json={"session_id": session_id})

    def recommend(self, user_id: str | None = None, *, session_id: str | None = None, **ask: Any) -> Recommendations:
        """Recommend to somebody who is kept; see ``Tenant.recommend``."""
        path = f"{_path_of(user_id, session_id)}/recommendations"
        return self._asked(Recommendations, "GET", path, params=_query(ask))

    def recommend_to(self, **person: Any) -> Recommendations:
        """Recommend to somebody of whom nothing is kept; see ``Tenant.recommend_to``."""
        return self._asked(Recommendations, "POST", "/v1/recommendations", json=person)

    def reward(self, recommendation_id: str, value: float) -> None:
        """Say what a list was worth; see ``Tenant.reward``."""
        self._send("POST", f"/v1/recommendations/{_part(recommendation_id)}/reward", json={"reward": value})

    def explain(self, user_id: str, item_id: Any, language: Language | None = None) -> Explained:
        """Say why an item has its score for a user; see ``Tenant.explain``."""
        path = f"/v1/users/{_part(user_id)}/explanations/{_part(str(item_id))}"
        return self._asked(Explained, "GET", path, params=_query({"language": language}))

    def search(
        self, text: str, user_id: str | None = None, *, session_id: str | None = None, **ask: Any
    ) -> Recommendations:
        """Return the items that fit a text; see ``Tenant.search``."""
        somebody = {"user_id": user_id, "session_id": session_id}
        return self._asked(Recommendations, "GET", "/v1/search", params=_query({"q": text} | somebody | ask))

    def taste(self, user_id: str | None = None, *, session_id: str | None = None) -> Taste:
        """Return what stands out among what somebody likes; see ``Tenant.taste``."""
        return self._asked(Taste, "GET", f"{_path_of(user_id, session_id)}/taste")

    def description(self, item_id: Any, language: Language = "en") -> Description:
        """Return what an item is, in words; see ``Tenant.description``."""
        return self._asked(
            Description, "GET", f"/v1/items/{_part(str(item_id))}/description", params=_query({"language": language})
        )

    def similar(self, item_id: Any, n: int = 10) -> Recommendations:
        """Return what those like who like an item; see ``Tenant.similar``."""
        return self._asked(Recommendations, "GET", f"/v1/items/{_part(str(item_id))}/similar", params={"n": n})

    def describe(self, user_id: str, attributes: Mapping[str, Any]) -> int:
        """Set what is known of a user; see ``Tenant.describe``."""
        return self._version("PUT", f"/v1/users/{_part(user_id)}", json=dict(attributes))

    def export(self, user_id: str) -> Export:
        """Return everything that is kept about a user; see ``Tenant.export``."""
        return self._asked(Export, "GET", f"/v1/users/{_part(user_id)}")

    def erase(self, user_id: str) -> Erased:
        """Remove everything about a user; see ``Tenant.erase``."""
        return self._asked(Erased, "DELETE", f"/v1/users/{_part(user_id)}")

    def put_items(self, items: Sequence[Mapping[str, Any]]) -> int:
        """Add items or change them; see ``Tenant.put_items``."""
        return int(self._send("PUT", "/v1/items", json=[dict(item) for item in items]).json()["count"])

    def items(self, after: str = "", n: int = 100) -> list[ItemRow]:
        """Return the items that were put; see ``Tenant.items``."""
        found = self._send("GET", "/v1/items", params={"after": after, "n": n}).json()["items"]
        return TypeAdapter(list[ItemRow]).validate_python(found)

    def item(self, item_id: str) -> ItemRow:
        """Return an item; see ``Tenant.item``."""
        return self._asked(ItemRow, "GET", f"/v1/items/{_part(item_id)}")

    def remove_items(self, item_ids: Sequence[str]) -> int:
        """Remove items that were put; returns how many there were."""
        return sum(self._removed(item_id) for item_id in item_ids)

    def ready(self) -> str:
        """Return the version of the model that answers; raises ``StoreUnavailable`` while the server is not ready."""
        return str(self._send("GET", "/health/ready").json()["model_version"])

    def _removed(self, item_id: str) -> int:
        try:
            return int(self._send("DELETE", f"/v1/items/{_part(item_id)}").json()["count"])
        except errors.NotFound:
            return 0

    def _version(self, method: str, path: str, **more: Any) -> int:
        return int(self._send(method, path, **more).json()["state_version"])

    def _asked(self, kind: type[T], method: str, path: str, **more: Any) -> T:
        return TypeAdapter(kind).validate_json(self._send(method, path, **more).content)

    def _send(self, method: str, path: str, **more: Any) -> Any:
        """Return the answer; raises what went wrong as the engine would have raised it."""
        return _tried(lambda: self._sent_once(method, path, **more))

    def _sent_once(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._http.request(method, path, **more)
        except self._unreachable as error:
            raise StoreUnavailable(f"No answer from {self.url}: {error}. Nothing is known of this request.") from error
        if answer.status_code >= 400:
            raise _error_of(answer)
        return answer


def _tried(work: Callable[[], T]) -> T:
    for left in range(TRIES - 1, -1, -1):
        try:
            return work()
        except (StoreUnavailable, Overloaded) as error:
            if not left:
                raise
            time.sleep(min(LONGEST_PAUSE, getattr(error, "retry_after", 0.0) or 0.1 * (TRIES - left)))
    raise AssertionError


def _error_of(answer: Any) -> WarmstartError:
    try:
        told = answer.json()
        detail, name = str(told["detail"]), str(told.get("error", ""))
    except (ValueError, KeyError, TypeError):
        detail, name = f"The server answered {answer.status_code}.", ""
    kind = getattr(errors, name, None) or _KINDS.get(answer.status_code, BadInput)
    found: WarmstartError = kind.__new__(kind)
    # some of our errors word their message themselves; this one has been worded already
    Exception.__init__(found, detail)
    wait = answer.headers.get("Retry-After", "")
    if wait.isdigit():
        found.retry_after = float(wait)  # type: ignore[attr-defined]
    return found


_KINDS: dict[int, type[WarmstartError]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: errors.NotFound,
    409: errors.Conflict,
    429: Overloaded,
    500: WarmstartError,
    503: StoreUnavailable,
    507: errors.StoreFull,
}


def _part(name: str) -> str:
    return quote(name, safe="")


def _path_of(user_id: str | None, session_id: str | None) -> str:
    if (user_id is None) == (session_id is None):
        raise BadInput("Give either user_id or session_id.")
    return f"/v1/sessions/{_part(str(session_id))}" if user_id is None else f"/v1/users/{_part(user_id)}"


def _query(ask: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a list should be like as a query string says it."""
    found: list[tuple[str, str]] = []
    for name, value in ask.items():
        if value is None:
            continue
        if name == "filter":
            found += [(name, f"{column}:{level}") for column, levels in value.items() for level in levels]
        elif isinstance(value, bool):
            found.append((name, str(value).lower()))
        else:
            found.append((name, ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)))
    return found
