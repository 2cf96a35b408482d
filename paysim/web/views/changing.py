"""Change the terms: fields made from the contract's schema, incentives at once, then a run."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL, FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paysim.reading import yaml_text
from paysim.web import library, terms
from paysim.web.pages import jobs_of, page, settings_of, texts_of
from paysim.web.preview import Preview
from paysim.web.views.choosing import DEFAULT_YEARS, ask, number, sample_of, text

_DEFAULT_WAY = "nl/achterhoek_four_models:mixed"
_FEWEST_YEARS = library.YEARS[0]
_MOST_FIELDS = 2_000


def show(request: Request) -> Response:
    """Show the terms of a way of paying; changed values may stand in the address."""
    asked = request.query_params
    way = library.way(asked.get("way", _DEFAULT_WAY))
    where = library.region(asked.get("region", library.DEFAULT_REGIONS[way.country]))
    return page(
        request,
        "terms",
        way=way,
        region=where,
        regions=[each for each in library.regions() if each.country == way.country],
        shelves=library.shelves_of(way.country),
        contracts=terms.contracts(way.data),
        given=asked,
        neutral="budget_neutral_to" in way.data,
        years=asked.get("years", str(DEFAULT_YEARS)),
        limits=library,
    )


async def preview(request: Request) -> Response:
    """Return what the changed terms reward, beside those written and those of today."""
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    scenario, said = await run_in_threadpool(_scenario, form, _FEWEST_YEARS)
    asked = request.app.state.preview
    assert isinstance(asked, Preview)
    found = await run_in_threadpool(asked.ask, yaml_text(scenario).encode())
    arms = [(str(arm["name"]), str(arm["title"])) for arm in scenario["arms"]]
    kept = {key: text(form, key) for key in ("way", "region", *said)}
    link = URL("/terms").include_query_params(**kept)
    return page(
        request,
        "preview",
        said=list(said.values()),
        link=link,
        arms=arms,
        **_shown(request, found, [name for name, _ in arms]),
    )


async def run(request: Request) -> Response:
    """Put the changed terms in the queue."""
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    scenario, said = await run_in_threadpool(_scenario, form, number(form, "years"))
    job = await run_in_threadpool(ask, jobs_of(request), scenario, sample_of(form), list(said.values()))
    return RedirectResponse(f"/runs/{job.id}", 303)


async def file(request: Request) -> Response:
    """Return the changed terms as a scenario file, without running it."""
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    scenario, _ = await run_in_threadpool(_scenario, form, number(form, "years"))
    from paysim.web.written import checked

    written = yaml_text(scenario).encode()
    await run_in_threadpool(checked, written, settings_of(request).own)
    headers = {"content-disposition": f'attachment; filename="{scenario["name"]}.yaml"'}
    return Response(written, media_type="application/yaml; charset=utf-8", headers=headers)


def _scenario(form: FormData, years: int) -> tuple[dict[str, Any], dict[str, str]]:
    way = library.way(text(form, "way"))
    given = {key: value for key, value in form.items() if isinstance(value, str) and "/" in key}
    return library.varied(text(form, "region"), way, years, given, neutral=text(form, "neutral") == "yes")


def _shown(request: Request, found: dict[str, Any], arms: list[str]) -> dict[str, Any]:
    """Return the answer of a preview as the page shows it: a row a lever and kind of patient, a column an arm."""
    from paysim.report.wording import number as written

    texts = texts_of(request)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row in found["rows"]:
        rows.setdefault((row["lever"], row["segment"]), {})[row["arm"]] = row
    lines = []
    for (lever, segment), by_arm in rows.items():
        cells = [_cell(by_arm[arm], written) if arm in by_arm else ("", "", "") for arm in arms]
        unit = str(next(iter(by_arm.values()))["unit"])
        lines.append(
            (lever.replace("_", " "), segment, unit, [(texts.number(a), texts.number(b), c) for a, b, c in cells])
        )
    paid = {
        row["arm"]: (texts.number(written(row["eur_per_head"])), texts.number(written(row["factor"])))
        for row in found["paid"]
    }
    return {"lines": lines, "paid": [paid[arm] for arm in arms]}


def _cell(row: dict[str, Any], written: Any) -> tuple[str, str, str]:
    """Return margin, predicted response, and the direction it pulls in."""
    percent = round(100 * float(row["predicted_response"]))
    pull = "up" if percent > 0 else "down" if percent < 0 else "still"
    return written(float(row["margin_eur"]), signed=True, digits=2), written(percent, signed=True, digits=0) + "%", pull


ROUTES = [
    Route("/terms", show, methods=["GET"]),
    Route("/terms/preview", preview, methods=["POST"]),
    Route("/terms/run", run, methods=["POST"]),
    Route("/terms/file", file, methods=["POST"]),
]
