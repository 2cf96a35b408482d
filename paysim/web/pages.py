"""From a template to an answer: words in the reader's language, values escaped, errors as pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from paysim import __version__
from paysim.web.jobs import Jobs
from paysim.web.settings import Settings
from paysim.web.texts import LANGUAGES, Texts, preferred

LANGUAGE_COOKIE = "paysim_language"

_HERE = Path(__file__).parent
_FRAGMENT = "hx-request"

# Everything is escaped; `|safe` and Markup appear in no template (a test looks).
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def settings_of(request: Request) -> Settings:
    """Return what the server was started with."""
    found = request.app.state.settings
    assert isinstance(found, Settings)
    return found


def jobs_of(request: Request) -> Jobs:
    """Return the queue."""
    found = request.app.state.jobs
    assert isinstance(found, Jobs)
    return found


def texts_of(request: Request) -> Texts:
    """Return the words in the language of a request."""
    return Texts(preferred(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", "")))


def is_fragment(request: Request) -> bool:
    """Tell whether only a part of a page is asked for."""
    return request.headers.get(_FRAGMENT) == "true"


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Return a page made from a template."""
    texts = texts_of(request)
    html = _ENVIRONMENT.get_template(f"{template}.html").render(
        t=texts,
        language=texts.language,
        languages=LANGUAGES,
        version=__version__,
        here=request.url.path,
        back=_back(request),
        **values,
    )
    return HTMLResponse(html, status)


def _back(request: Request) -> str:
    """Return where a page is found again: what is chosen stands in the address; what was sent stands nowhere."""
    if request.method != "GET":
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def problem(request: Request, error: object, status: int = 422) -> Response:
    """Return a page, or a part of one, that says what is wrong: the words of the command line."""
    lines = str(error).splitlines() or [type(error).__name__]
    return page(request, "problem_part" if is_fragment(request) else "problem", status, lines=lines)
