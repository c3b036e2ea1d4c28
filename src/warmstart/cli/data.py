"""``warmstart data``: look at tables, register data sets, list them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warmstart.cli.options import AsJson, LikeFrom, like_option
from warmstart.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.table import Table

    from warmstart.data.describe import Description

app = typer.Typer(help="Look at tables, register data sets, list them.", no_args_is_help=True)


@app.command()
def describe(
    source: Annotated[str, typer.Argument(help="A folder or file of tables, or the name of a data set.")],
    like_from: LikeFrom = "auto",
    k_core: Annotated[int, typer.Option(min=0, help="Drop users and items with fewer events, until none is left.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Name every faulty row instead of dropping it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what came, what was dropped and why, how sparse the data are and how long their tail."""
    from warmstart.data.describe import describe as describe_data
    from warmstart.serving.engine import open_data

    terminal = Terminal(as_json=as_json)
    found = describe_data(open_data(source, **like_option(like_from), k_core=k_core, strict=strict))
    terminal.result(found.to_dict(), _table(found))


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call the data set from now on.")],
    path: Annotated[Path, typer.Option("--from", metavar="PATH", help="The folder or file where its tables lie.")],
    as_json: AsJson = False,
) -> None:
    """Register a data set that cannot ship with Warmstart, such as ml-1m, after reading it once."""
    from warmstart.data.builtin import add_dataset

    data = add_dataset(name, path)
    about = {"name": name, "path": str(path.resolve()), "users": data.n_users, "items": data.n_items}
    words = f"{name}: {data.n_users:,} users, {data.n_items:,} items, {len(data.histories.items):,} events"
    Terminal(as_json=as_json).result(about | {"events": len(data.histories.items)}, words)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the data sets that can be named."""
    from rich.markup import escape

    from warmstart.cli.render import plain_table
    from warmstart.data.builtin import datasets

    places = datasets()
    table = plain_table("name", "place")
    for name, place in places.items():
        table.add_row(escape(name), escape(str(place)))
    Terminal(as_json=as_json).result([{"name": name, "path": str(place)} for name, place in places.items()], table)


def _table(found: "Description") -> "Table":
    from rich.markup import escape

    from warmstart.cli.render import plain_table

    table = plain_table("", "")
    table.show_header = False
    for name, text in found.rows():
        table.add_row(escape(name), escape(text))
    return table
