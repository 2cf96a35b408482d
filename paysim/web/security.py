"""Who may ask for what: one guard before everything else, and the same headers on every answer.

- The Host must be this server's own name, so that no foreign name can be made to lead here.
- Nothing but the start link and the static files is answered without the session's cookie.
- Only POST changes anything, and only from a page of this server: Origin, or Sec-Fetch-Site, must say so.
- A request's body is cut at a number of bytes, while it arrives, and at a number of seconds.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paysim.web.settings import Settings

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
REPORT_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
"""Of the report, one file with its own styles and pictures; it can run nothing and reach nothing."""

HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
START = "/start"
STATIC = "/static/"
_READING = ("GET", "HEAD")
_SAME = "same-origin"


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    text: str


class Guard:
    """Stands before the app; see the module."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})  # there are none
            return
        headers = Headers(scope=scope)
        refusal = self.refusal(str(scope["method"]), str(scope["path"]), headers)
        app = self.app if refusal is None else PlainTextResponse(refusal.text, refusal.status)
        await app(scope, _limited(receive, self.settings), _with_headers(send))

    def refusal(self, method: str, path: str, headers: Headers) -> Refusal | None:
        """Return why a request is refused, or None."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.settings.hosts(hosts[0]):
            return Refusal(400, "This is not the address of this server.\n")
        if method not in (*_READING, "POST"):
            return Refusal(405, "Only GET and POST are answered.\n")
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > self.settings.upload_bytes:
            return Refusal(413, f"Too large: at most {self.settings.upload_bytes:,} bytes.\n")
        if method == "POST" and not _from_own_page(headers, hosts[0]):
            return Refusal(403, "Only pages of this server may change anything.\n")
        if path == START or path.startswith(STATIC) or self.is_ours(headers):
            return None
        return Refusal(403, "Open the link that `paysim serve` printed when it started.\n")

    def is_ours(self, headers: Headers) -> bool:
        """Tell whether a request brings the session's cookie."""
        given = cookie_parser(headers.get("cookie", "")).get(self.settings.cookie, "")
        return hmac.compare_digest(given.encode(), self.settings.key.encode())


def _from_own_page(headers: Headers, host: str) -> bool:
    """Tell whether a POST comes from a page of this server; without any sign of it, it does not."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    own = f"http://{host}"
    if site is not None:
        # Without a referrer browsers leave the origin of a form out ("null"); only they can write Sec-Fetch-Site.
        return site == _SAME and origin in (own, "null", None)
    return origin == own


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded


def _limited(receive: Receive, settings: Settings) -> Receive:
    """Return `receive`, cut at the limits; counts what arrives and not what was announced."""
    came, deadline, over = 0, None, False

    async def counted() -> Message:
        nonlocal came, deadline, over
        if over:
            return await receive()
        now = asyncio.get_running_loop().time()
        deadline = now + settings.body_seconds if deadline is None else deadline
        try:
            message = await asyncio.wait_for(receive(), max(0.0, deadline - now))
        except TimeoutError:
            raise HTTPException(408, "The upload took too long.") from None
        if message["type"] == "http.request":
            came += len(message.get("body", b""))
            over = not message.get("more_body", False)
            if came > settings.upload_bytes:
                raise HTTPException(413, f"Too large: at most {settings.upload_bytes:,} bytes.")
        return message

    return counted
