"""What practices share: clinics, tests, the emergency department, beds, rehabilitation, nursing homes, care at home.

Measures of the region as a whole, and by specialty or ward; the latter also by quarter of the year, in the dimensions
``specialty_quarter`` and ``ward_quarter`` with groups such as ``cardiology Q1``. Waits are of those who were served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from paysim.outcomes.protocol import Counted, Measure
from paysim.outcomes.waits import mean_wait, percentile

Arrays = dict[str, np.ndarray]
Formula = Callable[[Arrays], np.ndarray]

_QUARTERS = 4
_AT_THE_END = "_waiting"
"""End of the names of what is a length at the end of a quarter; all else is added up."""


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield waits, lists, people served, who gave up, and use of capacity."""
    yield from _by_group(counted, _CLINICS, ("clinic_", "follow_up_"), "specialty", counted.specialties)
    yield from _by_group(counted, _WARDS, ("bed_", "elective_", "emergency_admitted"), "ward", counted.wards)
    prefixes = ("lever_", "test_", "ed_", "rehabilitation_", "nursing_home_", "home_care_")
    yield from _of_region(_REGION, _years(counted, prefixes))
    if "case_mix" in counted.arrays:  # a contract of the scenario pays by groups of severity
        yield from _of_region(_CASE_MIX, _years(counted, ("case_mix", "lever_")))


def _years(counted: Counted, prefixes: tuple[str, ...]) -> Arrays:
    """Return what was counted as ``[years, quarters, ...]``."""
    return {
        name: each.reshape(counted.years, _QUARTERS, *each.shape[1:])
        for name, each in counted.arrays.items()
        if name.startswith(prefixes)
    }


def _over_time(arrays: Arrays, axis: int) -> Arrays:
    """Add up along years (0) or quarters (1); a length at the end is the last one."""
    return {
        name: each.take(-1, axis=axis) if name.endswith(_AT_THE_END) else each.sum(axis=axis)
        for name, each in arrays.items()
    }


def _of_region(formulas: Mapping[str, tuple[str, Formula]], arrays: Arrays) -> Iterator[Measure]:
    """Yield measures of the region from what was counted, ``[years, quarters, ...]``."""
    by_year = _over_time(arrays, 1)
    for name, (unit, formula) in formulas.items():
        yield Measure(name, unit, formula(by_year)[:, None], whole=formula(_over_time(by_year, 0))[None])


def _by_group(
    counted: Counted,
    formulas: Mapping[str, tuple[str, Formula]],
    prefixes: tuple[str, ...],
    dimension: str,
    groups: tuple[str, ...],
) -> Iterator[Measure]:
    """Yield measures of the region, by group, and by group and quarter of the year; groups are the third axis."""
    arrays = _years(counted, prefixes)
    yield from _of_region(formulas, {name: each.sum(axis=2) for name, each in arrays.items()})
    by_year = _over_time(arrays, 1)
    quarters = tuple((f"{dimension}_quarter", f"{group} Q{k + 1}") for k in range(_QUARTERS) for group in groups)
    for name, (unit, formula) in formulas.items():
        whole = formula(_over_time(by_year, 0))
        yield Measure(name, unit, formula(by_year), whole=whole, places=tuple((dimension, group) for group in groups))
        values = formula(arrays).reshape(counted.years, -1)
        whole = formula(_over_time(arrays, 0)).reshape(-1)
        yield Measure(name, unit, values, whole=whole, places=quarters)


def _over(top: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(top, below, out=np.zeros(np.shape(top)), where=below > 0))


