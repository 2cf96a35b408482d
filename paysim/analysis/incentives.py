"""The incentive map of a scenario from its base run alone: what each arm would reward, before anybody responds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from paysim.analysis.runs import INCENTIVE_COLUMNS
from paysim.behaviour.actors import actor_table, patient_table
from paysim.behaviour.participation import as_expected
from paysim.contracts.neutrality import total_eur
from paysim.engine.cell import Base, Progress, run_base, solve_arms
from paysim.engine.model import Model, build_model, under_rules
from paysim.engine.responses import Responses
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd


def base_years_needed(scenario: Scenario) -> int:
    """Return the base years without which the contracts of a scenario cannot be asked what they would pay."""
    parts = [part for arm in scenario.arms for contract in arm.contracts for part in contract.components]
    return max(1, *(part.base_years_needed for part in parts))


@dataclass(frozen=True, eq=False)
class Ground:
    """A base year under today's payment, on which the incentives of any arm can be looked at."""

    model: Model
    base: Base


def incentive_map(scenario: Scenario, sample: int | None = None, progress: Progress | None = None) -> pd.DataFrame:
    """Return the incentives of all actors under every arm, on the activity of a base year.

    Budget-neutral rates are solved as if that year came again (a run solves them on its whole horizon).

    Parameters
    ----------
    sample
        Simulate whole practices with about this many people.

    Returns
    -------
    pandas.DataFrame
        Columns of ``incentives.csv``: one row per arm, actor, lever and condition of patients, and for practices one
        per segment of patients (lever ``patients``: one more of them on the list).
    """
    return incentives_on(ground(scenario, sample, progress), scenario, every_actor=True)


def ground(scenario: Scenario, sample: int | None = None, progress: Progress | None = None) -> Ground:
    """Simulate the base years of a scenario under its current arm; the other arms do not change it."""
    model = build_model(replace(scenario, base_years=base_years_needed(scenario)), sample)
    return Ground(model, run_base(model, 0, progress=progress))


def ground_key(scenario: Scenario, sample: int | None = None) -> str:
    """Return text that is the same for scenarios with the same ground: they differ in terms of other arms alone."""
    parts = [part for arm in scenario.arms for contract in arm.contracts for part in contract.components]
    # What base years note depends on what any arm looks at.
    noted = {(part.kind, repr(part.episode_rules), *sorted(part.terms.reads)) for part in parts}
    by_insurer = any(contract.scope.insurers for arm in scenario.arms for contract in arm.contracts)
    bare = replace(
        scenario, arms=(), path="", sha256="", title="", name="", compare_with=(), given=frozenset(), read={}
    )
    years = base_years_needed(scenario)
    return repr((bare, scenario.arm(scenario.current), sorted(noted), by_insurer, years, sample))


def incentives_on(ground: Ground, scenario: Scenario, *, every_actor: bool = False) -> pd.DataFrame:
    """Return the incentives under every arm of a scenario of this ground; see `incentive_map`.

    Parameters
    ----------
    every_actor
        Whether to look at others than practices, and at patients by segment, which takes some times as long.
    """
    import pandas as pd

    of_ground = ground.model.scenario.base_years
    base, model = ground.base, replace(ground.model, scenario=replace(scenario, base_years=of_ground))
    solved = solve_arms(scenario, base.years[-1:], base.years)
    rows: list[dict[str, Any]] = []
    for arm, _ in solved.values():
        responses = Responses(under_rules(model, arm), arm, base.years, 0, model)
        rows += responses.at_base()
        if every_actor:
            now, before = responses.under_arm, responses.under_current
            rows += actor_table(now, responses.behaviour, arm.name, before)
            rows += patient_table(now, arm.name, before, responses.behaviour)
    return pd.DataFrame(rows, columns=list(INCENTIVE_COLUMNS))


def payments_on(ground: Ground, scenario: Scenario) -> list[dict[str, Any]]:
    """Return what practices are paid under each arm if the last base year comes again and nobody responds.

    Returns
    -------
    list of dict
        ``arm``; ``factor`` on rates for budget neutrality; ``eur_per_head``, EUR per head per year.
    """
    base = ground.base
    persons = float(base.years[-1].person_years.sum()) / base.years[-1].years
    rows = []
    for arm, factor in solve_arms(scenario, base.years[-1:], base.years).values():
        contracts = as_expected(arm.contracts, base.years, ground.model.parameters)
        paid = total_eur(contracts, [base.years[-1].unpaid()], [0], base.years)
        rows.append({"arm": arm.name, "factor": factor, "eur_per_head": paid / persons})
    return rows
