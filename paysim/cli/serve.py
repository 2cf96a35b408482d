"""`paysim serve`: the app in the browser, for people who do not write code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_PORT = 8642


def serve(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of this machine.", metavar="N")] = DEFAULT_PORT,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
    outputs: Annotated[Path, typer.Option(help="Folder of the run folders.", metavar="DIR")] = Path("outputs"),
    host: Annotated[str, typer.Option(help="Address to listen on.", metavar="ADDRESS")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen on an address that others can reach.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(envvar="PAYSIM_TOKEN", help="What the start link holds; made up if not given.", metavar="TEXT"),
    ] = None,
) -> None:
    """Open the app in the browser: compare, change terms, upload. Ctrl-C stops it; runs go on."""
    from paysim.web.server import serve as listen
    from paysim.web.settings import Settings, check_address, kept_key, random_text

    settings = Settings(outputs.resolve(), host, port, token or random_text())
    check_address(settings, allow_remote=allow_remote, token_given=token is not None)
    settings = replace(settings, key=kept_key(settings.own))
    link = f"{settings.address}/start?token={settings.token}"

    def ready() -> None:
        typer.echo(f"paysim is at {link}\nCtrl-C stops the server; runs that go on do go on.")
        if browser:
            typer.launch(link)

    listen(settings, ready)
