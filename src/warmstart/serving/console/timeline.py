"""A person's events in order of time, and which of them count now."""

from dataclasses import dataclass
from typing import Any

from warmstart.serving.console.person import title_of
from warmstart.serving.console.wording import moment
from warmstart.serving.knowing import Known
from warmstart.serving.store import log
from warmstart.serving.tenant import Tenant

MOST = 500
"""Events that a page shows, the newest."""


@dataclass(frozen=True, slots=True)
class Line:
    """An event on the timeline; ``weight`` is how much of it counts now, 0 to 1."""

    event_id: str
    moment: str
    type: str
    value: float | None
    item_id: str
    title: str
    undone: bool
    weight: float
    note: str


def lines_of(tenant: Tenant, subject: str, known: Known) -> tuple[list[Line], int]:
    """Return somebody's newest events, newest first, and how many there are altogether."""

    def found(connection: Any) -> list[dict[str, Any]]:
        owner = log.state(connection, tenant.name, subject).merged_into or subject
        return log.export(connection, tenant.name, owner)

    events = tenant.live.store.read(found)
    weights = _weights(known)
    lines: list[Line] = []
    for event in reversed(events):
        place = known.assortment.model.catalogue.find(event["item_id"])
        # of several events on an item the history holds one, at its time
        weight = 0.0 if event["undone"] else weights.get((place, event["timestamp"]), 0.0)
        if weight and tenant.live.config.feedback.kind(event["type"]).weight:
            weights.pop((place, event["timestamp"]))
        else:
            weight = 0.0
        lines.append(_line(event, known, weight, place))
        if len(lines) == MOST:
            break
    return lines, len(events)


def _weights(known: Known) -> dict[tuple[int | None, float], float]:
    history = known.folded.history
    if history.times is None:
        return {}
    weights = [1.0] * len(history.items) if history.weights is None else history.weights.tolist()
    places = zip(history.items.tolist(), history.times.tolist(), strict=True)
    return dict(zip(places, weights, strict=True))


def _line(event: dict[str, Any], known: Known, weight: float, place: int | None) -> Line:
    note = "counts" if weight else "a later event took its place, or its type says nothing"
    if event["undone"]:
        note = "forgotten"
    elif place is None:
        note = "not in the catalogue (yet)"
    title = title_of(known, event["item_id"])
    when = moment(event["timestamp"])
    value = event.get("value")
    return Line(event["event_id"], when, event["type"], value, event["item_id"], title, event["undone"], weight, note)
