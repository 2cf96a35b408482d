"""The application: its addresses, and what happens when something goes wrong."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Lifespan

from paysim.errors import DataError, PaysimError
from paysim.web.jobs import Jobs
from paysim.web.pages import LANGUAGE_COOKIE, page, problem, settings_of
from paysim.web.preview import Preview
from paysim.web.reader import Reader
from paysim.web.security import START, Guard
from paysim.web.settings import Settings
from paysim.web.texts import LANGUAGES
from paysim.web.views import bringing, changing, choosing, piloting, regions, results, runs

_YEAR_S = 365 * 86_400


def create_app(settings: Settings, *, apart: bool = False) -> Guard:
    """Return the app of one outputs folder.

    Parameters
    ----------
    settings
        What the server is started with.
    apart
        Whether pages of results are made by a child process (`paysim.web.reader`), which keeps the server small.
    """
    jobs, preview, reader = Jobs(settings), Preview(settings), Reader(settings) if apart else None
    judge = Reader(settings) if apart else None  # a pilot takes long, and no other page waits for it

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        jobs.start()
        yield
        jobs.stop()
        preview.stop()
        for each in filter(None, (reader, judge)):
            each.stop()

    groups = ((results.PAGES, reader), (piloting.PAGES, judge))
    pages = [route if maker is None else maker.instead(route) for routes, maker in groups for route in routes]
    app = _starlette(
        [
            Route(START, start, methods=["GET"]),
            Route("/language", language, methods=["POST"]),
            *choosing.ROUTES,
            *changing.ROUTES,
            *bringing.ROUTES,
            *piloting.ROUTES,
            *regions.ROUTES,
            *runs.ROUTES,
            *results.ROUTES,
            *pages,
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static"),
        ],
        lifespan,
    )
    app.state.settings, app.state.jobs, app.state.preview, app.state.reader = settings, jobs, preview, reader
    return Guard(app, settings)


def pages_of(settings: Settings) -> Starlette:
    """Return what makes the pages that read tables alone, for the child process: the queue is looked at, not worked."""
    app = _starlette([*results.PAGES, *piloting.PAGES])
    app.state.settings, app.state.jobs = settings, Jobs(settings)
    return app


def _starlette(routes: Sequence[BaseRoute], lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    handlers: dict[Any, Any] = {PaysimError: _refused, HTTPException: _http, Exception: _broken}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)


async def start(request: Request) -> Response:
    """Exchange the token of the start link for the session's cookie, and leave it behind."""
    settings = settings_of(request)
    token = request.query_params.get("token", "")
    if not hmac.compare_digest(token.encode(), settings.token.encode()):
        raise HTTPException(403, "This link is not the one that `paysim serve` printed.")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(settings.cookie, settings.key, httponly=True, samesite="strict", path="/")
    return answer


async def language(request: Request) -> Response:
    """Keep the language that was chosen and go back."""
    form = await request.form()
    chosen, back = str(form.get("language", "")), str(form.get("back", "/"))
    # Only a path of this server: neither //host nor /\host, which browsers take for one.
    answer = RedirectResponse(back if back.startswith("/") and back[1:2] not in ("/", "\\") else "/", 303)
    if chosen in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_YEAR_S, httponly=True, samesite="strict", path="/")
    return answer


async def _refused(request: Request, error: Exception) -> Response:
    return problem(request, error, 404 if isinstance(error, DataError) else 422)


async def _http(request: Request, error: HTTPException) -> Response:
    known = {404: "missing", 405: "method"}
    if error.status_code in known:
        return page(request, known[error.status_code], error.status_code)
    return problem(request, error.detail, error.status_code)


async def _broken(request: Request, error: Exception) -> Response:
    return problem(request, f"{type(error).__name__}: {error}", 500)
