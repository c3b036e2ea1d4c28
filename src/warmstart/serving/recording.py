"""Events on their way into the log, and what is answered about them."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from warmstart.serving.answers import Recorded, Rejected
from warmstart.serving.requests import read_events
from warmstart.serving.store import kept, log
from warmstart.serving.store.entries import Entry, Outcome, digest_of
from warmstart.serving.store.store import Store

T = TypeVar("T")


def logged(
    store: Store,
    tenant: str,
    events: Sequence[Any],
    idempotency_key: str | None,
    unknown_of: Callable[[Sequence[Entry]], tuple[str, ...]],
) -> "Future[Recorded]":
    """Log events without waiting for the commit.

    Args:
        store: where they are logged.
        tenant: whose they are.
        events: mappings with the fields of ``EventIn``.
        idempotency_key: names the request; sent again with the same events, it is answered as the first time.
        unknown_of: returns the items of some entries that nobody knows (yet).

    Raises:
        BadInput: there are none or too many; a faulty one among them is rejected by itself.
    """
    started = time.perf_counter()
    good, rejected = read_events(events)
    entries = [entry for _, entry in good]
    unknown = unknown_of(entries)

    def answered(outcomes: list[Outcome]) -> Recorded:
        found = _recorded(good, rejected, outcomes)
        return replace(found, unknown_items=unknown, took_ms=1000 * (time.perf_counter() - started))

    if idempotency_key is None:
        return _then(store.log(tenant, entries), answered)
    key, digest = digest_of(idempotency_key), digest_of(list(events))

    def once(connection: Any) -> Recorded:
        before = kept.answer_of(connection, tenant, key, digest)
        if before is not None:
            places = [Rejected(**one) for one in before.pop("rejected")]
            return replace(Recorded(rejected=tuple(places), **before), unknown_items=unknown)
        found = answered(log.append(connection, tenant, entries))
        kept.keep_answer(connection, tenant, key, digest, _impersonal(found))
        return found

    return store.write(once)


def _recorded(good: list[tuple[int, Entry]], rejected: list[Rejected], outcomes: list[Outcome]) -> Recorded:
    counts = {"accepted": 0, "duplicate": 0, "conflict": 0}
    refused = list(rejected)
    for (index, _), outcome in zip(good, outcomes, strict=True):
        counts[outcome.status] += 1
        if outcome.status == "conflict":
            refused.append(Rejected(index, outcome.event_id, "event_id came before with another body"))
    kept_ones = [outcome for outcome in outcomes if outcome.status != "conflict"]
    return Recorded(
        counts["accepted"],
        counts["duplicate"],
        tuple(sorted(refused, key=lambda one: one.index)),
        max((outcome.version for outcome in kept_ones), default=0),
        {outcome.event_id: outcome.version for outcome in kept_ones},
    )


def _impersonal(found: Recorded) -> dict[str, Any]:
    """Return an answer as it may be kept: event ids can hold names, so only places stay."""
    places = [{"index": one.index, "event_id": None, "reason": one.reason} for one in found.rejected]
    return {
        "accepted": found.accepted,
        "duplicates": found.duplicates,
        "rejected": places,
        "state_version": found.state_version,
    }


def _then(future: "Future[T]", change: Callable[[T], Any]) -> "Future[Any]":
    """Return a future of what ``change`` makes of another's result."""
    found: Future[Any] = Future()

    def done(first: "Future[T]") -> None:
        if not found.set_running_or_notify_cancel():
            return
        error = first.exception()
        if error is not None:
            found.set_exception(error)
            return
        try:
            found.set_result(change(first.result()))
        except Exception as fault:  # noqa: BLE001 (whoever waits must hear of it, whatever it is)
            found.set_exception(fault)

    future.add_done_callback(done)
    return found
