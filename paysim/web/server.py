"""The server: listens, says where, and opens the browser once it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import uvicorn

from paysim.errors import OutputError, Problem
from paysim.web.app import create_app
from paysim.web.settings import Settings

_SECONDS_TO_END = 2


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def serve(settings: Settings, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C; runs that go on then do go on.

    Parameters
    ----------
    ready
        Called once the server listens.

    Raises
    ------
    OutputError
        The port is taken, or the address is not this machine's.
    """
    config = uvicorn.Config(
        create_app(settings, apart=True),
        host=settings.host,
        port=settings.port,
        log_level="critical",
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=_SECONDS_TO_END,
        limit_concurrency=100,
    )
    try:
        _Server(config, ready).run()
    except SystemExit:
        place = f"{settings.host}:{settings.port}"
        raise OutputError(Problem("cannot listen there; choose another --port", found=place)) from None
