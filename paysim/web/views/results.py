"""A finished run: the verdict, the exploration, five aims, and what can be taken away."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from paysim.analysis.runs import MANIFEST, Run, load_run
from paysim.web.pages import jobs_of, page, settings_of, texts_of
from paysim.web.places import inside
from paysim.web.security import REPORT_CSP
from paysim.web.texts import Texts
from paysim.web.views.runs import require_run

_REPORT = "report.html"
FILES = (
    "results.parquet",
    "ledger.parquet",
    "parameters.csv",
    "incentives.csv",
    "contracts.json",
    "parties.csv",
    "rounds.csv",
)
"""Tables of a run that can be taken away."""


def opened(request: Request) -> Run:
    """Return the run of an address; its files are compared with their hashes when it has changed."""
    name = request.path_params["run"]
    require_run(request, name)
    folder = settings_of(request).outputs / name
    return _titled(_loaded(folder, (folder / MANIFEST).stat().st_mtime_ns), texts_of(request))


def _titled(run: Run, texts: Texts) -> Run:
    """Return a run whose titles are in the reader's language, as far as the library's are known."""
    scenario = dict(run.scenario)
    scenario["arms"] = [{**arm, "title": texts.said(run.titles[str(arm["name"])])} for arm in scenario["arms"]]
    scenario["title"] = texts.said(str(scenario.get("title") or scenario["name"]))
    return replace(run, manifest={**run.manifest, "scenario": scenario})


@lru_cache(maxsize=3)
def _loaded(folder: Path, changed: int) -> Run:
    return load_run(folder)


def verdict(request: Request) -> Response:
    """Show the first numbers: differences with intervals on five questions."""
    from paysim.web.verdict import verdict as made

    run = opened(request)
    if len(run.arms) == 1:  # nothing to compare: a look at the region
        return RedirectResponse(f"/runs/{request.path_params['run']}/region", 303)
    base = request.query_params.get("against")
    found = made(run, texts_of(request), base)
    return page(request, "verdict", **_about(request, run), found=found, against=base or run.compare_with[0])


def explore(request: Request) -> Response:
    """Show the figures of one section, each with its table."""
    from paysim.report.document import shown
    from paysim.web import charts
    from paysim.web.explore import SECTIONS, data
    from paysim.web.methods import method

    run, section, texts = opened(request), request.path_params["section"], texts_of(request)
    if section not in SECTIONS:
        raise HTTPException(404)
    drawn = []
    for figure in SECTIONS[section]:
        table = data(run, figure)
        if table is not None and not table.empty:
            titled = table.copy()
            for column in ("arm", "baseline"):
                if column in titled.columns:
                    titled[column] = [run.titles.get(str(arm), str(arm)) for arm in titled[column]]
            chart = charts.spec(run, figure, table)
            told = None if chart is None else charts.in_words(chart, texts.said)
            title = texts.get(f"figure.{figure.name}.title", figure.title)
            drawn.append((figure, told, shown(titled.rename(columns=run.titles), title)))
    return page(
        request, "explore", **_about(request, run), section=section, sections=list(SECTIONS), drawn=drawn, method=method
    )


def methods(request: Request) -> Response:
    """Say of every chart what is measured and how its interval is made."""
    from paysim.web.methods import METHODS

    return page(request, "methods", methods=METHODS)


def aims(request: Request) -> Response:
    """Show the scorecard on five aims."""
    from paysim.report import aims as cards

    run = opened(request)
    rows = cards.scorecard_rows(run) if len(run.arms) > 1 else []
    return page(request, "aims", **_about(request, run), cards=rows, reading=cards.READING, said=cards.sentences())


def region(request: Request) -> Response:
    """Show the region: needs, groups at risk, programmes, and tables for researchers."""
    from paysim.report.document import shown
    from paysim.web import charts, dashboard

    run, texts = opened(request), texts_of(request)
    strata = {name: found for name in dashboard.STRATA if (found := dashboard.strata(run, name)) is not None}
    needs = dashboard.needs(run)
    return page(
        request,
        "region",
        **_about(request, run),
        needs={
            str(aim): shown(rows.drop(columns="aim"), run.titles[run.current])
            for aim, rows in needs.groupby("aim", sort=False)
        },
        strata=[
            (
                name,
                replace(shown(frame, texts(f"region.by.{name}")), columns=[*map(str, frame.columns)]),
                charts.in_words(charts.shares(frame), texts.said),
            )
            for name, frame in strata.items()
        ],
        reached=dashboard.reached(run),
        interventions=dashboard.interventions(),
        files=[name for name in FILES if name in run.manifest["files"]],
    )


def file(request: Request) -> Response:
    """Return a table of the run as it stands."""
    run, name = opened(request), request.path_params["file"]
    found = inside(run.path, name) if name in FILES and name in run.manifest["files"] else None
    if found is None:
        raise HTTPException(404)
    return FileResponse(found, filename=f"{run.path.name}-{name}")


def table(request: Request) -> Response:
    """Return the table behind a figure as CSV."""
    from paysim.report.document import csv_bytes
    from paysim.web.explore import data, figure

    run, name = opened(request), request.path_params["name"]
    wanted = figure(name)
    found = None if wanted is None else data(run, wanted)
    if found is None:
        raise HTTPException(404)
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(csv_bytes(found), media_type="text/csv; charset=utf-8", headers=headers)


def report(request: Request) -> Response:
    """Return the report, one file that holds everything; shown, or to keep."""
    name = request.path_params["run"]
    require_run(request, name)
    folder = settings_of(request).outputs / name
    file = inside(folder, _REPORT)
    if file is None:
        raise HTTPException(404)
    kept = "keep" in request.query_params
    headers = {"content-security-policy": REPORT_CSP}
    if kept:
        headers["content-disposition"] = f'attachment; filename="{name}.html"'
    return FileResponse(file, media_type="text/html; charset=utf-8", headers=headers)


def _about(request: Request, run: Run) -> dict[str, Any]:
    name = request.path_params["run"]
    jobs = jobs_of(request)
    job = jobs.job(name)
    reporting = jobs.reporting(name)  # asked first: what is not being drawn then is there, or never will be
    return {
        "run": run,
        "name": name,
        "job": job,
        "title": str(run.scenario["title"]),
        "command": None if job is None else jobs.spoken(job),
        "python": None if job is None else python_of(job.id, job.sample, job.population),
        "note": str((run.manifest.get("sample") or {}).get("note") or ""),
        "report": inside(settings_of(request).outputs / name, _REPORT) is not None,
        "reporting": reporting,
    }


def python_of(name: str, sample: int | None, population: str | None) -> str:
    """Return Python that repeats a run from the file that can be taken away with it."""
    options = f'"{name}"' if sample is None else f'"{name}", sample={sample}'
    lines = ["import paysim as ps", "", f'scenario = ps.load_scenario("{name}.yaml")']
    if population is not None:
        lines.append(f'people = ps.read_population("{population}")')
        options += ", population=people"
    lines += [f"run = ps.simulate(scenario, {options})", "print(ps.compare(run))"]
    return "\n".join(lines)


ROUTES = [
    Route("/runs/{run:id}/files/{file}", file, methods=["GET"]),
    Route("/runs/{run:id}/report", report, methods=["GET"]),
]
PAGES = [
    Route("/methods", methods, methods=["GET"]),
    Route("/runs/{run:id}/verdict", verdict, methods=["GET"]),
    Route("/runs/{run:id}/explore/{section:id}", explore, methods=["GET"]),
    Route("/runs/{run:id}/aims", aims, methods=["GET"]),
    Route("/runs/{run:id}/data/{name:id}.csv", table, methods=["GET"]),
    Route("/runs/{run:id}/region", region, methods=["GET"]),
]
"""Those that read tables, or import what does."""
