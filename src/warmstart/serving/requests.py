"""What a service takes: declared once, checked the same for the embedded engine and over HTTP."""

import json
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from warmstart.core.errors import BadInput
from warmstart.core.events import Event
from warmstart.explanation.lexicon import Language
from warmstart.serving.answers import Rejected
from warmstart.serving.store.entries import Entry, digest_of, session, user

LONGEST_ID = 256
MOST_EVENTS = 1_000
"""Events in one request."""
MOST_ITEMS = 1_000
"""Items in one request."""
MOST_HISTORY = 1_000
MOST_RECOMMENDED = 1_000
LONGEST_TEXT = 2_000
LONGEST_SEARCH = 200
LARGEST_CONTEXT = 4_096
"""Characters of an event's context as JSON."""
AHEAD_SECONDS = 86_400.0
"""How far a clock may run ahead."""


def _text(value: Any) -> Any:
    """Take a whole number for its text, as everywhere: ids match by their text."""
    return str(value) if type(value) is not bool and isinstance(value, Integral) else value


def named(value: str) -> str:
    """Return a name; raises ``ValueError`` where it could be none."""
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        message = "a name has no control characters and no halves of letters (lone surrogates)"
        raise ValueError(message)
    return value


NO_CONTROL = r"^[^\x00-\x1f]+$"
"""What a name may be, as schemas say it; ``named`` says it in words."""
_NAME_SCHEMA = {"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": NO_CONTROL}
Id = Annotated[
    str,
    BeforeValidator(_text),
    Field(min_length=1, max_length=LONGEST_ID),
    AfterValidator(named),
    WithJsonSchema({"anyOf": [_NAME_SCHEMA, {"type": "integer"}]}),
]
_Type = Field(min_length=1, max_length=64, json_schema_extra={"pattern": NO_CONTROL})
_HISTORY_SCHEMA = {
    "type": "array",
    "maxItems": MOST_HISTORY,
    "items": {
        "anyOf": [
            _NAME_SCHEMA,
            {"type": "integer"},
            {
                "type": "array",
                "prefixItems": [{"anyOf": [_NAME_SCHEMA, {"type": "integer"}]}, {"type": "number"}],
                "items": False,
                "minItems": 1,
                "maxItems": 2,
            },
        ]
    },
}


