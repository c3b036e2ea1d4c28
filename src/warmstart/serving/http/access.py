"""Who may do what: keys of which only hashes are kept, roles, tenants, and how often."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from warmstart.core.errors import BadInput, StoreUnavailable
from warmstart.serving.http.problems import Refused
from warmstart.serving.live import DEFAULT_TENANT
from warmstart.serving.roles import ROLES, reaches
from warmstart.serving.store import kept
from warmstart.serving.store.kept import Key
from warmstart.serving.store.store import Store

SECONDS_BETWEEN_READS = 1.0
"""How long a revoked key may still open something."""
BURST = 2.0
"""Seconds' worth of requests that may come at once."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the tenant and the role come from the key, never from what is asked."""

    tenant: str
    role: str
    key_id: str

    def may(self, role: str) -> None:
        """Refuse with 403 who may not do what ``role`` may."""
        if not reaches(self.role, role):
            raise Refused(403, f"This key may {self.role}; this needs a key that may {role}.")


def new_key(tenant: str, role: str, name: str = "") -> tuple[str, Key]:
    """Return a new key, and what is kept of it.

    Raises:
        BadInput: there is no such role.

    Example:
        >>> from warmstart.serving.http.access import new_key
        >>> text, key = new_key("shop", "read")
        >>> text.startswith(f"ws_{key.key_id}_"), text.split("_")[2] in key.secret_hash
        (True, False)
    """
    if role not in ROLES:
        raise BadInput(f"A key may {', '.join(ROLES)}; came: {role!r}.")
    key_id, secret = secrets.token_hex(6), secrets.token_hex(24)
    return f"ws_{key_id}_{secret}", Key(key_id, _hash(secret), tenant, role, name, time.time())


def _hash(secret: str) -> str:
    # the secret has 192 random bits, so that a slow hash would protect nothing
    return hashlib.sha256(secret.encode()).hexdigest()


class Access:
    """Knows the keys of a store.

    Args:
        store: where they are kept.
        open_without_keys: whether anybody may do anything while there are no keys, as on loopback.
        rate: requests a second that each key may make of this process; None for no limit.
        clock: seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        open_without_keys: bool,
        rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._open = open_without_keys
        self._keys: dict[str, Key] = {}
        self._read_at: float | None = None
        self._clock = clock
        self.rate = rate
        self._has_read = False
        with suppress(StoreUnavailable):
            # at once, so that a process that nobody asked before the store went away still knows who may enter
            self._read()
        self._buckets: dict[str, tuple[float, float]] = {}

    def caller(self, given: str | None) -> Caller:
        """Return who holds a key; raises ``Refused`` with 401."""
        self._refresh()
        if not self._keys and self._open:
            return Caller(DEFAULT_TENANT, "admin", "open")
        if not given:
            raise Refused(401, "Give a key: Authorization: Bearer KEY, or X-API-Key: KEY.", _CHALLENGE)
        _, _, rest = given.partition("_")
        key_id, _, secret = rest.partition("_")
        key = self._keys.get(key_id)
        # compared even where there is no such key, so that time tells nothing
        fits = hmac.compare_digest(_hash(secret), key.secret_hash if key else _hash("nobody"))
        if key is None or not fits or key.revoked is not None:
            raise Refused(401, "This key opens nothing. Check it, or ask for a new one.", _CHALLENGE)
        return Caller(key.tenant, key.role, key.key_id)

    def count(self, caller: Caller) -> dict[str, str]:
        """Count a request against its key's rate; returns the headers that tell how much is left.

        Raises:
            Refused: with 429, when nothing is.
        """
        if self.rate is None or caller.key_id == "open":
            return {}
        size, now = max(1.0, self.rate * BURST), self._clock()
        left, at = self._buckets.get(caller.key_id, (size, now))
        left = min(size, left + (now - at) * self.rate)
        headers = {"RateLimit-Limit": f"{size:g}", "RateLimit-Remaining": str(int(max(0.0, left - 1)))}
        if left < 1:
            self._buckets[caller.key_id] = left, now
            wait = str(max(1, round((1 - left) / self.rate)))
            headers |= {"RateLimit-Reset": wait, "Retry-After": wait}
            raise Refused(429, f"More than {self.rate:g} requests a second came with this key.", headers)
        self._buckets[caller.key_id] = left - 1, now
        return headers | {"RateLimit-Reset": "1"}

    def _refresh(self) -> None:
        now = self._clock()
        if self._read_at is not None and now - self._read_at < SECONDS_BETWEEN_READS:
            return
        try:
            self._read()
        except StoreUnavailable:
            if not self._has_read:
                raise  # who may enter is not known yet
        self._read_at = now

    def _read(self) -> None:
        self._keys = {key.key_id: key for key in self._store.read(kept.keys)}
        self._has_read = True


_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def key_in(headers: list[tuple[bytes, bytes]]) -> str | None:
    """Return the key that a request gives, if any.

    Example:
        >>> from warmstart.serving.http.access import key_in
        >>> key_in([(b"authorization", b"Bearer ws_1_2")]), key_in([(b"x-api-key", b"ws_3_4")]), key_in([])
        ('ws_1_2', 'ws_3_4', None)
    """
    for name, value in headers:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip().decode("latin-1")
        if name == b"x-api-key":
            return value.strip().decode("latin-1")
    return None
