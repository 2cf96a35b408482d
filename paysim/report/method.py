"""What the report says about how the numbers came to be, and what they must not be used for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from paysim.report.wording import number

if TYPE_CHECKING:
    from paysim.analysis.psa import Psa
    from paysim.analysis.runs import Run

Facts = tuple[str, list[str], list[list[str]]]

EQUITY = (
    "Levels by education are not standardised for age: people of low education are older on average, so "
    "compare arms within a level, not levels within an arm. The slope is the slope index of inequality, the "
    "difference between the highest and the lowest educated person on a straight line over ranks."
)

WINNERS = (
    "Over the whole horizon. Figures are against current payment, tables against each baseline. A positive number is a "
    "gain, a negative one a loss; below half a euro per head it is about 0. Patients' health, waits and "
    "dropped needs stand in their own units."
)

SPENDING = (
    "Payments by insurers in prices of one year; figures are not discounted. What patients pay themselves (deductible, "
    "co-payments) is part of them and is shown apart."
)

_CHANCE_ONLY = (
    "Intervals hold chance only. Uncertainty about parameters and about the structure of the model is not in them, so "
    "they are too narrow as a statement about the world."
)
_DRAWS_ONLY = (
    "Intervals hold parameters and chance, not the structure of the model; ranges are assumed for many parameters, and "
    "most are drawn independently of each other."
)
_LIMITS = (
    (
        "A what-if of one region, not a forecast: trends, prices, staff and policy outside the arms stay as "
        "they are in the data years."
    ),
    (
        "How strongly practices respond rests on assumed and recalled values (see the weakest numbers); with "
        "other values the size, and for small effects the sign, can change."
    ),
    _CHANCE_ONLY,
    "General practice responds to the arms; hospitals and other sectors are paid by tariff and do not.",
    (
        "Where the scenario asks for it, rates are solved so that insurers spend the same on general "
        "practice before anybody responds; other rates would give other results."
    ),
    "Revenue of hospitals and other sectors is not their profit, and savings of insurers are not premiums.",
    "Not for decisions about single practices, patients or contracts: the people are synthetic.",
)
_TRANSFERRED = (
    "Dutch contracts, and what Dutch practices earn and do, were transferred to a Belgian region: nothing is said "
    "about Belgian payment, today's or any other."
)
_STATUSES = ("found", "derived", "recalled", "assumed", "scenario", "default", "override")
_WEAK = ("assumed", "recalled", "override")
_WEAKEST = 12  # besides those of behaviour, which are always shown
_RESPONSE = ("curvature", "altruism", "speed", "elasticity")


def subtitle(run: Run) -> str:
    """Return one line on what was simulated."""
    scenario = run.scenario
    sample = " (a sample of whole practices)" if run.manifest.get("sample") else ""
    return (
        f"{_region(run)}: {int(run.manifest.get('persons', 0)):,} persons, "
        f"{int(run.manifest.get('practices', 0)):,} practices{sample}, "
        f"{scenario.get('horizon_years')} years from {scenario.get('start')}, "
        f"prices of {scenario.get('price_year')}"
    )


def subtitle_of_study(study: Psa) -> str:
    """Return one line on what was drawn and simulated."""
    about = study.manifest
    region = str(about["country_region"]).replace("_", " ")
    return (
        f"{region}: {study.people:,.0f} persons, {int(about['draws']):,} draws, {about['horizon_years']} years; "
        f"scenario {about['scenario']}, seed {about['seed']}"
    )


def limits_of_study(study: Psa) -> list[str]:
    """Return what the results of a study must not be used for."""
    points = [each for each in _LIMITS if each != _CHANCE_ONLY]
    return [*points, _DRAWS_ONLY, f"Effects beyond {study.manifest['horizon_years']} years are not counted."]


def health(run: Run) -> list[str]:
    """Return what to bear in mind with the health outcomes."""
    years = run.scenario.get("horizon_years")
    text = (
        f"The region is open and followed for {years} years: effects that come later are cut off, so no cost "
        "per QALY is given here. Prevention pays in health only after years."
    )
    return [text]


def flows(run: Run) -> str:
    """Return what the table of flows holds."""
    text = "From the double-entry ledger, which balances to the cent; prices not discounted."
    if run.manifest.get("sample"):
        text += " The ledger is that of the sampled practices and is not weighted to the region."
    return text


def sentences(run: Run) -> list[str]:
    """Return what was simulated, in a few sentences."""
    manifest, scenario = run.manifest, run.scenario
    events, replicates = int(manifest.get("events", 0)), int(manifest.get("replicates", 1))
    people = (
        f"Every person of {_region(run)} is simulated event by event: needs, contacts, illness, treatment "
        f"and death. {scenario.get('base_years')} base years under current payment come first; every arm "
        "starts from their end, with the same people and the same random numbers, so that a difference comes "
        "from the arm and not from the draws."
    )
    providers = (
        "Contracts turn activity into payments. No contract carries an effect: practices look at what their "
        "contracts would pay for doing a little more or less and move towards their best response."
    )
    size = (
        f"Seed {manifest.get('seed')}, {replicates} replicate{'s' if replicates != 1 else ''}, {events:,} "
        f"events, {manifest.get('engine', '')} engine, paysim {manifest.get('paysim_version', '')}."
    )
    text = [people, providers, size]
    sample = manifest.get("sample")
    if sample:
        text.append(f"Sample of whole practices: {sample.get('note') or sample}.")
    said = manifest.get("checks") or []
    remarks = [check for check in said if str(check.get("id")).startswith("remark:")]
    checks = [check for check in said if check not in remarks]
    passed = sum(bool(check.get("passed")) for check in checks)
    text.append(f"Checks of the model's laws: {passed} of {len(checks)} passed.")
    failed = [check for check in checks if not check.get("passed")]
    text += dict.fromkeys(f"NOT passed: {_whose(run, str(check.get('id')))}: {check.get('what')}." for check in failed)
    for arm in dict.fromkeys(str(check.get("id")).split(":")[1] for check in remarks):
        own = [check for check in remarks if str(check.get("id")).split(":")[1] == arm]
        told = dict.fromkeys(str(check.get("what")) for check in own)
        text.append(f"Decisions of providers under {run.titles.get(arm, arm)}: {'; '.join(told)}.")
    return text


def _whose(run: Run, check: str) -> str:
    """Return the title of the arm of a check, whose id is kind, arm, replicate; of none, the id."""
    arm = [*check.split(":"), ""][1]
    return run.titles.get(arm, check)


def facts(run: Run) -> list[Facts]:
    """Return the tables of the method: arms, status of parameters, weakest numbers, identity of the run."""
    return [_arms(run), _statuses(run), _weakest(run), _identity(run)]


def limits(run: Run) -> list[str]:
    """Return what the results must not be used for."""
    transferred = (_TRANSFERRED,) if run.scenario.get("country") == "BE" else ()
    points = [*transferred, *_LIMITS, f"Effects beyond {run.scenario.get('horizon_years')} years are not counted."]
    passive = [
        run.titles[str(arm["name"])]
        for arm in run.scenario["arms"]
        if arm.get("behaviour") == "passive" and arm["name"] != run.current
    ]
    if passive:
        points.append(f"Practices do not respond at all in: {', '.join(passive)}.")
    if int(run.manifest.get("replicates", 1)) < 2:
        points.append("One replicate: rare events such as infarctions may differ between arms by chance.")
    if run.manifest.get("sample"):
        points.append("A sample of practices: waits in the region and rare events are less sure than in a full run.")
    return points


def _region(run: Run) -> str:
    return str(run.scenario.get("region_title") or run.scenario.get("region", "")).replace("_", " ")


def _arms(run: Run) -> Facts:
    rows = []
    for arm in run.scenario["arms"]:
        contracts = ", ".join(_contract(each) for each in arm.get("contracts") or [])
        behaviour, scale = arm.get("behaviour") or "", arm.get("scale")
        name = behaviour.get("name", "") if isinstance(behaviour, dict) else str(behaviour)
        rows.append([run.titles[str(arm["name"])], contracts, name.replace("_", " "), _scale(scale)])
    columns = ["Arm", "Contracts", "Behaviour of practices", "Rates multiplied by"]
    return "Arms; rates of general practice are multiplied so that budgets start equal", columns, rows


def _scale(scale: Any) -> str:
    return f"{scale:.4f}" if isinstance(scale, int | float) else str(scale or "1")


def _contract(contract: Any) -> str:
    return str(contract.get("name", contract)) if isinstance(contract, dict) else str(contract)


def _statuses(run: Run) -> Facts:
    counts = run.parameters["status"].value_counts().to_dict()
    known = [*_STATUSES, *sorted(str(name) for name in counts if name not in _STATUSES)]
    rows = [[name, f"{int(counts[name]):,}"] for name in known if name in counts]
    caption = (
        "Values used, by status: found in a source, derived from found ones, recalled or assumed; set by the "
        "scenario, left at their default, or replaced (override)"
    )
    return caption, ["Status", "Values"], rows


def _weakest(run: Run) -> Facts:
    frame = run.parameters
    weak = frame[frame["status"].isin(_WEAK)]
    ranked = sorted(
        ((_looseness(row), row) for row in weak.to_dict("records")),
        key=lambda pair: (not _is_response(pair[1]), -pair[0], str(pair[1]["name"])),
    )
    first = sum(_is_response(row) for _, row in ranked)
    rows = [
        [
            str(row["name"]),
            str(row["value"]),
            str(row["unit"]),
            f"{number(float(row['low']))} to {number(float(row['high']))}" if _looseness(row) > 0 else "",
            str(row["status"]),
            str(row["source"]),
        ]
        for _, row in ranked[: first + _WEAKEST]
    ]
    columns = ["Value of", "Value", "Unit", "Plausible range", "Status", "Source"]
    caption = "Weakest numbers: assumed or recalled; how practices respond first, then widest range first"
    return caption, columns, rows


def _is_response(row: dict[Any, Any]) -> bool:
    """Tell whether a value decides how strongly or how fast practices respond."""
    what = f"{row['name']} {row['unit']}"
    return str(row["name"]).startswith("behaviour.") and any(word in what for word in _RESPONSE)


def _looseness(row: dict[Any, Any]) -> float:
    """Return how many times the plausible range is wider than the value; 0 when it has none."""
    try:
        low, high, value = float(row["low"]), float(row["high"]), float(row["value"])
    except (TypeError, ValueError):
        return 0.0
    width = high - low
    return width / abs(value) if value and math.isfinite(width) else 0.0


def _identity(run: Run) -> Facts:
    manifest = run.manifest
    rows = [["Scenario", f"{run.scenario['name']}, SHA-256 {run.scenario.get('sha256', '')}"]]
    if manifest.get("population_sha256"):
        rows.append(["Population", f"SHA-256 {manifest['population_sha256']}"])
    rows += [[name, f"SHA-256 {digest}"] for name, digest in sorted(manifest["files"].items())]
    return "Identity of the run", ["What", "Hash"], rows
