"""``warmstart describe``: item descriptions from attributes, of which every word is borne out."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from warmstart.cli.options import AsJson, ConfigFile, Seed
from warmstart.cli.terminal import Terminal
from warmstart.core.errors import BadInput

if TYPE_CHECKING:
    from warmstart.explanation.gather import Shelf
    from warmstart.explanation.writer import Written

A_TIME = 16
"""Texts that a model is asked for together: a batch of the local one, and few enough to lose by an interruption."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(describe)


def describe(
    data: Annotated[str, typer.Argument(help="A data set's name, a folder of tables, or a file of items.")],
    out: Annotated[Path | None, typer.Option(help="JSON lines to write; what it holds already is kept.")] = None,
    n: Annotated[int | None, typer.Option("-n", "--n", min=1, help="Items from the first on; all by default.")] = None,
    language: Annotated[Literal["en", "zh"], typer.Option(help="English or Chinese.")] = "en",
    model: Annotated[
        str, typer.Option(help="Who writes: template, smollm2, or a server's address and model, http://HOST/v1#MODEL.")
    ] = "template",
    what: Annotated[str | None, typer.Option(help="What items are called, such as film or book.")] = None,
    deadline: Annotated[float, typer.Option(help="Seconds a model has for one text; then a template speaks.")] = 30.0,
    seed: Seed = 0,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Write item descriptions from attributes; nothing is said that the attributes do not say.

    A language model's sentences are checked one by one and dropped if a name, a number or a word is not borne out.
    With --out a run that was interrupted goes on where it stopped.
    """
    from warmstart.explanation.writer import checked_noun, describe_all, open_writer

    noun, writer = checked_noun(what), open_writer(model)
    terminal, shelf = Terminal(as_json=as_json), _shelf(data, noun)
    asked = {"language": language, "model": model, "seed": seed, "what": shelf.what}
    places = range(min(n or len(shelf.catalogue), len(shelf.catalogue)))
    before = {} if out is None else _read(out, asked)
    left = [place for place in places if str(shelf.catalogue.item_ids[place]) not in before]
    rows: list[dict[str, Any]] = []
    for some in terminal.progress.track(_batches(left), "describing", total=-(-len(left) // A_TIME)):
        facts = [shelf.describing(place) for place in some]
        texts = describe_all(facts, writer, language, deadline=deadline * len(some), seed=seed)
        fresh = [_row(shelf, place, text, asked) for place, text in zip(some, texts, strict=True)]
        rows += fresh
        if out is not None:
            _append(out, fresh)
    if before:
        terminal.note(f"{len(before)} texts were there already")
    document = {"items": len(places), "written": len(rows), "kept": len(before), **_counts(rows), "texts": rows}
    shown = [f"{row['title']}: {row['text']}" for row in rows] if out is None else [f"{len(rows)} texts, see {out}"]
    terminal.result(document, *map(terminal.plain, shown), _closing(rows))


def _batches(places: Sequence[int]) -> Iterator[Sequence[int]]:
    yield from (places[start : start + A_TIME] for start in range(0, len(places), A_TIME))


def _shelf(source: str, what: str | None) -> "Shelf":
    """Open a data set, or a file that holds nothing but items."""
    from warmstart.explanation.gather import Shelf
    from warmstart.serving.engine import open_data

    path = Path(source)
    return Shelf.of_file(path, what) if path.is_file() else Shelf.of(open_data(source), what)


def _row(shelf: "Shelf", place: int, text: "Written", asked: dict[str, Any]) -> dict[str, Any]:
    about = {"item_id": shelf.catalogue.item_ids[place], "title": shelf.catalogue.titles[place], "text": text.text}
    told = {"origin": text.origin, "kept": text.kept, "dropped": text.dropped, "faults": dict(text.faults)}
    return about | told | {"why": text.why} | asked


def _read(out: Path, asked: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rows that a run before has written, by item; a last line that was torn is cut off."""
    if not out.exists():
        return {}
    whole = out.read_bytes()
    complete = whole[: whole.rfind(b"\n") + 1]
    rows = [_parsed(line, out) for line in complete.decode("utf-8", "replace").split("\n") if line.strip()]
    other = next((row for row in rows if any(row.get(name) != value for name, value in asked.items())), None)
    if other is not None:
        came = ", ".join(f"{name} {other.get(name)}" for name in asked)
        raise BadInput(f"{out} holds texts of another run ({came}). Give another file, or remove it.")
    if len(complete) < len(whole):
        out.write_bytes(complete)
    return {str(row["item_id"]): row for row in rows}


def _parsed(line: str, out: Path) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict) or "item_id" not in row:
        raise BadInput(f"{out} holds something other than descriptions. Give another file.")
    return row


def _append(out: Path, rows: list[dict[str, Any]]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows]
    with out.open("a", encoding="utf-8") as file:
        file.write("".join(lines))


def _counts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    origins = Counter(row["origin"] for row in rows)
    faults = sum((Counter(row["faults"]) for row in rows), Counter[str]())
    return {"origins": dict(sorted(origins.items())), "faults": dict(sorted(faults.items()))}


def _closing(rows: list[dict[str, Any]]) -> str:
    counts = ", ".join(f"{count} {origin}" for origin, count in _counts(rows)["origins"].items()) or "nothing to write"
    dropped = sum(row["dropped"] for row in rows)
    return f"[dim]{counts}" + (f"; {dropped} sentences were dropped" if dropped else "") + "[/dim]"
