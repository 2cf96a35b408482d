"""Upload: a scenario or people of one's own, checked with the messages of the command line, and run."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paysim.web import library, uploads
from paysim.web.jobs import Job, Jobs
from paysim.web.pages import jobs_of, page, settings_of
from paysim.web.views.choosing import sample_of, text
from paysim.web.written import checked

_MOST_FILES, _MOST_FIELDS = 2, 20


def show(request: Request) -> Response:
    """Show the form."""
    return page(
        request,
        "upload",
        scenarios=[(each.name, each.title) for each in library.shelves()],
        most=settings_of(request).upload_bytes,
    )


async def take(request: Request) -> Response:
    """Check what was brought; run it if asked to."""
    async with request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS) as form:
        scenario, people = await _file(form, "scenario"), await _file(form, "people")
        jobs, wanted = jobs_of(request), text(form, "do") == "run"
        kind, named, sample = text(form, "kind"), text(form, "library"), sample_of(form)
    said, job = await run_in_threadpool(_checked, jobs, scenario, people, kind, named, sample, wanted)
    if job is not None:
        return RedirectResponse(f"/runs/{job.id}", 303)
    return page(request, "uploaded", said=said)


def _checked(
    jobs: Jobs,
    scenario: tuple[str, bytes] | None,
    people: tuple[str, bytes] | None,
    kind: str,
    named: str,
    sample: int | None,
    wanted: bool,
) -> tuple[list[str], Job | None]:
    """Return what was found to be right, in words, and the run if one was asked for."""
    own = jobs.settings.own
    with uploads.room(own) as folder:
        if scenario is None:
            written = uploads.library_scenario(named)
        else:
            uploads.ending(scenario[0], uploads.SCENARIO_ENDINGS, "scenario")
            written = scenario[1]
            uploads.require_library(written, folder)
        loaded = checked(written, own)
        arms = ", ".join(arm.title for arm in loaded.arms)
        said = [f"{loaded.title}: {loaded.region}, {loaded.horizon_years} years; {arms}"]
        made = None
        if people is not None:
            suffix = uploads.ending(people[0], uploads.PEOPLE_ENDINGS, "people")
            made, about = uploads.people(people[1], suffix, kind, loaded.region, folder)
            said.append(about)
        if not wanted:
            return said, None
        size = None if made is not None else sample
        return said, jobs.ask(written, loaded.title, len(loaded.arms), size, made)


async def _file(form: FormData, key: str) -> tuple[str, bytes] | None:
    """Return name and bytes of a file that was chosen; the request's size was limited as it came in."""
    found = form.get(key)
    if not isinstance(found, UploadFile) or not found.filename:
        return None
    return found.filename, await found.read()


ROUTES = [
    Route("/upload", show, methods=["GET"]),
    Route("/upload", take, methods=["POST"]),
]