# A formula works on the last axes of what was counted; the axes before them, years or groups, are left.
_CLINICS: dict[str, tuple[str, Formula]] = {
    "clinic_wait_weeks": ("weeks", lambda a: mean_wait(a["clinic_waits"].sum(axis=-2))),
    "clinic_wait_median_weeks": ("weeks", lambda a: percentile(a["clinic_waits"].sum(axis=-2), 0.5)),
    "clinic_wait_p90_weeks": ("weeks", lambda a: percentile(a["clinic_waits"].sum(axis=-2), 0.9)),
    "clinic_wait_urgent_weeks": ("weeks", lambda a: mean_wait(a["clinic_waits"][..., 0, :])),
    "clinic_wait_routine_weeks": ("weeks", lambda a: mean_wait(a["clinic_waits"][..., 1, :])),
    "clinic_waiting": ("persons", lambda a: a["clinic_waiting"].sum(axis=-1)),
    "clinic_referred": ("persons", lambda a: a["clinic_asked"]),
    "clinic_served": ("persons", lambda a: a["clinic_waits"].sum(axis=(-2, -1)).astype(float)),
    "clinic_left": ("persons", lambda a: a["clinic_left"]),
    "clinic_occupancy_share": ("share", lambda a: _over(a["clinic_waits"].sum(axis=(-2, -1)), a["clinic_slots"])),
    "follow_up_visits": ("visits", lambda a: a["follow_up_waits"].sum(axis=-1).astype(float)),
    "follow_up_delay_weeks": ("weeks", lambda a: mean_wait(a["follow_up_waits"])),
    "follow_up_waiting": ("persons", lambda a: a["follow_up_waiting"]),
    "follow_up_occupancy_share": ("share", lambda a: _over(a["follow_up_waits"].sum(axis=-1), a["follow_up_slots"])),
}
_WARDS: dict[str, tuple[str, Formula]] = {
    "bed_occupancy_share": ("share", lambda a: _over(a["bed_days_used"], a["bed_days_room"])),
    "bed_days": ("days", lambda a: a["bed_days_used"]),
    "bed_days_over_capacity": ("days", lambda a: a["bed_days_over"]),
    "bed_days_waiting_for_rehabilitation": ("days", lambda a: a["bed_days_held"]),
    "elective_admission_wait_weeks": ("weeks", lambda a: mean_wait(a["elective_waits"])),
    "elective_admission_wait_median_weeks": ("weeks", lambda a: percentile(a["elective_waits"], 0.5)),
    "elective_admission_wait_p90_weeks": ("weeks", lambda a: percentile(a["elective_waits"], 0.9)),
    "elective_waiting": ("persons", lambda a: a["elective_waiting"]),
    "elective_left": ("persons", lambda a: a["elective_left"]),
    "elective_displaced": ("persons", lambda a: a["elective_displaced"]),
}
_PLACES: dict[str, tuple[str, Callable[[str, Arrays], np.ndarray]]] = {
    "claims": ("persons", lambda name, a: a[f"{name}_claims"]),
    "wait_weeks": ("weeks", lambda name, a: mean_wait(a[f"{name}_waits"])),
    "wait_median_weeks": ("weeks", lambda name, a: percentile(a[f"{name}_waits"], 0.5)),
    "wait_p90_weeks": ("weeks", lambda name, a: percentile(a[f"{name}_waits"], 0.9)),
    "waiting": ("persons", lambda name, a: a[f"{name}_waiting"]),
    "died_waiting": ("persons", lambda name, a: a[f"{name}_died_waiting"]),
    "left": ("persons", lambda name, a: a[f"{name}_left"]),
    "occupancy_share": ("share", lambda name, a: _over(a[f"{name}_used"], a[f"{name}_room"])),
}
_REGION: dict[str, tuple[str, Formula]] = {
    "test_wait_weeks": ("weeks", lambda a: mean_wait(a["test_waits"])),
    "test_wait_median_weeks": ("weeks", lambda a: percentile(a["test_waits"], 0.5)),
    "test_wait_p90_weeks": ("weeks", lambda a: percentile(a["test_waits"], 0.9)),
    "test_waiting": ("persons", lambda a: a["test_waiting"]),
    "test_left": ("persons", lambda a: a["test_left"]),
    "test_occupancy_share": ("share", lambda a: _over(a["test_waits"].sum(axis=-1), a["test_slots"])),
    "ed_arrivals": ("persons", lambda a: a["ed_arrived"]),
    "ed_crowded_share": ("share", lambda a: _over(a["ed_waited"], a["ed_arrived"])),
    "ed_wait_minutes": ("minutes", lambda a: _over(60.0 * a["ed_wait_hours"], a["ed_arrived"])),
    "ed_wait_p90_minutes": ("minutes", lambda a: 10.0 * percentile(a["ed_waits"], 0.9)),
    "ed_occupancy_share": ("share", lambda a: _over(a["ed_busy_hours"], a["ed_room_hours"])),
    **{
        f"{place}_{name}": (unit, partial(formula, place))
        for place in ("rehabilitation", "nursing_home")
        for name, (unit, formula) in _PLACES.items()
    },
    "lever_elective_admission": ("ratio to base", lambda a: _over(a["lever_elective"], a["lever_quarters"])),
    "lever_length_of_stay": ("ratio to base", lambda a: _over(a["lever_stay"], a["lever_quarters"])),
    "lever_specialist_follow_up": ("ratio to base", lambda a: _over(a["lever_follow_up"], a["lever_quarters"])),
    "home_care_hours": ("hours", lambda a: a["home_care_given"]),
    "home_care_unmet_hours": ("hours", lambda a: a["home_care_asked"] - a["home_care_given"]),
    "home_care_occupancy_share": ("share", lambda a: _over(a["home_care_given"], a["home_care_room"])),
}
_CASE_MIX: dict[str, tuple[str, Formula]] = {
    "case_mix_true": ("ratio to base", lambda a: _over(a["case_mix"][..., 1], a["case_mix"][..., 0])),
    "case_mix_coded": ("ratio to base", lambda a: _over(a["case_mix"][..., 2], a["case_mix"][..., 0])),
    "case_mix_coded_over_true": ("ratio", lambda a: _over(a["case_mix"][..., 2], a["case_mix"][..., 1])),
    "lever_hospital_coding": ("ratio to base", lambda a: _over(a["lever_coding"], a["lever_quarters"])),
}
