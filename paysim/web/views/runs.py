"""The list of runs, and one run while it waits, goes on, or has failed."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paysim.analysis.runs import MANIFEST
from paysim.reading.files import read_text
from paysim.web import jobs as queue
from paysim.web.pages import is_fragment, jobs_of, page, settings_of
from paysim.web.places import folders, inside

_MOST_BYTES = 1_000_000


def every(request: Request) -> Response:
    """List the runs asked for here, and those that the command line made."""
    jobs = jobs_of(request)
    asked = [(job, jobs.state(job.id)) for job in jobs.all()]
    names = {job.id for job, _ in asked}
    outputs = settings_of(request).outputs
    others = [each.name for each in folders(outputs) if each.name not in names and (each / MANIFEST).is_file()]
    return page(request, "runs", asked=asked, others=others)


def one(request: Request) -> Response:
    """Show a run: how far it is, why it failed, or, when it is finished, its verdict."""
    name = request.path_params["run"]
    job = jobs_of(request).job(name)
    if job is None:
        require_run(request, name)
        return RedirectResponse(f"/runs/{name}/verdict", 303)
    if jobs_of(request).state(name) == queue.FINISHED:
        return RedirectResponse(f"/runs/{name}/verdict", 303)
    return page(request, "run", **_status(request, job))


def progress(request: Request) -> Response:
    """Return the part of the page that changes while a run goes on."""
    job = jobs_of(request).job(request.path_params["run"])
    if job is None:
        raise HTTPException(404)
    answer = page(request, "progress", **_status(request, job))
    if is_fragment(request) and jobs_of(request).state(job.id) == queue.FINISHED:
        answer.headers["hx-redirect"] = f"/runs/{job.id}/verdict"
    return answer


def _status(request: Request, job: queue.Job) -> dict[str, Any]:
    jobs = jobs_of(request)
    state = jobs.state(job.id)
    if state == queue.RUNNING and request.app.state.reader is not None:
        request.app.state.reader.warm()  # while there is time: it will be asked for the verdict
    return {
        "job": job,
        "state": state,
        "going": state in (queue.QUEUED, queue.RUNNING),
        "share": jobs.share_done(job),
        "parts": jobs.progress(job.id),
        "command": jobs.spoken(job),
        "words": jobs.last_words(job.id) if state in (queue.FAILED, queue.STOPPED) else "",
    }


async def cancel(request: Request) -> Response:
    """Stop a run."""
    return await _change(request, "cancel")


async def again(request: Request) -> Response:
    """Put a run that did not finish back in the queue."""
    return await _change(request, "again")


async def full(request: Request) -> Response:
    """Ask for a run of a sample again, for the whole region."""
    jobs = jobs_of(request)
    job = jobs.job(request.path_params["run"])
    if job is None:
        raise HTTPException(404)
    folder = settings_of(request).own / job.id
    people = None if job.population is None else folder / job.population
    written = jobs.scenario(job).read_bytes()
    made = await run_in_threadpool(jobs.ask, written, job.title, job.arms, None, people, job.notes)
    return RedirectResponse(f"/runs/{made.id}", 303)


async def _change(request: Request, what: str) -> Response:
    name = request.path_params["run"]
    jobs = jobs_of(request)
    if jobs.job(name) is None:
        raise HTTPException(404)
    await run_in_threadpool(jobs.cancel if what == "cancel" else jobs.again, name)
    return RedirectResponse(f"/runs/{name}", 303)


def scenario(request: Request) -> Response:
    """Return the file of exactly what was run."""
    name = request.path_params["run"]
    job = jobs_of(request).job(name)
    if job is None:
        raise HTTPException(404)
    text = read_text(jobs_of(request).scenario(job), _MOST_BYTES)
    headers = {"content-disposition": f'attachment; filename="{name}.yaml"'}
    return Response(text, media_type="application/yaml; charset=utf-8", headers=headers)


def require_run(request: Request, name: str) -> None:
    """Raise 404 unless the outputs folder holds a finished run of that name."""
    folder = inside(settings_of(request).outputs, name)
    if folder is None or inside(folder, MANIFEST) is None:
        raise HTTPException(404)


ROUTES = [
    Route("/runs", every, methods=["GET"]),
    Route("/runs/{run:id}", one, methods=["GET"]),
    Route("/runs/{run:id}/progress", progress, methods=["GET"]),
    Route("/runs/{run:id}/cancel", cancel, methods=["POST"]),
    Route("/runs/{run:id}/again", again, methods=["POST"]),
    Route("/runs/{run:id}/full", full, methods=["POST"]),
    Route("/runs/{run:id}/scenario.yaml", scenario, methods=["GET"]),
]
