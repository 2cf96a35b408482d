"""Reporting checklists filled from a run: CHEERS 2022 for economic evaluations, STRESS-DES for simulations.

Husereau and others 2022 (Value in Health 25:3) and Monks and others 2019 (Journal of Simulation 13:55); items and their
order recalled, in our words. What a run cannot know is left for the authors and says so.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paysim.analysis.runs import Run

_TEXTS = Path(__file__).with_name("checklists.csv")
CHECKLISTS = {
    "CHEERS 2022": "CHEERS 2022: what is reported where",
    "STRESS-DES": "STRESS-DES: what is reported where",
}


def rows(run: Run, checklist: str) -> list[list[str]]:
    """Return item, topic and what the run has to say on it, of one of `CHECKLISTS`."""
    known = _facts(run)
    with open(_TEXTS, encoding="utf-8", newline="") as file:
        return [
            [row["item"], row["topic"], row["text"].format_map(known)]
            for row in csv.DictReader(file)
            if row["checklist"] == checklist
        ]


def _facts(run: Run) -> dict[str, str]:
    manifest, scenario = run.manifest, run.scenario
    titles, years = run.titles, int(scenario.get("horizon_years", 0))
    replicates = int(manifest.get("replicates", 1))
    closed = scenario.get("population") == "closed"
    rates = scenario.get("discounting", {})
    return {
        "title": str(scenario.get("title") or scenario["name"]),
        "arms": ", ".join(titles.values()),
        "others": ", ".join(title for arm, title in titles.items() if arm not in run.compare_with) or "one arm",
        "compare_with": " and ".join(titles[arm] for arm in run.compare_with),
        "current": titles[run.current],
        "region": str(scenario.get("region_title") or scenario.get("region", "")),
        "country": str(scenario.get("country", "")),
        "persons": f"{int(manifest.get('persons', 0)):,}",
        "practices": _many(manifest.get("practices", 0), "practice"),
        "sample": " (a sample of whole practices)" if manifest.get("sample") else "",
        "diseases": ", ".join(
            str(each).replace("_", " ").replace("copd", "COPD") for each in scenario.get("diseases", [])
        ),
        "horizon_years": _many(years, "year"),
        "horizon_why": "the closed cohort" if closed else "the open region, so that later effects are cut off",
        "population": "Closed: nobody joins after the start, who leaves dies"
        if closed
        else "Births, arrivals, deaths, departures",
        "base_years": _many(scenario.get("base_years", 0), "year"),
        "start": str(scenario.get("start")),
        "price_year": str(scenario.get("price_year")),
        "rate_costs": f"{100 * rates.get('costs', 0.0):.3g}%",
        "rate_effects": f"{100 * rates.get('effects', 0.0):.3g}%",
        "replicates": _many(replicates, "replicate"),
        "uncertainty": "95% intervals over replicates (Student's t of paired differences)"
        if replicates > 1
        else "95% intervals between practices (one replicate)",
        "parameters": f"{len(run.parameters):,}",
        "seed": str(manifest.get("seed")),
        "events": f"{int(manifest.get('events', 0)):,}",
        "engine": str(manifest.get("engine")),
        "version": str(manifest.get("paysim_version")),
        "sha256": str(scenario.get("sha256", ""))[:16],
        "population_sha256": f"SHA-256 {str(manifest.get('population_sha256', ''))[:16]}",
    }


def _many(number: int, what: str) -> str:
    return f"{int(number):,} {what}" + ("" if int(number) == 1 else "s")
