"""Flags that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from warmstart.cli.settings import use_config

AsJson = Annotated[bool, typer.Option("--json", help="Give the result as JSON on standard output.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", callback=use_config, is_eager=True, metavar="FILE", help="TOML file with a section for the command."
    ),
]
Data = Annotated[str, typer.Argument(help="A folder or file of tables, or the name of a data set.")]
LikeFrom = Annotated[str, typer.Option(help="The value from which an event is a like; none makes every event one.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all that is drawn.")]
Store = Annotated[str, typer.Option(help="Where events are kept: sqlite:///FILE or postgresql://USER@HOST/NAME.")]
Trials = Annotated[
    int, typer.Option(min=0, help="Settings tried for each recommender on validation users; 0 keeps the defaults.")
]


def like_option(like_from: str) -> dict[str, Any]:
    """Return ``--like-from`` as ``open_data`` takes it."""
    return {"like_from": None if like_from == "none" else like_from}