class _Body(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


B = TypeVar("B", bound=_Body)


def _with_one_subject(schema: dict[str, Any]) -> None:
    """Say in the schema what ``_one_subject`` checks."""
    names = ("user_id", "session_id")
    schema["oneOf"] = [
        {"required": [one], "properties": {one: {"type": ["string", "integer"]}, other: {"type": "null"}}}
        for one, other in (names, names[::-1])
    ]


class EventIn(_Body):
    """One thing that somebody did with an item."""

    model_config = ConfigDict(json_schema_extra=_with_one_subject)

    event_id: Id = Field(default_factory=lambda: uuid.uuid4().hex)
    """Unique for ever; sent again, the event has no second effect. Left out, every request is a new event; null is
    refused, for whoever sends it has lost an id."""
    user_id: Id | None = None
    """Who did it; either this or ``session_id``."""
    session_id: Id | None = None
    """Who did it before logging in."""
    item_id: Id
    """What it was done with."""
    type: Annotated[str, _Type, AfterValidator(named)] = "like"
    """Such as like, dislike, rating, view, click, purchase, dismiss or impression."""
    value: float | None = None
    """Such as a rating; for a type that says what its value says."""
    timestamp: Annotated[float, Field(ge=0)] | None = None
    """When it happened, seconds since 1970; left out: now."""
    recommendation_id: Id | None = None
    """The list that it was done from."""
    position: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """The place in that list, from 0."""
    context: dict[str, Any] | None = None
    """Whatever else should be kept, at most 4 KiB."""

    @model_validator(mode="after")
    def _one_subject(self) -> "EventIn":
        if (self.user_id is None) == (self.session_id is None):
            message = "give either user_id or session_id"
            raise ValueError(message)
        if self.context is not None and len(json.dumps(self.context)) > LARGEST_CONTEXT:
            message = f"context is at most {LARGEST_CONTEXT} characters of JSON"
            raise ValueError(message)
        if self.timestamp is not None and self.timestamp > time.time() + AHEAD_SECONDS:
            message = "timestamp is more than a day ahead; it is given in seconds since 1970, not in milliseconds"
            raise ValueError(message)
        return self

    @property
    def subject(self) -> str:
        """Whose event it is."""
        return user(self.user_id) if self.user_id is not None else session(self.session_id or "")

    def entry(self, now: float) -> Entry:
        """Return what is logged; what was left out is filled in and does not count for the digest."""
        event = Event(
            self.event_id,
            self.item_id,
            self.type,
            now if self.timestamp is None else self.timestamp,
            self.value,
        )
        body = digest_of(self.model_dump(exclude_none=True))
        return Entry(event, self.subject, body, self.recommendation_id, self.position, self.context)


class Ask(_Body):
    """What a list should be like."""

    n: Annotated[int, Field(ge=1, le=MOST_RECOMMENDED)] = 10
    """How many items."""
    exclude_seen: bool = True
    """Leave out what the person has met."""
    explain: bool = False
    """Give each item its reasons."""
    filter: dict[str, list[str]] | None = None
    """Only items with one of these levels in each of these columns, such as ``{"genres": ["Comedy"]}``."""
    allow: Annotated[list[Id], Field(max_length=10_000)] | None = None
    """Only these items."""
    block: Annotated[list[Id], Field(max_length=10_000)] | None = None
    """None of these items."""
    diversity: Annotated[float, Field(ge=0, le=1)] | None = None
    """How much unlikeness within the list counts, 0 to 1; left out: as the server is set."""
    explore: Annotated[str, Field(pattern="^(off|thompson|ucb)$")] | None = None
    """Try what may be better than it seems: thompson or ucb; left out: as the server is set."""
    language: Language | None = None
    """Say in this language why the list is suggested: ``en`` or ``zh``; left out: no text."""
    scenario: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """The place that the list is for, by a name that the server was set up with; left out: the usual one."""
    after: Id | None = None
    """The ``recommendation_id`` of the page before: the same list goes on, whatever was done since."""


def looked_for(text: str) -> str:
    """Return what to look for; raises ``ValueError`` with the cure where it says nothing, or too much."""
    if not any(letter > " " for letter in text):
        message = "say what to look for: words of a title, a label such as a genre, or a year"
        raise ValueError(message)
    if len(text) > LONGEST_SEARCH:
        message = f"a search has at most {LONGEST_SEARCH} characters; a sentence about a person goes in text"
        raise ValueError(message)
    return named(text)


SEARCH_SCHEMA = {"minLength": 1, "maxLength": LONGEST_SEARCH, "pattern": r"^[^\x00-\x1f]*[^\x00-\x20][^\x00-\x1f]*$"}
"""What ``looked_for`` takes, as schemas say it."""


class SearchIn(_Body):
    """What to look for, and how the list of it should be."""

    q: Annotated[str, AfterValidator(looked_for)]
    """Words of titles, labels such as genres, years or decades."""
    n: Annotated[int, Field(ge=1, le=MOST_RECOMMENDED)] = 10
    """How many items at most."""
    exclude_seen: bool = False
    """Leave out what the person has met."""
    filter: dict[str, list[str]] | None = None
    """Only items with one of these levels in each of these columns."""
    allow: Annotated[list[Id], Field(max_length=10_000)] | None = None
    """Only these items."""
    block: Annotated[list[Id], Field(max_length=10_000)] | None = None
    """None of these items."""
    after: Id | None = None
    """The ``recommendation_id`` of the page before: the same list goes on, whatever was done since."""


class InWords(_Body):
    """How a text is worded."""

    language: Language = "en"
    """English or Chinese."""


class PersonIn(Ask):
    """Somebody who is not kept: everything known of her stands in the request."""

    history: Annotated[list[Any], Field(max_length=MOST_HISTORY), WithJsonSchema(_HISTORY_SCHEMA)] = []
    """Item ids she likes, or ``[item_id, value]`` pairs, oldest first."""
    user: dict[str, Any] | None = None
    """Attributes, such as age."""
    text: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = None
    """A sentence about what she likes."""


class ItemIn(_Body):
    """An item: with a title and whatever describes it, it can be recommended at once."""

    model_config = ConfigDict(extra="allow")

    item_id: Id
    """The item's id."""
    title: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = None
    """How it is called."""
    available: bool = True
    """False while it is out of stock: it is never recommended then."""


SENTENCE = "text"
"""The attribute of a user that is read as a sentence of hers, where the model has no attribute of that name."""


def sentence_in(attributes: Mapping[str, Any]) -> str:
    """Return what somebody says of herself among her attributes, as far as it is read; empty for nothing.

    Example:
        >>> from warmstart.serving.requests import sentence_in
        >>> sentence_in({"age": 25, "text": "I like Musical."}), sentence_in({"text": 3})
        ('I like Musical.', '')
    """
    told = attributes.get(SENTENCE)
    return told[:LONGEST_TEXT] if isinstance(told, str) and told.strip() else ""


_EVENTS = TypeAdapter(list[EventIn])


def read_events(bodies: Sequence[Any]) -> tuple[list[tuple[int, Entry]], list[Rejected]]:
    """Check events one by one; a faulty one is rejected with its place and cure, the others stand.

    Returns:
        the place in the request and the entry of each that can be logged, and the others.

    Raises:
        BadInput: there are none, or too many.
    """
    if not 1 <= len(bodies) <= MOST_EVENTS:
        raise BadInput(f"A request carries 1 to {MOST_EVENTS} events; came: {len(bodies)}.")
    now = time.time()
    try:
        return list(enumerate(one.entry(now) for one in _EVENTS.validate_python(bodies))), []
    except ValidationError:
        pass  # some are faulty: find out which
    good: list[tuple[int, Entry]] = []
    rejected = []
    for index, body in enumerate(bodies):
        try:
            good.append((index, EventIn.model_validate(body).entry(now)))
        except ValidationError as error:
            rejected.append(Rejected(index, _event_id(body), faults_of(error)))
    return good, rejected


def _event_id(body: Any) -> str | None:
    found = body.get("event_id") if isinstance(body, Mapping) else None
    return found if isinstance(found, str) and len(found) <= LONGEST_ID else None


def checked(kind: type[B], body: Any) -> B:
    """Return a body as its kind; raises ``BadInput`` naming all faults with their fields."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise BadInput(faults_of(error)) from None


def checked_each(kind: type[B], bodies: Sequence[Any]) -> list[B]:
    """Return each body as its kind; raises ``BadInput`` naming all faults of all."""
    found, faults = [], []
    for place, body in enumerate(bodies):
        try:
            found.append(checked(kind, body))
        except BadInput as error:
            faults.append(f"[{place}] {error}")
    if faults:
        raise BadInput("\n".join(faults))
    return found


def faults_of(error: ValidationError) -> str:
    """Return all faults of a body on one line, each with its field; values are left out, for they may be personal.

    Example:
        >>> from pydantic import ValidationError
        >>> from warmstart.serving.requests import Ask, faults_of
        >>> try:
        ...     Ask(n=0, m=1)
        ... except ValidationError as error:
        ...     print(faults_of(error))
        n: Input should be greater than or equal to 1; m: Extra inputs are not permitted
    """
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    places = [(".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, ")) for fault in faults]
    return "; ".join(f"{place}: {message}" if place else message for place, message in places)


def history_of(entries: Sequence[Any]) -> list[Any]:
    """Return a body's history as the library takes it; raises ``BadInput`` naming the entry at fault."""
    found: list[Any] = []
    for place, entry in enumerate(entries):
        parts = list(entry) if isinstance(entry, list | tuple) else [entry]
        fits = 1 <= len(parts) <= 2 and isinstance(parts[0], str | Integral) and not isinstance(parts[0], bool)
        if not fits or not all(_is_number(part) for part in parts[1:]):
            raise BadInput(f"history[{place}]: an entry is an item id or [item_id, value].")
        found.append(tuple(parts))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
