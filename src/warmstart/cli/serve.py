"""``warmstart serve``: a trained model as a service."""

from pathlib import Path
from typing import Annotated

import typer

from warmstart.cli.options import AsJson, ConfigFile, Store
from warmstart.cli.settings import read_toml
from warmstart.cli.terminal import Terminal, say


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
    console: Annotated[bool, typer.Option(help="Serve the web console under /console.")] = True,
    settings: Annotated[
        Path | None,
        typer.Option(help="TOML file of the live engine: feedback, policy, scenarios; docs/settings.md."),
    ] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Serve a trained model over HTTP; the next answer always rests on the last event.

    The address prints when it is ready: /docs lists the routes, /console shows a person being learned.
    """
    from warmstart.serving.http.run import serve as run
    from warmstart.serving.http.settings import ServeConfig
    from warmstart.serving.settings import LiveConfig

    chosen = ServeConfig.of(
        model=str(model.resolve()),
        store=store,
        host=host,
        port=port,
        workers=workers,
        rate=rate or None,
        most_at_once=most_at_once,
        console=console,
        live={} if settings is None else LiveConfig.of(**read_toml(settings)),
    )
    address = f"http://{host}:{port}"
    about = {"url": address, "docs": f"{address}/docs", "console": f"{address}/console" if console else None}
    if as_json:
        Terminal(as_json=True).result(about, "")
    else:
        say(f"{address}  (docs: /docs{', console: /console' if console else ''}; stop with Ctrl-C)")
    run(chosen)
