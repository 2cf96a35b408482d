"""How large and how long a pilot must be, and which of several designs is best."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from scipy.special import ndtr, ndtri

from paysim.errors import Problem, ScenarioError
from paysim.pilots.model import ANY_START, COLLAPSED, Estimator, Pilot, Selection
from paysim.pilots.panel import Panel
from paysim.pilots.study import TRIALS, Outcome, run_pilot
from paysim.pilots.verdict import MOST_BIAS, MOST_TYPE_1, verdict

Row = dict[str, Any]
MOST_SITES = 100_000
"""Above so many sites their exact number says nothing more (a convention: no country has as many practices)."""
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Parts of the region's practices that are tried when no sizes are given."""


def size_pilot(
    pilot: Pilot,
    panel: Panel,
    sites: Sequence[int] = (),
    years: Sequence[int] = (),
    trials: int = 500,
    target: float | None = None,
) -> list[Row]:
    """Return power and minimum detectable effect of the primary outcome by number of practices and years.

    Parameters
    ----------
    sites
        Practices in all, shared between treated and controls as the pilot does; by default those of the pilot and four
        parts of the region.
    years
        Lengths; by default all that the scenario has after the start.
    target
        As of `cheapest`.

    Raises
    ------
    ScenarioError
        A size that the region or the scenario does not have, or a target that is not above 0.
    """
    _require_target(pilot, target)
    sizes, lengths = _sizes(pilot, panel, sites), _lengths(pilot, panel, years)
    rows: list[Row] = []
    for length in lengths:
        for size in sizes:
            wanted = max(2, round(size * pilot.controls / pilot.sites))
            controls = min(size - pilot.least_treated, wanted) if pilot.controls else 0
            if pilot.selection == "matched":
                controls = max(controls, (size + 1) // 2)
            if pilot.selection == "named":
                controls = size - pilot.treated
            tried = _of_size(pilot, size - controls, controls, length)
            study = run_pilot(tried, panel, trials, brief=True)
            found = study.outcomes[0]
            rows.append(
                {
                    "years": length,
                    "treated": tried.treated,
                    "controls": controls,
                    "people": round(tried.sites * float(panel.people.mean())),
                    "own": (length, tried.treated, controls) == (pilot.years, pilot.treated, pilot.controls),
                    "true_effect": found.true_effect,
                    "power": found.power if target is None else power_at(pilot, target, found.detectable),
                    "type_1": found.type_1,
                    "detectable": found.detectable,
                    "detectable_formula": found.detectable_formula,
                    "detectable_floor": found.detectable_floor,
                    "detectable_share": found.detectable / abs(found.mean) if found.mean else None,
                    "chance_bonus": None if study.money is None else study.money.chance_bonus,
                    "loss": None if study.money is None else study.money.loss,
                    "enough": _shows(pilot, found, target) and _sound(pilot, found.type_1, trials),
                }
            )
    return rows


def cheapest(
    pilot: Pilot,
    panel: Panel,
    sites: Sequence[int] = (),
    years: Sequence[int] = (),
    trials: int = 300,
    target: float | None = None,
) -> list[Row]:
    """Return designs around a pilot's by what they cost, the cheapest that meets its target first.

    Tried are sizes and lengths as by `size_pilot`; half, as many and twice as many controls as treated; randomised
    and stratified choice (where the pilot randomises), and the estimators that its rollout allows. A design meets the
    target if it has the power for the true effect, or detects `target` with it, an error of the first kind no larger
    than the verdict allows, and a bias below a quarter of what is to be found.

    Parameters
    ----------
    target
        Effect that is to be detected, in the unit of the primary outcome, above 0; by default the true one. The power
        is then that for this effect, of a normal estimate as spread as it is without effect.

    Returns
    -------
    list of dict
        Design, ``cost_eur`` (investment and running costs of the treated people, None where the pilot has no payment),
        ``site_years``, power for what is to be detected, detectable effect, type I error, bias, and ``meets``.

    Raises
    ------
    ScenarioError
        A target that is not above 0.
    """
    _require_target(pilot, target)
    rows = []
    for tried in _neighbours(pilot, panel, sites, years):
        study = run_pilot(tried, panel, trials, brief=True)
        found = study.outcomes[0]
        wanted = abs(found.true_effect) if target is None else target
        enough = _shows(pilot, found, target)
        sound = _sound(pilot, found.type_1, trials)
        centred = abs(found.bias) <= MOST_BIAS * wanted + 2.0 * found.rmse / trials**0.5
        rows.append(
            {
                "treated": tried.treated,
                "controls": tried.controls,
                "years": tried.years,
                "selection": tried.selection,
                "estimator": tried.estimator,
                "cost_eur": _cost(tried, panel),
                "site_years": tried.sites * (tried.start_year + tried.years),
                "power": found.power if target is None else power_at(pilot, target, found.detectable),
                "detectable": found.detectable,
                "type_1": found.type_1,
                "bias": found.bias,
                "meets": bool(enough and sound and centred),
            }
        )
    return sorted(rows, key=lambda row: (not row["meets"], row["cost_eur"] or 0.0, row["site_years"], -row["years"]))


def _require_target(pilot: Pilot, target: float | None) -> None:
    if target is not None and not target > 0.0:
        message = "an effect of either sign is looked for: give its size, above 0"
        raise ScenarioError(Problem(message, pilot.path, key="target", found=f"{target:g}"))


def _shows(pilot: Pilot, found: Outcome, target: float | None) -> bool:
    """Tell whether a pilot has the wanted power for the true effect, or for a target."""
    return found.detectable <= target if target is not None else (found.power or 0.0) >= pilot.power


def _sound(pilot: Pilot, type_1: float, trials: int) -> bool:
    """Tell whether an error of the first kind is no larger than the verdict allows; else power is no merit."""
    slack = 3.0 * (pilot.alpha * (1.0 - pilot.alpha) / trials) ** 0.5
    return bool(type_1 <= max(MOST_TYPE_1 * pilot.alpha, pilot.alpha + slack))


def power_at(pilot: Pilot, effect: float, detectable: float) -> float:
    """Return the power for an effect, from the one that is detected with the wanted power: two-sided, normal."""
    critical = float(ndtri(1.0 - pilot.alpha / 2.0))
    if not detectable > 0.0:
        return 1.0
    away = effect / detectable * (critical + float(ndtri(pilot.power)))
    return float(ndtr(away - critical))


def _neighbours(pilot: Pilot, panel: Panel, sites: Sequence[int], years: Sequence[int]) -> Iterator[Pilot]:
    sizes, lengths = _sizes(pilot, panel, sites), _lengths(pilot, panel, years)
    kinds: tuple[Estimator, ...] = ANY_START if pilot.waves > 1 else (pilot.estimator,)
    if pilot.estimator in COLLAPSED:
        kinds = COLLAPSED
    choices: tuple[Selection, ...] = (pilot.selection,)
    if pilot.selection == "randomised" and pilot.inference != "randomisation":
        choices = ("randomised", "stratified")
    ratios = (0.5, 1.0, 2.0) if pilot.controls else (0.0,)
    known = set()
    for length, size, ratio, choice, kind in product(lengths, sizes, ratios, choices, kinds):
        treated = size if ratio == 0.0 else round(size / (1.0 + ratio))
        controls = size - treated
        which = (length, treated, controls, choice, kind)
        if which in known or (pilot.selection == "matched" and controls < treated):
            continue
        known.add(which)
        tried = replace(_of_size(pilot, treated, controls, length), selection=choice, estimator=kind)
        if treated < tried.least_treated or (ratio and controls < 2):
            continue
        yield replace(tried, strata=min(4, size // 4) if choice == "stratified" else 1) if size >= 8 else tried


def _cost(pilot: Pilot, panel: Panel) -> float | None:
    """Return what investment and running the contract costs, of an average site times those treated, in euro."""
    if pilot.payment is None:
        return None
    people = float(panel.people.mean())
    years = pilot.contract_years - (pilot.waves - 1) * (pilot.years // pilot.waves) / 2.0
    per_head = pilot.payment.investment_eur_per_head + pilot.payment.running_cost_eur_per_head_year * years
    return pilot.treated * people * per_head


def practices_needed(row: Row, target: float | None = None) -> int | None:
    """Return the practices, treated and controls, that the closed form asks for a target, or the true effect of a row.

    Shared as in the row, and of a region with as many practices of the same kind; None without a closed form or effect,
    or where the floor alone is larger than the effect, so that no number of practices is enough.
    """
    detectable, effect, floor = row["detectable_formula"], row["true_effect"], row["detectable_floor"]
    effect = effect if target is None else target
    if not isinstance(detectable, float) or not isinstance(effect, float) or not isinstance(floor, float):
        return None
    if abs(effect) <= floor:
        return None
    treated, controls = row["treated"], row["controls"]
    assert isinstance(treated, int)
    assert isinstance(controls, int)
    return math.ceil((treated + controls) * (detectable**2 - floor**2) / (effect**2 - floor**2))


def _sizes(pilot: Pilot, panel: Panel, sites: Sequence[int]) -> list[int]:
    count = len(panel.practices)
    least = pilot.least_treated + (2 if pilot.controls else 0)
    if pilot.selection == "named":
        least = pilot.treated + 2
    own = [pilot.sites] if least <= pilot.sites <= count else []
    sizes = list(sites) or sorted({*own, *(max(least, round(share * count)) for share in SHARES)})
    for wrong in [each for each in sizes if not least <= each <= count]:
        allowed = (f"{least} to {count}",)
        message = f"no such number of {pilot.level}s"
        raise ScenarioError(Problem(message, pilot.path, key="sites", found=str(wrong), allowed=allowed))
    return sizes


def _lengths(pilot: Pilot, panel: Panel, years: Sequence[int]) -> list[int]:
    most = panel.years - pilot.start_year
    after = 0 if pilot.withdrawn_after is None else pilot.years - pilot.withdrawn_after
    least = max(pilot.waves, 1 + after)
    lengths = list(years) or list(range(max(least, len(pilot.ramp_up)), most + 1))
    for wrong in [each for each in lengths if not least <= each <= most]:
        allowed = (f"{least} to {most}",)
        message = "no such length in this run"
        raise ScenarioError(Problem(message, pilot.path, key="years", found=str(wrong), allowed=allowed))
    return lengths


def _of_size(pilot: Pilot, treated: int, controls: int, years: int) -> Pilot:
    """Return the pilot with other numbers of sites and years; the years after a withdrawal stay as many."""
    withdrawn = None if pilot.withdrawn_after is None else years - (pilot.years - pilot.withdrawn_after)
    ramp = pilot.ramp_up[:years]
    return replace(pilot, treated=treated, controls=controls, years=years, ramp_up=ramp, withdrawn_after=withdrawn)


def compare_pilots(pilots: Sequence[tuple[Pilot, Panel]], trials: int = TRIALS) -> list[Row]:
    """Return designs side by side, a row each, by their primary outcome."""
    rows: list[Row] = []
    for pilot, panel in pilots:
        study = run_pilot(pilot, panel, trials)
        first = study.outcomes[0]
        rows.append(
            {
                "pilot": pilot.name,
                "outcome": first.name,
                "sites": pilot.sites,
                "years": pilot.years,
                "true_effect": first.true_effect,
                "bias": first.bias,
                "rmse": first.rmse,
                "coverage": first.coverage,
                "type_1": first.type_1,
                "power": first.power,
                "detectable": first.detectable,
                "cost_eur": _cost(pilot, panel),
                "chance_bonus": None if study.money is None else study.money.chance_bonus,
                "loss": None if study.money is None else study.money.loss,
                "verdict": verdict(study).what,
            }
        )
    return rows
