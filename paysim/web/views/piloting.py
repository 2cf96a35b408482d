"""Pilots: the design, what it would find beside the truth, what it would pay, and how large it must be."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paysim import catalog
from paysim.analysis.runs import MANIFEST, load_run
from paysim.errors import InputError, ScenarioError
from paysim.reading import read_yaml
from paysim.web.library import QUICK_PERSONS
from paysim.web.pages import jobs_of, page, settings_of, texts_of
from paysim.web.places import folders
from paysim.web.views.choosing import ask, sample_of
from paysim.web.views.runs import require_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paysim.pilots import Pilot, Study
    from paysim.pilots.money import Cash

TRIALS, SIZE_TRIALS = 1000, 200
"""How often a pilot is carried out for the page; the command line takes more."""
SHARES = ("coverage", "type_1", "power", "detectable_share", "insolvent", "breaks_even")
CHANCES = ("chance_bonus", "chance_penalty", "loss", "loss_without_effect", "payer_loss")
"""What is shown as a percentage: of outcomes, sizes and cash, and of money."""
CASH = ("party", "reserve_needed", "insolvent", "breaks_even", "break_even_year")


def every(request: Request) -> Response:
    """List the pilots of the library."""
    found = [(name, str(read_yaml(catalog.find("pilots", name)).data["title"])) for name in catalog.names("pilots")]
    return page(request, "pilots", pilots=found)


def one(request: Request) -> Response:
    """Show a pilot's design, and, on a finished run of its scenario, its verdict."""
    from paysim.pilots.model import resolved

    pilot = _pilot(request)
    run = request.query_params.get("run")
    found = None if run is None else _judged(request, pilot, run)
    return page(
        request,
        "pilot",
        pilot=pilot,
        rows=resolved(pilot),
        quick=_quick_will_do(pilot),
        runs=_runs(request, pilot),
        run=run,
        found=found,
    )


async def begin(request: Request) -> Response:
    """Put the run that a pilot needs in the queue: its scenario, its two arms, as long as it lasts."""
    from paysim.pilots.worlds import require_sites

    pilot = _pilot(request)
    if pilot.sites_are_regions:
        raise HTTPException(404)
    form = await request.form(max_files=0)
    data = dict(read_yaml(catalog.find("scenarios", pilot.scenario_name)).data)
    wanted = {pilot.trial_arm, pilot.comparator_arm, data["current"]}
    wanted |= {
        arm["budget_neutral_to"]["arm"] for arm in data["arms"] if arm["name"] in wanted and "budget_neutral_to" in arm
    }
    data["arms"] = [arm for arm in data["arms"] if arm["name"] in wanted]
    data["compare_with"] = [pilot.comparator_arm]
    data["horizon_years"] = pilot.end_year
    data["region"] = pilot.scenario.region
    sample = sample_of(form)
    await run_in_threadpool(require_sites, pilot, sample)
    job = await run_in_threadpool(ask, jobs_of(request), data, sample)
    return RedirectResponse(f"/runs/{job.id}", 303)


def _quick_will_do(pilot: Pilot) -> bool:
    """Tell whether a quick run has practices enough for the pilot; a run that has not is neither offered nor made."""
    from paysim.pilots.worlds import require_sites

    try:
        require_sites(pilot, QUICK_PERSONS)
    except ScenarioError:
        return False
    return True


def _pilot(request: Request) -> Pilot:
    from paysim.pilots import load_pilot

    name = request.path_params["pilot"]
    if name not in catalog.names("pilots"):
        raise HTTPException(404)
    return load_pilot(name)


def _runs(request: Request, pilot: Pilot) -> list[tuple[str, str]]:
    """Return the finished runs that a pilot can stand on, with their sizes."""
    from paysim.pilots import panel_of
    from paysim.pilots.worlds import load_worlds

    found: list[tuple[str, str]] = []
    for folder in folders(settings_of(request).outputs):
        try:
            if pilot.sites_are_regions:
                if all((folder / name / MANIFEST).is_file() for name in pilot.regions):
                    panel = panel_of(load_worlds(pilot, folder), pilot)
                    found.append((folder.name, str(len(panel.practices))))
                continue
            scenario = json.loads((folder / MANIFEST).read_bytes())["scenario"]
            arms = {arm["name"] for arm in scenario["arms"]}
            if scenario["region"] == pilot.scenario.region and {pilot.trial_arm, pilot.comparator_arm} <= arms:
                practices = len(panel_of(load_run(folder), pilot).practices)
                if practices >= pilot.sites:
                    found.append((folder.name, str(practices)))
        except (InputError, OSError, ValueError, KeyError, TypeError):
            continue  # no run, too short, or damaged
    return found


def _judged(request: Request, pilot: Pilot, name: str) -> dict[str, Any]:
    from paysim.pilots import panel_of, run_pilot, size_pilot
    from paysim.pilots.verdict import verdict
    from paysim.pilots.worlds import load_worlds

    outputs = settings_of(request).outputs
    if not pilot.sites_are_regions:
        require_run(request, name)
        panel = panel_of(load_run(outputs / name), pilot)
    elif name in dict(_runs(request, pilot)):
        panel = panel_of(load_worlds(pilot, outputs / name), pilot)
    else:
        raise HTTPException(404)
    study = run_pilot(pilot, panel, TRIALS)
    judged = verdict(study)
    sizes = size_pilot(pilot, panel, trials=SIZE_TRIALS)
    return {
        "trials": TRIALS,
        "practices": study.practices,
        "what": judged.what,
        "reasons": judged.reasons,
        "outcomes": _outcomes(request, study),
        "money": [] if study.money is None else _money(request, asdict(study.money)),
        "cash": [] if study.money is None else _cash(request, study.money.cash),
        "sizes": [{key: _shown(request, value, key) for key, value in row.items()} for row in sizes],
    }


def _outcomes(request: Request, study: Study) -> list[dict[str, str]]:
    keys = ("true_effect", "estimate", "bias", "coverage", "type_1", "power", "detectable", "region_effect")
    return [
        {"label": f"{each.label}, {each.unit}"} | {key: _shown(request, getattr(each, key), key) for key in keys}
        for each in study.outcomes
    ]


def _money(request: Request, money: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, _shown(request, value, key)) for key, value in money.items() if isinstance(value, float)]


def _cash(request: Request, parties: Sequence[Cash]) -> list[dict[str, str]]:
    return [{key: _shown(request, getattr(each, key), key) for key in CASH} for each in parties]


def _shown(request: Request, value: Any, key: str) -> str:
    from paysim.report.wording import number

    if key in SHARES + CHANCES and isinstance(value, float):
        return texts_of(request).number(f"{100 * value:.1f}%")
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, str) or value is None:
        return value or ""
    return texts_of(request).number(f"{value:,}" if isinstance(value, int) else number(value))


ROUTES = [
    Route("/pilots", every, methods=["GET"]),
    Route("/pilots/{pilot:id}/run", begin, methods=["POST"]),
]
PAGES = [Route("/pilots/{pilot:id}", one, methods=["GET"])]
"""Those that read tables."""
