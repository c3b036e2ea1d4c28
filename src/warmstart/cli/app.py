"""The command ``warmstart``: one file a command, each a few lines over the engine."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import warmstart
from warmstart.cli import (
    compare,
    data,
    demo,
    describe,
    distil,
    doctor,
    evaluate,
    few_shot,
    keys,
    models,
    recommend,
    serve,
    store,
    train,
    tune,
    tune_llm,
)
from warmstart.cli.terminal import logging_to_standard_error, say
from warmstart.core.errors import WarmstartError

WRONG_INPUT = 2
"""Exit code of a mistake in what the user gave."""

app = typer.Typer(
    name="warmstart",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"warmstart {warmstart.__version__}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Which one this is.")
    ] = False,
) -> None:
    """Warmstart recommends to people it has just met."""


for command in (demo, train, evaluate, compare, few_shot, tune, tune_llm, distil, recommend, describe, serve, doctor):
    command.register(app)
app.add_typer(data.app, name="data")
app.add_typer(keys.app, name="keys")
app.add_typer(models.app, name="models")
app.add_typer(store.app, name="store")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every mistake of the user ends in one message and exit code 2."""
    try:
        with logging_to_standard_error():
            app(arguments, prog_name="warmstart")
    except WarmstartError as error:
        _end(str(error))
    except OSError as error:
        _end(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _end(message: str) -> None:
    say(f"error: {message}", style="red")
    sys.exit(WRONG_INPUT)
