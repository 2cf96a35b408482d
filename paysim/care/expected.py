"""What a cohort is expected to use in a year when nobody has to wait: a check, and input of a fit.

Hazards at base are multiplied through the access terms; nothing is simulated. Urgent needs that leave because the
practice is closed or full are taken off; other queues, combined appointments and deaths within the year are not.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from paysim.care.access import CONTACT_TYPES
from paysim.care.demand import BANDS, Cohort, cells, hazards
from paysim.care.model import YEARS_WITH, CareModel
from paysim.care.rates import Floats
from paysim.kernel.spec import AGES, COVARIATES, Transition


def expected_services(
    care: CareModel, cohort: Cohort, events: Iterable[Transition] = (), *, background: bool = True
) -> Floats:
    """Return the expected use of each service ``[n, S]`` per person-year.

    Parameters
    ----------
    events
        Transitions of the diseases: those with a service are claimed by who reaches care, deaths bring
        end-of-life care.
    background
        False leaves out what tools/fit_background.py fits and end-of-life care; extra costs by flag stay.
    """
    use = np.zeros((np.asarray(cohort.sex).size, len(care.services)))
    sex, age = np.asarray(cohort.sex).astype(int), np.clip(np.asarray(cohort.age).astype(int), 0, AGES - 1)
    _add_contacts(care, cohort, use, age)
    deaths = np.zeros(sex.size)
    for row in (*(t for t in care.transitions if t.kind == "acute"), *events):
        rate = hazards(row, cohort)
        before, within = (np.broadcast_to(p, (2, AGES))[sex, age] for p in (row.dies_before_care, row.dies_in_care))
        if row.service is not None:
            use[:, care.services.index(row.service)] += rate * (1.0 - before)
        deaths += rate * (1.0 if row.kind == "death" else before + (1.0 - before) * within)
    if background:
        _add_background(care, cohort, use, sex, age)
        use[:, care.services.index("end_of_life")] += deaths * care.background.end_of_life_eur[sex, age]
    for flag, extra in care.background.flag_extra_eur.items():
        if flag in cohort.flags:
            columns = [care.services.index(name) for name in care.background.services]
            use[:, columns] += cohort.flags[flag][:, None] * extra
    for service, flags in YEARS_WITH.items():
        for flag in flags:
            if flag in cohort.flags:
                use[:, care.services.index(service)] += cohort.flags[flag]
    return use


def staff_minutes(care: CareModel, use: Floats) -> Floats:
    """Return minutes ``[n, 4]`` of `catalogue.STAFF` per person-year for a use ``[n, S]``."""
    return np.asarray(use @ care.minutes)


def payments_by_sector(care: CareModel, use: Floats) -> dict[str, Floats]:
    """Return euro per person-year ``[n]`` by sector at reference prices."""
    euro = use * care.services.reference_price_eur
    return {
        sector: np.asarray(euro[:, care.services.in_sector(sector)].sum(axis=1))
        for sector in dict.fromkeys(care.services.sectors)
    }


def mean_by_cell(values: Floats, cohort: Cohort) -> Floats:
    """Return means ``[2, 19]`` of a column by sex and 5-year band; NaN in an empty cell."""
    cell = cells(cohort)
    count = np.bincount(cell, minlength=2 * BANDS)
    with np.errstate(invalid="ignore"):
        return np.asarray((np.bincount(cell, values, 2 * BANDS) / count).reshape(2, BANDS))


def _add_contacts(care: CareModel, cohort: Cohort, use: Floats, age: np.ndarray) -> None:
    services, access = care.services, care.access
    sex = np.asarray(cohort.sex).astype(int)
    rate = {kind: np.zeros(age.size) for kind in ("need", "follow_up", "chronic_control")}
    for row in care.transitions:
        if row.kind in rate:
            rate[row.kind] += hazards(row, cohort)
    missed = access.missed_share[cohort.education]
    asked = rate["need"] * access.urgent_share[age]
    leaving, more = access.urgent_leaving, access.emergency_ratio[cohort.education]
    seen = asked * (1.0 - leaving)
    planned = (rate["need"] - asked + rate["follow_up"]) * (1.0 - missed)
    controls = rate["chronic_control"] * (1.0 - missed)
    nurse = planned * access.delegable_share[age] * access.base_delegation
    by_gp = planned - nurse
    for k, name in enumerate(CONTACT_TYPES):
        use[:, services.index(name)] += (by_gp + seen) * access.contact_mix[sex, age, k]
    use[:, services.index("nurse_mental")] += nurse * access.mental_share[age]
    use[:, services.index("nurse_consult")] += nurse * (1.0 - access.mental_share[age])
    use[:, services.index("chronic_nurse")] += controls * access.chronic_nurse_share
    use[:, services.index("chronic_gp")] += controls * (1.0 - access.chronic_nurse_share)
    use[:, services.index("ooh_contact")] += asked * leaving * access.elsewhere[1, 1]
    routine = (rate["need"] - asked) * access.planned_leaving
    use[:, services.index("ed_visit")] += more * (
        asked * leaving * access.elsewhere[1, 2] + routine * access.elsewhere[0, 2]
    )
    use[:, services.index("ed_visit")] += seen * access.ed_referral_probability
    own = rate["follow_up"] * (1.0 - missed) / np.maximum(planned, 1e-12)
    fewer = 1.0 - own * (1.0 - access.follow_up_referral_multiplier)
    referred = (by_gp + nurse * access.nurse_referral_multiplier) * fewer * access.referral_probability[age]
    use[:, services.index("specialist_trajectory")] += referred
    use[:, services.index("elective_admission")] += referred * care.hospital.elective_share


def _add_background(care: CareModel, cohort: Cohort, use: Floats, sex: np.ndarray, age: np.ndarray) -> None:
    background = care.background
    cell = cells(cohort)
    weight = np.exp(background.frailty_exponent * cohort.covariates[:, COVARIATES.index("log_frailty")])
    count = np.bincount(cell, minlength=2 * BANDS)
    weight /= (np.bincount(cell, weight, 2 * BANDS) / np.maximum(count, 1))[cell]
    for k, name in enumerate(background.services):
        use[:, care.services.index(name)] += background.eur_per_year[k, sex, age] * weight
