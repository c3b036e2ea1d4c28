"""``warmstart serve``: a trained model as a service."""

from pathlib import Path
from typing import Annotated

import typer

from warmstart.cli.options import ConfigFile, Store
from warmstart.cli.terminal import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    model: Annotated[Path, typer.Option(help="The folder of a trained model.")],
    store: Store = "sqlite:///warmstart.db",
    host: Annotated[str, typer.Option(help="Address to listen on; any but loopback needs keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
    rate: Annotated[float, typer.Option(min=0, help="Requests a second that each key may make; 0 for any.")] = 1000.0,
    most_at_once: Annotated[int, typer.Option(min=1, help="Requests that a process works on at once.")] = 200,
    config: ConfigFile = None,
) -> None:
    """Serve a trained model over HTTP; the next answer always rests on the last event.

    The address prints when it is ready: /docs lists the routes, /console shows a person being learned.
    """
    from warmstart.serving.http.run import serve as run
    from warmstart.serving.http.settings import ServeConfig

    settings = ServeConfig.of(
        model=str(model.resolve()),
        store=store,
        host=host,
        port=port,
        workers=workers,
        rate=rate or None,
        most_at_once=most_at_once,
    )
    say(f"http://{host}:{port}  (docs: /docs, console: /console; stop with Ctrl-C)")
    run(settings)
