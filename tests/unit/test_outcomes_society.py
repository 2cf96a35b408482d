"""What illness and care cost outside the budget of care."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import paysim as ps
from paysim.accounting.concentration import TRUNCATED_AT
from paysim.engine.facts import FATAL
from paysim.outcomes import Counted, outcome_parameters
from paysim.outcomes.society import SocietyTerms, measures, society_terms
from paysim.outcomes.spending import GENERAL_PRACTICE
from paysim.parameters import Override
from paysim.scenario.model import Behaviour

SERVICES = (
    *("gp_consult", "gp_long", "nurse_consult", "nurse_mental", "chronic_nurse", "chronic_gp"),
    *("gp_phone", "gp_email", "gp_visit", "ooh_contact", "ed_visit", "specialist_trajectory", "elective_admission"),
    *("admission_mi", "admission_stroke", "admission_other", "nursing_home_year"),
)
SECTORS = (*(GENERAL_PRACTICE,) * 9, "out_of_hours", *("hospital",) * 6, "long_term_care")
EXTRA = ("gp_payments", "standing_costs", "staff_lent", "programme_payments", "programme_cost", "patient_payments")
ABOVE = tuple(f"payments_above_{euro}" for euro in TRUNCATED_AT)
MORE = ("person_years", "payments_by_others", "utility_lost", "deaths", *FATAL, *ABOVE)
WEIGHT = 3.0
BANDS = 20


@pytest.fixture
def terms() -> SocietyTerms:
    return society_terms(outcome_parameters())


def counted(terms: SocietyTerms | None, used: dict[str, float], at_band: dict[int, dict[str, float]]) -> Counted:
    """Return a year of one group: quantities of the whole region, and of men of low education by five-year band."""
    from paysim.contracts.settlement import LINES, SETTLED

    columns = (*SERVICES, *EXTRA, *(f"settled_{line}" for line in SETTLED), *MORE)
    groups = np.zeros((1, 1, len(columns)))
    cells = np.zeros((1, 3 * 2 * BANDS, len(columns)))
    for name, value in used.items():
        groups[0, 0, columns.index(name)] = value
    for band, values in at_band.items():
        for name, value in values.items():
            cells[0, band, columns.index(name)] = value
    nothing = np.zeros(0)
    return Counted(
        dimensions={"all": ("all",), "sex": ("men", "women"), "education": ("low", "mid", "high")},
        columns=columns,
        groups=groups,
        arrays={"cells": cells},
        service_names=SERVICES,
        sector_of=SECTORS,
        payment_eur=np.full((1, len(LINES), len(SERVICES)), 1e6),  # prices are no cost to society
        cost_eur=np.arange(1.0, len(SERVICES) + 1.0),
        revenue_kinds=(),
        bills=(),
        weight=WEIGHT,
        gp_fte=nothing,
        contact_hours=nothing,
        staff_minutes=nothing,
        process_outcomes=(),
        lever_names=(),
        practice_lever_names=(),
        specialties=(),
        wards=(),
        discount_costs=0.0,
        discount_effects=0.0,
        society=terms,
    )


def values(found: Counted) -> dict[str, float]:
    return {each.name: float(each.values[0, 0]) for each in measures(found)}


def test_time_and_travel_of_contacts(terms: SocietyTerms) -> None:
    found = values(counted(terms, {"gp_consult": 10, "gp_phone": 4, "specialist_trajectory": 2, "ed_visit": 1}, {}))
    hours = 10 * 0.75 + 4 * 0.2 + 2 * 3 * 2.5 + 1 * 4
    assert found["patient_time_cost"] == pytest.approx(WEIGHT * hours * 19.51)
    to_hospital = 2 * 3 + 1
    travel = 10 * 2 * 1.1 * 0.27 + to_hospital * (2 * 7.0 * 0.27 + 4.07)
    assert found["travel_cost"] == pytest.approx(WEIGHT * travel)


def test_work_is_lost_at_working_age_and_up_to_the_friction_period(terms: SocietyTerms) -> None:
    day = 0.78 * 31 / 7 * 41.40
    at_40 = values(counted(terms, {}, {8: {"deaths": 2, "admission_mi": 1, "elective_admission": 1}}))
    assert at_40["lost_work_cost"] == pytest.approx(WEIGHT * (2 * 115 + 60 + 21) * day)
    for band, share in ((3, 0.0), (4, 1.0), (12, 1.0), (13, 2 / 5), (14, 0.0)):  # 15-19, 20-24, 60-64, 65-69, 70-74
        found = values(counted(terms, {}, {band: {"deaths": 1}}))["lost_work_cost"]
        assert found == pytest.approx(WEIGHT * share * 115 * day)
    longer = replace(terms, stroke_absence_days=400.0)
    found = values(counted(longer, {}, {8: {"admission_stroke": 1}}))["lost_work_cost"]
    assert found == pytest.approx(WEIGHT * 115 * day)


@pytest.mark.parametrize("service", FATAL.values())
def test_an_admission_that_ends_in_death_is_one_event(terms: SocietyTerms, service: str) -> None:
    dead = values(counted(terms, {}, {8: {"deaths": 1}}))["lost_work_cost"]
    in_care = values(counted(terms, {}, {8: {"deaths": 1, service: 1, f"fatal_{service}": 1}}))["lost_work_cost"]
    assert in_care == pytest.approx(dead)
    other = values(counted(terms, {}, {8: {service: 1}}))["lost_work_cost"]
    both = values(counted(terms, {}, {8: {"deaths": 1, service: 2, f"fatal_{service}": 1}}))["lost_work_cost"]
    assert both == pytest.approx(dead + other)


def test_society_bears_care_and_what_is_outside_it_and_no_payments(terms: SocietyTerms) -> None:
    used = {"gp_consult": 10, "nursing_home_year": 1, "utility_lost": 0.5, "standing_costs": 7, "gp_payments": 1e9}
    found = values(counted(terms, used, {8: {"deaths": 1}}))
    care = 10 * 1.0 + 17.0 + 7.0  # resource cost per unit is the number of the service
    outside = ("patient_time_cost", "travel_cost", "informal_care_cost", "lost_work_cost")
    assert found["informal_care_cost"] == pytest.approx(WEIGHT * 0.5 * 1000 * 19.51)
    assert found["societal_cost"] == pytest.approx(WEIGHT * care + sum(found[name] for name in outside))


def test_without_terms_there_is_nothing() -> None:
    assert list(measures(counted(None, {"gp_consult": 10}, {}))) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ps.Run:
    scenario = ps.load_scenario("nl/achterhoek_hospital_budget")
    passive = tuple(replace(arm, behaviour=Behaviour()) for arm in scenario.arms)
    short = replace(scenario, horizon_years=1, base_years=1, arms=passive)
    return ps.simulate(short, tmp_path_factory.mktemp("society") / "r", sample=1500)


def test_who_pays_is_no_cost_to_society(run: ps.Run) -> None:
    """A budget in place of prices, to which nobody responds, moves money and nothing else."""
    table = ps.perspectives(run)
    society = table.loc[[title for title in table.index if title.startswith("society")]].to_numpy()[0]
    assert society[0] == society[1] > 0.0
    assert table.loc["insurers", "today"] != table.loc["insurers", "global_budget"]


def test_a_run_tells_the_cost_to_society_as_the_sum_of_its_parts(run: ps.Run, tmp_path: Path) -> None:
    results = run.results
    whole = results[(results["dimension"] == "all") & (results["period"] == -1) & (results["arm"] == "today")]
    of = whole.set_index("measure")["value"]
    outside = of["patient_time_cost"] + of["travel_cost"] + of["informal_care_cost"] + of["lost_work_cost"]
    care = of["resource_cost_total"] + of["resource_cost_long_term_care"]
    assert of["societal_cost"] == pytest.approx(care + outside, rel=1e-12)
    assert 0.02 * care < outside < 1.0 * care
    assert of["societal_cost_discounted"] < of["societal_cost"]
    free = replace(ps.load_scenario("nl/achterhoek_hospital_budget"), horizon_years=1, base_years=1)
    names = ("society.patient_eur_per_hour", "society.informal_care_eur_per_hour", "society.work_eur_per_hour")
    names += ("society.travel_eur_per_km", "society.parking_eur_per_visit")

    today = replace(free.arm("today"), behaviour=Behaviour())
    zero = tuple(Override(name, 0.0) for name in names)
    free = replace(free, parameters=zero, arms=(today,), compare_with=("today",))
    again = ps.simulate(free, tmp_path / "free", sample=1500).results
    again = again[(again["dimension"] == "all") & (again["period"] == -1) & (again["arm"] == "today")]
    left = again.set_index("measure")["value"]
    assert left["societal_cost"] == pytest.approx(care, rel=1e-12)
