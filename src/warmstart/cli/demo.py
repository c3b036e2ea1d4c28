"""``warmstart demo``: the main job on the packaged data, told as a story."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warmstart.cli.options import AsJson
from warmstart.cli.terminal import Terminal, say

if TYPE_CHECKING:
    from warmstart.core.ranking import Ranking
    from warmstart.evaluation.report import Report
    from warmstart.recommenders.profile import Profile
    from warmstart.serving.engine import Engine

DATA = "movielens-small"
RIVALS = ("popularity", "item_knn", "user_knn", "ease")
SETTINGS = {"meta": {"values": False}}
"""What the story has no use for is not learned."""
SEEDS = (0, 1)
"""One split leaves some 36 people to test with, who may all be odd ones."""
SHOWN = 8
DEFAULT = Path("warmstart-demo")
LEFT = ("model", "report.json")
"""What the demo leaves that a server shows."""
STORY = (
    ("likes", "Alien (1979)"),
    ("likes", "Blade Runner (1982)"),
    ("dislikes", "Titanic (1997)"),
    ("likes", "Spirited Away (2001)"),
    ("likes", "Princess Mononoke (1997)"),
)
"""What the new user says, one event at a time."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    out: Annotated[Path, typer.Option(help="The folder for the report, the picture and the model.")] = DEFAULT,
    recommender: Annotated[str, typer.Option(help="Which recommender to show.")] = "meta",
    serve: Annotated[
        bool, typer.Option("--serve", help="Open it in a browser: serve what the demo left, making it first if needed.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="With --serve, the port to listen on.")] = 8080,
    store: Annotated[
        str | None, typer.Option(help="With --serve, where events are kept; left out: until the server stops.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Learn the packaged MovieLens, compare learning curves, then meet a new user event by event."""
    if serve:
        _check_extra()
    if not serve or not all((out / name).exists() for name in LEFT):
        _tell(out, recommender, as_json)
    if serve:
        _serve(out / "model", port, store)


def _tell(out: Path, recommender: str, as_json: bool) -> None:
    """Tell the story, and leave report, picture and model in ``out``."""
    from warmstart.core.run import Run
    from warmstart.data.builtin import load_dataset
    from warmstart.evaluation.cold_user import ColdUser
    from warmstart.evaluation.evaluate import evaluate
    from warmstart.evaluation.pool import pooled
    from warmstart.recommenders.table import recommender as build
    from warmstart.serving.engine import Engine

    terminal, start = Terminal(as_json=as_json), time.perf_counter()
    run, data = Run(progress=terminal.progress), load_dataset(DATA)
    terminal.show(_heading(f"1. Learning curves of people never seen in training ({data.name})"))
    ours = build(recommender, **SETTINGS.get(recommender, {}))
    rivals = [build(name) for name in RIVALS if name != recommender]
    report = pooled([evaluate([*rivals, ours], data, ColdUser(seed=seed), run=run) for seed in SEEDS])
    report.save(out)
    terminal.show(terminal.plain(report.table()), terminal.plain(_curves(report, recommender)))
    terminal.show(_heading("2. A model of everybody, for whoever comes next"))
    engine = Engine.train(data, ours, run=run)
    engine.model.save(out / "model")
    terminal.show(f"{recommender} learned from {data.n_users} users and {data.n_items} items; saved to {out / 'model'}")
    story = _meet(engine, terminal)
    seconds = round(time.perf_counter() - start, 1)
    about = {"seconds": seconds, "folder": str(out), "files": sorted(path.name for path in out.iterdir())}
    terminal.result(about | {"curves": _numbers(report), "story": story}, *_closing(out, seconds))


def _check_extra() -> None:
    """Say what is missing before anything is trained."""
    from importlib.util import find_spec

    from warmstart.core.errors import MissingExtra

    if find_spec("fastapi") is None:
        raise MissingExtra("fastapi", extra="serve")


def _serve(model: Path, port: int, store: str | None) -> None:
    """Serve the model until told to stop; without a store, what was said is gone then."""
    from tempfile import TemporaryDirectory

    from warmstart.serving.http.run import serve as run
    from warmstart.serving.http.settings import ServeConfig

    with TemporaryDirectory(prefix="warmstart-demo-") as folder:
        where = store or f"sqlite:///{folder}/demo.db"
        settings = ServeConfig.of(model=str(model.resolve()), store=where, port=port)
        say(f"open http://{settings.host}:{port}/console  (stop with Ctrl-C)")
        run(settings)


def _meet(engine: "Engine", terminal: Terminal) -> list[dict[str, Any]]:
    """Show the list before any event and after each; returns what was shown."""
    from warmstart.cli.render import document, moves, ranking_table

    for _, title in STORY:
        # looked up once beforehand, for the times shown are those of the recommender
        engine.titles.find(title)
    person = engine.profile()
    before: Ranking | None = None
    told: list[dict[str, Any]] = []
    for kind, title in (("has said nothing yet", ""), *STORY):
        start = time.perf_counter()
        if title:
            person = engine.observe(person, title, liked=kind == "likes")
        ranking = person.recommend(k=SHOWN)
        took = time.perf_counter() - start
        moved = moves(before, ranking) if before else None
        terminal.show(_event(kind, title, took), ranking_table(ranking, _why(engine, person, ranking), moved))
        told.append({"event": f"{kind} {title}".strip(), "items": [document(row) for row in ranking], "moved": moved})
        before = ranking
    return told


def _why(engine: "Engine", person: "Profile", ranking: "Ranking") -> dict[Any, list[tuple[str, float]]] | None:
    from warmstart.core.errors import NotExplainable

    try:
        return {row.item_id: engine.reasons(person, row.item_id, n=2, prior=not len(person)) for row in ranking}
    except NotExplainable:
        return None


def _event(kind: str, title: str, seconds: float) -> str:
    timing = f" [dim](observed, scored and ranked in {seconds * 1000:.1f} ms)[/dim]" if title else ""
    return f"\n[bold]{kind} {title}[/bold]{timing}"


def _heading(text: str) -> str:
    return f"\n[bold cyan]{text}[/bold cyan]"


def _numbers(report: "Report") -> dict[str, dict[int, float]]:
    measure = report.headline
    return {
        model: {
            k: report.estimates[model, k, measure].mean for k in report.shots if (model, k, measure) in report.estimates
        }
        for model in report.models
    }


def _curves(report: "Report", ours: str) -> str:
    from warmstart.cli.sketch import sketch

    shown = {name: curve for name, curve in _numbers(report).items() if name in (*RIVALS, ours)}
    last = {ours: shown.pop(ours)}
    return f"\n{report.headline} against the number of events known\n\n{sketch(shown | last)}"


def _closing(out: Path, seconds: float) -> tuple[str, ...]:
    return (
        _heading(f"Done in {seconds:.0f} s. In {out}: the report, its picture and the model"),
        f'  warmstart recommend --model {out / "model"} --likes "The Matrix" --text "scary horror" --explain',
        "  warmstart train YOUR_FOLDER --model my-model          # your own tables",
        f"  warmstart compare {DATA} --models popularity,ease,meta --trials 5 --out my-report",
        "\nMeet it in your browser:",
        "  warmstart demo --serve" + ("" if out == DEFAULT else f" --out {out}"),
    )
