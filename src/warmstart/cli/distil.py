"""``warmstart distil``: a trained model in, a small one that answers alike out."""

import time
from pathlib import Path
from typing import Annotated

import typer

from warmstart.cli.options import AsJson, ConfigFile, Data, LikeFrom, Seed, like_option
from warmstart.cli.settings import TakesSettings, check_names, settings_of
from warmstart.cli.terminal import Terminal


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=TakesSettings)(distil)


def distil(
    context: typer.Context,
    data: Data,
    *,
    teacher: Annotated[Path, typer.Option(help="The folder of the trained model to learn from.")],
    model: Annotated[Path, typer.Option(help="The folder to write; an older model there is replaced.")],
    into: Annotated[
        str, typer.Option(help="What it becomes: student, in closed form, or a learner such as prototypes.")
    ] = "student",
    like_from: LikeFrom = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Distil a trained model into a small one that answers alike, in microseconds.

    The data are those that the teacher was trained on. Settings of what it becomes are flags too, such as --rank 64 or
    --lessons histories.
    """
    from warmstart.core.artefact import refuse_to_replace_foreign
    from warmstart.core.run import Run
    from warmstart.meta.distillation.distil import distil as taught
    from warmstart.recommenders.table import load, recommender_class
    from warmstart.serving.engine import open_data

    given = settings_of(context)
    check_names(given, list(recommender_class(into).config_class.model_fields), f"recommender {into!r}", context)
    refuse_to_replace_foreign(model)
    terminal, start = Terminal(as_json=as_json), time.perf_counter()
    known, table = load(teacher), open_data(data, **like_option(like_from))
    small = taught(known, table, into=into, run=Run(seed=seed, progress=terminal.progress), **given)
    small.save(model)
    sizes = [sum(file.stat().st_size for file in folder.iterdir()) for folder in (teacher, model)]
    about = {
        "model": str(model),
        "recommender": small.name,
        "teacher": known.name,
        "settings": small.config.model_dump(mode="json"),
        "teacher_bytes": sizes[0],
        "bytes": sizes[1],
        "seconds": round(time.perf_counter() - start, 2),
    }
    terminal.result(
        about,
        f"{small.name} distilled from {known.name}: {sizes[1] / 2**20:.1f} MB instead of {sizes[0] / 2**20:.1f} MB, "
        f"{about['seconds']} s",
        f"saved to {model}; next: warmstart recommend --model {model}",
    )
