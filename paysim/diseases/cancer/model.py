"""Cancer in three groups of prognosis: diagnosis, the first five years, survivors up to ten years.

Excess mortality is that of relative survival: one hazard in the first year, another up to five years, none after.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.ages import banded, between_middles, national_weights
from paysim.diseases.disease import (
    Built,
    Context,
    Onset,
    excess_death,
    once,
    onset_row,
    passing,
    rates_of,
    stationary,
    timer,
)
from paysim.diseases.mortality.life import life_table_hazard
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

GROUPS = ("good", "mid", "poor")
ACTIVE = tuple(f"cancer_{name}" for name in GROUPS)
FLAGS = (*ACTIVE, "recent_cancer", "cancer_survivor")
CHRONIC = (*ACTIVE, "cancer_survivor")
YEARS_ACTIVE, YEARS_SURVIVOR = 5.0, 5.0
MOST_GROWTH = 0.5
MOST_NOT_GOOD = 0.95
"""Share of new cases without a good prognosis at the most."""


def shares(params: Parameters) -> dict[str, np.ndarray]:
    """Return the share of new cases by group, ``[2, 111]``.

    The stated mix of intermediate and poor prognoses is multiplied by one factor an age, such that the excess deaths
    of five years per new case are published deaths per new case times ``deaths_level``; where that leaves hardly a good
    prognosis, the poor take over from the intermediate.
    """
    p = params.group("cancer")
    good, poor = (np.array(p.get_list(f"share_{name}"))[:, None] for name in ("good", "poor"))
    mid = 1 - good - poor
    dies = {name: 1 - p.get_list(f"survival_{name}")[1] for name in GROUPS}
    bands, ratio = banded(p.table("deaths_per_case"), "deaths_per_case")
    wanted = between_middles(bands, ratio) * p["deaths_level"]
    per_unit = mid * (dies["mid"] - dies["good"]) + poor * (dies["poor"] - dies["good"])
    factor = np.clip((wanted - dies["good"]) / per_unit, 0.02, MOST_NOT_GOOD / (mid + poor))
    left = wanted - dies["good"] * (1 - MOST_NOT_GOOD) - dies["mid"] * MOST_NOT_GOOD
    shifted = np.clip(left / (dies["poor"] - dies["mid"]), factor * poor, 0.9 * MOST_NOT_GOOD)
    of_poor = np.where(factor * (mid + poor) < MOST_NOT_GOOD - 1e-9, factor * poor, shifted)
    of_mid = np.where(factor * (mid + poor) < MOST_NOT_GOOD - 1e-9, factor * mid, MOST_NOT_GOOD - of_poor)
    return {"good": 1 - of_mid - of_poor, "mid": of_mid, "poor": of_poor}


def hazards_of(params: Parameters, group: str) -> tuple[float, float]:
    """Return excess deaths per person-year in the first year and from then to five years."""
    one, five = params.get_list(f"cancer.survival_{group}")
    return float(-np.log(one)), float(-np.log(five / one) / 4)


def onset(params: Parameters) -> Onset:
    """Return who falls ill, all groups together: smokers and former smokers more."""
    p = params.group("cancer")
    return Onset(
        rates=rates_of(params, "cancer"),
        slopes={"smoker": float(np.log(p["hr_smoker"]))},
        log_hr={"ex_smoker": float(np.log(p["hr_ex_smoker"]))},
    )


@once
def _by_year(params: Parameters) -> dict[str, np.ndarray]:
    """Return the share of inhabitants by group and year since diagnosis, ``cancer_good 1`` to ``cancer_poor 5``.

    Years are passed through at rates that stand for the fixed times of the engine.
    """
    rates, entry = rates_of(params, "cancer"), {}
    excess: dict[str, np.ndarray | float] = {}
    moves: list[tuple[str, str | None, np.ndarray | float]] = []
    for name, share in shares(params).items():
        first, later = hazards_of(params, name)
        years = [f"cancer_{name} {k}" for k in range(1, int(YEARS_ACTIVE) + 1)]
        entry[years[0]] = rates * share
        hazard = {years[0]: first} | dict.fromkeys(years[1:], later)
        steps = zip(years, [*years[1:], "cancer_survivor"], strict=True)
        moves += [(a, b, passing(1.0, hazard[a])) for a, b in steps]
        excess |= hazard
    moves.append(("cancer_survivor", None, 1 / YEARS_SURVIVOR))
    return stationary(life_table_hazard(params), entry, moves, excess=excess)


@once
def stages(params: Parameters) -> dict[str, np.ndarray]:
    """Return the prevalence by group within five years of diagnosis, and of survivors up to ten years."""
    found = _by_year(params)
    result = {flag: sum((p for k, p in found.items() if k.startswith(flag)), np.zeros((2, AGES))) for flag in ACTIVE}
    return result | {"cancer_survivor": found["cancer_survivor"]}


def excess_deaths(params: Parameters) -> dict[str, np.ndarray]:
    """Return deaths from cancer by group per inhabitant a year, ``[2, 111]``, that the rates imply."""
    found, result = _by_year(params), {}
    for name, flag in zip(GROUPS, ACTIVE, strict=True):
        first, later = hazards_of(params, name)
        whole = sum((p for k, p in found.items() if k.startswith(flag)), np.zeros((2, AGES)))
        result[flag] = found[f"{flag} 1"] * first + (whole - found[f"{flag} 1"]) * later
    return result


def _growth(params: Parameters, flag: str) -> np.ndarray:
    """Return by how much more of an age than of the one before are in a state, as a rate per year, ``[2, 111]``.

    Where it becomes more common with age, those in it have fallen ill of late; where it becomes rare, long ago.
    """
    share = np.log(np.maximum(stages(params)[flag], 1e-9))
    return np.asarray(np.clip(np.gradient(share, axis=1), -MOST_GROWTH, MOST_GROWTH))


def recent_shares(params: Parameters) -> dict[str, np.ndarray]:
    """Return, by group, the share in the first year among those within five years of diagnosis, ``[2, 111]``."""
    found = _by_year(params)
    whole = {flag: sum((p for k, p in found.items() if k.startswith(flag)), np.zeros((2, AGES))) for flag in ACTIVE}
    return {
        flag: np.divide(found[f"{flag} 1"], whole[flag], out=np.zeros((2, AGES)), where=whole[flag] > 0)
        for flag in ACTIVE
    }


def build(context: Context) -> Built:
    """Return onsets and deaths by group, the end of the first year, and the two ends of the disease."""
    params, start = context.params, onset(context.params)
    life, national = life_table_hazard(params), national_weights(params.table("mortality.national_population"))
    rows = []
    reference = {"cancer": start.rates}
    for name, share in shares(params).items():
        flag, (first, later) = f"cancer_{name}", hazards_of(params, name)
        of_group = Onset(start.rates * share, start.slopes, start.log_hr)
        rows.append(
            onset_row(
                context,
                f"{flag}_onset",
                flag,
                of_group,
                forbidden=ACTIVE,
                sets=(flag, "recent_cancer"),
                clears=("cancer_survivor",),
                source="Netherlands Cancer Registry, recalled level",
            )
        )
        rows.append(
            excess_death(
                f"death_{flag}",
                flag,
                np.full((2, AGES), later),
                "relative survival at 1 and 5 years",
                log_hr={"recent_cancer": float(np.log(first / later))},
            )
        )
        dying = later + float((of_group.rates * national * life).sum() / (of_group.rates * national).sum())
        loss = dying + _growth(params, flag)
        rows.append(timer(f"{flag}_ends", flag, YEARS_ACTIVE, ("cancer_survivor",), ("recent_cancer",), loss))
    rows.append(timer("recent_cancer_ends", "recent_cancer", 1.0))
    loss = life + _growth(params, "cancer_survivor")
    rows.append(timer("cancer_survivor_ends", "cancer_survivor", YEARS_SURVIVOR, loss=loss))
    deaths = sum(excess_deaths(params).values(), np.zeros((2, AGES)))
    return Built(tuple(rows), {}, reference, deaths=deaths)
