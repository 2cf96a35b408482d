"""Compare: choose a region and ways of paying, and start a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paysim.errors import Problem, ScenarioError
from paysim.reading import yaml_text
from paysim.web import library
from paysim.web.jobs import Job, Jobs
from paysim.web.pages import jobs_of, page

DEFAULT_REGION = library.DEFAULT_REGIONS["NL"]
DEFAULT_YEARS = 10


def compare(request: Request) -> Response:
    """Show the first page; what is chosen may stand in the address, so that a choice can be sent to somebody."""
    asked = request.query_params
    where = library.region(asked.get("region", DEFAULT_REGION))
    return page(
        request,
        "compare",
        regions=library.regions(),
        region=where,
        shelves=library.shelves_of(where.country),
        chosen=asked.getlist("way"),
        years=asked.get("years", str(DEFAULT_YEARS)),
        limits=library,
    )


def ways(request: Request) -> Response:
    """Return the part of the page that depends on the region."""
    where = library.region(request.query_params.get("region", DEFAULT_REGION))
    return page(request, "ways", shelves=library.shelves_of(where.country), chosen=[])


async def begin(request: Request) -> Response:
    """Put what was chosen in the queue and show how far it is."""
    form = await request.form(max_files=0)
    scenario = library.compose(text(form, "region"), texts(form, "way"), number(form, "years"))
    job = await run_in_threadpool(ask, jobs_of(request), scenario, sample_of(form))
    return RedirectResponse(f"/runs/{job.id}", 303)


def ask(jobs: Jobs, scenario: Mapping[str, Any], sample: int | None, notes: Sequence[str] = ()) -> Job:
    """Check a scenario as the command line does, and put it in the queue."""
    from paysim.web.written import checked

    written = yaml_text(dict(scenario)).encode()
    loaded = checked(written, jobs.settings.own)
    return jobs.ask(written, loaded.title, len(loaded.arms), sample, notes=notes)


def text(form: FormData, key: str) -> str:
    """Return one field of a form; a field that is not there, or is a file, is empty."""
    value = form.get(key)
    return value if isinstance(value, str) else ""


def texts(form: FormData, key: str) -> list[str]:
    """Return all values of a field."""
    return [value for value in form.getlist(key) if isinstance(value, str)]


def number(form: FormData, key: str) -> int:
    """Return a field that is a whole number.

    Raises
    ------
    ScenarioError
        It is none.
    """
    value = text(form, key)
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise ScenarioError(Problem("a whole number expected", key=key, found=value))
    return int(value)


def sample_of(form: FormData) -> int | None:
    """Return about how many people are to be simulated; None: all."""
    return None if text(form, "size") == "full" else library.QUICK_PERSONS


ROUTES = [
    Route("/", compare, methods=["GET"]),
    Route("/ways", ways, methods=["GET"]),
    Route("/runs", begin, methods=["POST"]),
]
