"""``warmstart recommend``: a few titles or a sentence in, a list out."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from warmstart.cli.options import AsJson, ConfigFile
from warmstart.cli.terminal import Terminal
from warmstart.core.errors import BadInput


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(recommend)


def recommend(
    model: Annotated[Path, typer.Option(help="The folder of a trained model.")],
    likes: Annotated[list[str] | None, typer.Option(help="A title (or id:ID) the person likes; repeat it.")] = None,
    dislikes: Annotated[list[str] | None, typer.Option(help="A title that the person does not like.")] = None,
    text: Annotated[str | None, typer.Option(help="A sentence about what the person likes.")] = None,
    user: Annotated[list[str] | None, typer.Option(help="An attribute, such as age=25; repeat it.")] = None,
    k: Annotated[int, typer.Option("-k", "--k", help="How many items.")] = 10,
    explain: Annotated[bool, typer.Option(help="Say which events brought each item.")] = False,
    on_unknown: Annotated[Literal["raise", "ignore"], typer.Option(help="What to do with unknown titles.")] = "raise",
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Recommend to somebody never seen before, from a few titles, attributes or a sentence.

    Titles are found whatever their case, article or year; several matches are named, not guessed.
    """
    from warmstart.cli.render import document, ranking_table
    from warmstart.serving.engine import Engine

    if k < 1:
        raise BadInput(f"k must be at least 1; came: {k}.")
    terminal, engine = Terminal(as_json=as_json), Engine.open(model)
    attributes = _attributes(user or [])
    person = engine.profile(likes or [], dislikes or [], user=attributes, text=text, on_unknown=on_unknown)
    for name in engine.unread(person, attributes, text):
        terminal.note(f"this model reads no {name}: what you gave of it changes nothing")
    ranking = person.recommend(k=k)
    reasons = {row.item_id: engine.reasons(person, row.item_id) for row in ranking} if explain else None
    if ranking.ignored:
        terminal.note(f"skipped as unknown: {', '.join(map(str, ranking.ignored))}")
    about = {"source": ranking.source, "evidence": ranking.evidence, "ignored": list(ranking.ignored)}
    items = [document(row, reasons[row.item_id] if reasons else None) for row in ranking]
    terminal.result(about | {"items": items}, ranking_table(ranking, reasons), _closing(len(person), ranking.source))


def _closing(n_events: int, source: str) -> str:
    rests_on = {0: "no event", 1: "1 event"}.get(n_events, f"{n_events} events")
    return f"[dim]from {source!r}, resting on {rests_on}[/dim]"


def _attributes(pairs: list[str]) -> dict[str, Any] | None:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise BadInput(f"An attribute is written name=value, such as age=25; came: {pair!r}.")
        found[name.strip()] = _number_or_text(value.strip())
    return found or None


def _number_or_text(text: str) -> Any:
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if math.isfinite(number):
            return number
    return text
