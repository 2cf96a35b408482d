"""A region on its own: today's payment is simulated, and what people need and who carries the risk is shown."""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paysim.analysis.runs import MANIFEST
from paysim.web import library
from paysim.web.pages import jobs_of, page, settings_of
from paysim.web.places import folders
from paysim.web.views.choosing import DEFAULT_REGION, ask, sample_of, text

_YEARS = 3
"""Years under today's payment: enough to look at a region, and quick; a choice."""


def choose(request: Request) -> Response:
    """Let somebody choose a region, and show which finished runs tell about it."""
    where = library.region(request.query_params.get("region", DEFAULT_REGION))
    return page(request, "regions", regions=library.regions(), region=where, years=_YEARS, runs=_runs(request, where))


async def begin(request: Request) -> Response:
    """Put a run of a region under today's payment in the queue."""
    form = await request.form(max_files=0)
    scenario = library.today(text(form, "region"), _YEARS)
    job = await run_in_threadpool(ask, jobs_of(request), scenario, sample_of(form))
    return RedirectResponse(f"/runs/{job.id}", 303)


def _runs(request: Request, where: library.Region) -> list[tuple[str, str]]:
    """Return finished runs of a region: name and title."""
    found = []
    for folder in folders(settings_of(request).outputs):
        try:
            scenario = json.loads((folder / MANIFEST).read_bytes())["scenario"]
            if scenario["region"] == where.name:
                found.append((folder.name, str(scenario.get("title") or scenario["name"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no run, or damaged
    return found


ROUTES = [
    Route("/region", choose, methods=["GET"]),
    Route("/region", begin, methods=["POST"]),
]
