"""The application: its addresses, and what happens when something goes wrong."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from paysim.errors import DataError, PaysimError
from paysim.web.jobs import Jobs
from paysim.web.pages import LANGUAGE_COOKIE, page, problem, settings_of
from paysim.web.preview import Preview
from paysim.web.security import START, Guard
from paysim.web.settings import Settings
from paysim.web.texts import LANGUAGES
from paysim.web.views import bringing, changing, choosing, piloting, regions, results, runs

_YEAR_S = 365 * 86_400


def create_app(settings: Settings) -> Guard:
    """Return the app of one outputs folder."""
    jobs, preview = Jobs(settings), Preview(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        jobs.start()
        yield
        jobs.stop()
        preview.stop()

    app = Starlette(
        routes=[
            Route(START, start, methods=["GET"]),
            Route("/language", language, methods=["POST"]),
            *choosing.ROUTES,
            *changing.ROUTES,
            *bringing.ROUTES,
            *piloting.ROUTES,
            *regions.ROUTES,
            *runs.ROUTES,
            *results.ROUTES,
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static"),
        ],
        exception_handlers={
            PaysimError: _refused,
            HTTPException: _http,  # type: ignore[dict-item]
            Exception: _broken,
        },
        lifespan=lifespan,
    )
    app.state.settings, app.state.jobs, app.state.preview = settings, jobs, preview
    return Guard(app, settings)


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
