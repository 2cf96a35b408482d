"""A child process that makes the pages that read tables, so that these take no memory of the server.

``python -m paysim.web.reader OUTPUTS`` answers what `Reader` forwards: a GET of the same app, over the same folder.
What may be asked, and by whom, the server has looked at before (`paysim.web.security`).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sys
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from paysim.web.child import Child, answer_each
from paysim.web.settings import Settings

IDLE_S = 300.0
_PASSED = (b"cookie", b"accept-language", b"hx-request")
"""Headers that pages depend on: language, and whether a part is wanted."""


class Reader:
    """The server's side of it."""

    def __init__(self, settings: Settings) -> None:
        self._child = Child("paysim.web.reader", str(settings.outputs.resolve()))
        self.warm, self.stop = self._child.warm, self._child.stop

    def instead(self, route: Route) -> Route:
        """Return a route with the same address, whose answer the child makes."""
        return Route(route.path, self._forward, methods=["GET"])

    def _forward(self, request: Request) -> Response:
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in request.scope["headers"] if k in _PASSED]
        query = request.scope["query_string"].decode("latin-1")
        found = self._child.ask({"path": request.scope["path"], "query": query, "headers": headers})
        answer = Response(base64.b64decode(found["body"]), found["status"])
        answer.raw_headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in found["headers"]]
        return answer


def main(outputs: Path) -> None:
    """Answer until the server ends, or nobody asks."""
    import pandas as pd  # noqa: F401  (before the first question)

    import paysim.web.verdict  # noqa: F401
    from paysim.web.app import pages_of

    app = pages_of(Settings(outputs))
    answer_each(lambda question: asyncio.run(answer(app, question)), IDLE_S)


async def answer(app: ASGIApp, question: dict[str, Any]) -> dict[str, Any]:
    """Return status, headers and body of a GET."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "root_path": "",
        "path": question["path"],
        "raw_path": question["path"].encode(),
        "query_string": question["query"].encode("latin-1"),
        "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in question["headers"]],
        "client": None,
        "server": None,
    }
    with contextlib.suppress(Exception):  # said in the answer, and raised once more for a server to log
        await app(scope, receive, send)
    head = messages[0]
    body = b"".join(each.get("body", b"") for each in messages[1:])
    headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in head["headers"]]
    return {"status": head["status"], "headers": headers, "body": base64.b64encode(body).decode("ascii")}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
