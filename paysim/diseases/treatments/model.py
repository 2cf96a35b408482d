"""Treatments beside statins and blood-pressure drugs: who takes them, and what trials say they do.

Each is a flag. Lipid drugs act through LDL cholesterol, as statins do; the others multiply the hazard of an outcome by
the rate ratio of trials. All-cause effects of trials are no inputs. Starts are solved such that the covered share of
people with an indication stays what it is; what practices do (lever ``prevention``) multiplies them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paysim.diseases.cohort import Cohort, hazards
from paysim.diseases.disease import NEVER, Context, constant
from paysim.errors import Problem, ScenarioError
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters

AFTER_EVENT = ("prior_mi", "prior_stroke")
RECENT = ("recent_mi", "recent_stroke")
LEVER = "prevention"


@dataclass(frozen=True)
class Treatment:
    """A treatment and whom it is for.

    Attributes
    ----------
    flag
        Its name; the population has a column of that name, but for rehabilitation.
    indication
        Flags, any of which makes it an option.
    needs
        Flags that must be held too.
    stop
        Parameter of the rate at which people stop, or empty if nobody does.
    never
        Flags with which it is not begun.
    service
        Claimed when it begins; None: nothing, or years on it are.
    """

    flag: str
    indication: tuple[str, ...]
    needs: tuple[str, ...] = ()
    stop: str = "stop_tablets"
    never: tuple[str, ...] = ()
    service: str | None = None


TREATMENTS = (
    Treatment("antiplatelet", AFTER_EVENT, never=("prior_haemorrhage",)),
    Treatment("ezetimibe", AFTER_EVENT, ("statin",)),
    Treatment("pcsk9", AFTER_EVENT, ("statin",), "stop_injections"),
    Treatment("inclisiran", AFTER_EVENT, (), "stop_injections"),
    Treatment("sglt2", ("diabetes",)),
    Treatment("glp1", ("diabetes",)),
    Treatment("rehabilitation", ("prior_mi",), (), "", service="cardiac_rehabilitation"),
)
FLAGS = tuple(each.flag for each in TREATMENTS)
CHRONIC: tuple[str, ...] = ()


def effects_on(params: Parameters, outcome: str) -> dict[str, float]:
    """Return flag -> log rate ratio of the treatments that change an outcome.

    Outcomes: mi, stroke (ischaemic), haemorrhage, heart_failure, kidney, diabetes, death_after_mi.
    """
    p = params.group("treatments")
    found = {flag: f"treatments.{flag}_{outcome}" for flag in (*FLAGS, "statin")}
    return {flag: float(np.log(p[name.removeprefix("treatments.")])) for flag, name in found.items() if name in params}


def lowers(params: Parameters) -> dict[str, tuple[float, float]]:
    """Return flag -> (share of LDL taken away, fall of systolic pressure in mmHg) of a person on treatment."""
    p = params.group("treatments")
    return {
        "ezetimibe": (p["ezetimibe_ldl_fall"] * p["adherence_tablets"], 0.0),
        "pcsk9": (p["pcsk9_ldl_fall"], 0.0),
        "inclisiran": (p["inclisiran_ldl_fall"], 0.0),
        "enrolled": (p["nurse_ldl_fall"], p["nurse_sbp_fall"]),
    }


def covered_share(params: Parameters, flag: str) -> float:
    """Return the share of those with the indication who are treated at base.

    Raises
    ------
    ScenarioError
        If it is not a share below one: starts of treatment could not keep it.
    """
    share = params[f"treatments.{flag}_coverage"]
    if not 0 <= share < 1:
        name, allowed = f"treatments.{flag}_coverage", ("at least 0 and below 1",)
        raise ScenarioError(Problem("is no share that starts can keep", key=name, found=str(share), allowed=allowed))
    return share


def build(context: Context, rows: Sequence[Transition]) -> tuple[Transition, ...]:
    """Return a start and, where people stop, a stop of each treatment.

    Parameters
    ----------
    rows
        Transitions of the diseases: they tell who joins an indication.
    """
    found: list[Transition] = []
    for each in TREATMENTS:
        found += _rows(context, each, rows)
    return tuple(found)


def _rows(context: Context, each: Treatment, rows: Sequence[Transition]) -> list[Transition]:
    p, cohort = context.params.group("treatments"), context.own
    stop = p[each.stop] if each.stop else 0.0
    members = cohort.any_of(each.indication)
    able = (
        members
        & ~cohort.any_of(each.never)
        & np.logical_and.reduce([cohort.has(flag) for flag in each.needs], initial=True)
    )
    held = able & cohort.has(each.flag)
    joining, acutely = (
        x * able.sum() / max(members.sum(), 1) for x in _joining(cohort, each.indication, rows, members)
    )
    coverage = covered_share(context.params, each.flag)
    open_to = able & ~held
    early = open_to & cohort.any_of(RECENT) if each.indication != ("diabetes",) else np.zeros(len(cohort), bool)
    soon = -float(np.log1p(-coverage)) if early.any() else 0.0  # covers that share within the year after an event
    wanted = stop * held.sum() + coverage * joining
    rest = wanted - coverage * acutely if soon > 0 else wanted
    later = max(rest, 0.05 * wanted) / max((open_to & ~early).sum(), 1)
    log_hr = {}
    if soon > later > 0:
        log_hr = dict.fromkeys(RECENT, float(np.log(soon / later)))
    start = Transition(
        name=f"start_{each.flag}",
        kind="treatment_start",
        log_hazard=constant(later) if coverage > 0 else NEVER.copy(),
        required=each.needs,
        required_any=each.indication,
        forbidden=(each.flag, *each.never),
        log_hr=log_hr,
        sets=(each.flag,),
        service=each.service,
        health_lever=LEVER,
        source="solved to keep coverage at base",
    )
    if not each.stop:
        return [start]
    end = Transition(
        name=f"stop_{each.flag}",
        kind="treatment_stop",
        log_hazard=constant(stop),
        required=(each.flag,),
        clears=(each.flag,),
        source="persistence",
    )
    return [start, end]


def _joining(
    cohort: Cohort, indication: Sequence[str], rows: Sequence[Transition], members: np.ndarray
) -> tuple[float, float]:
    """Return how many people a year come under an indication and live, and how many of them by an acute event."""
    total = acutely = 0.0
    for row in rows:
        if row.kind in ("onset", "event") and set(row.sets) & set(indication):
            survive = (1 - cohort.at(row.dies_before_care)) * (1 - cohort.at(row.dies_in_care))
            number = float((hazards(row, cohort) * survive)[~members].sum())
            total += number
            acutely += number if set(row.sets) & set(RECENT) else 0.0
    return total, acutely
