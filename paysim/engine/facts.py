"""What people are like and what befalls them, counted for indicators at the end of each quarter and year.

Flows are added up quarter by quarter, stocks are counted among the living at the end of a year, as registers do.
Nothing here changes a person, and nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from paysim.diseases.ages import TEN_YEARS
from paysim.diseases.health import module
from paysim.diseases.vascular_prevention.model import lowered
from paysim.engine.model import Model
from paysim.kernel import advance as kernel
from paysim.kernel.records import ADMISSION_REQUEST, TICKS_PER_YEAR, State
from paysim.kernel.spec import AGES, COVARIATES

ASCVD = ("prior_mi", "angina", "prior_stroke", "pad")
"""Flags of atherosclerotic disease; `prior_stroke` holds TIA and haemorrhage too."""
ASCVD_ADMISSIONS = ("admission_mi", "admission_stroke")
CARDIOVASCULAR_DEATHS = (
    *("mi_first", "mi_recurrent", "revascularisation", "death_after_mi", "death_in_year_after_mi"),
    *("stroke_first", "stroke_recurrent", "haemorrhagic_stroke", "death_after_stroke", "death_in_year_after_stroke"),
    "pad_admission",
    *("heart_failure_admission", "death_heart_failure", "death_after_hf_admission"),
)
AVOIDABLE = ("heart_failure_admission", "copd_admission")
"""Admissions that timely care might avoid: those of the usual list that the model tells apart."""
PREMATURE = (30, 69)
ADULT = 19
OVERWEIGHT, OBESE = 25.0, 30.0

FATAL = {
    "fatal_admission_mi": "admission_mi",
    "fatal_admission_stroke": "admission_stroke",
    "fatal_admission_other": "admission_other",
}
"""Admissions for an event of which the person died in care, and their service: part of its admissions, and deaths."""

FLOWS = (
    *FATAL,
    "ascvd_years",
    "ascvd_events",
    "years_30_69",
    "cardiovascular_deaths_30_69",
    "avoidable_admissions",
)
STOCKS = (
    "persons",
    "adults",
    "smokers",
    "overweight",
    "obese",
    "multimorbid",
    "ascvd_persons",
    "ascvd_ldl_at_target",
    "ascvd_ldl_at_strict_target",
    "ascvd_sbp_at_target",
    "ascvd_sbp_at_strict_target",
    "ascvd_on_statin",
    "ascvd_on_antiplatelet",
    "diabetes_persons",
    "diabetes_in_control",
    "recent_infarctions",
    "recent_infarctions_rehabilitated",
)
FACTS = (*FLOWS, *STOCKS)
"""What is added up by group besides services and `groups.EXTRA`."""

INDICATORS = {
    "smoking": ("smokers", "adults"),
    "recurrent_ascvd": ("ascvd_events", "ascvd_years"),
    "ldl_at_target": ("ascvd_ldl_at_target", "ascvd_persons"),
    "ldl_at_strict_target": ("ascvd_ldl_at_strict_target", "ascvd_persons"),
    "sbp_at_target": ("ascvd_sbp_at_target", "ascvd_persons"),
    "sbp_at_strict_target": ("ascvd_sbp_at_strict_target", "ascvd_persons"),
    "hba1c_in_control": ("diabetes_in_control", "diabetes_persons"),
    "statin_use": ("ascvd_on_statin", "ascvd_persons"),
    "antithrombotic_use": ("ascvd_on_antiplatelet", "ascvd_persons"),
    "cardiac_rehabilitation": ("recent_infarctions_rehabilitated", "recent_infarctions"),
    "avoidable_admissions": ("avoidable_admissions", "persons"),
}
"""Indicators on which a contract can pay: the fact above and the fact below the line."""

REPORTED = {"health_utility": ("qalys", "person_years")}
"""The same of what is added up of people's years (`groups.EXTRA`): mean utility, as people report it by EQ-5D."""

_COLUMN = {name: k for k, name in enumerate(FLOWS)}


class Facts:
    """The facts of one arm's people.

    Parameters
    ----------
    state
        As at the start; what of atherosclerotic disease people have then is not new.
    """

    def __init__(self, model: Model, state: State) -> None:
        self.model, self.state = model, state
        self._ascvd = self._mask(ASCVD)
        self._conditions = [self._mask(getattr(module(name), "CHRONIC", ())) for name in model.scenario.diseases]
        self._avoidable = np.zeros(len(model.processes), bool)
        self._avoidable[self._numbers(AVOIDABLE)] = True
        self._vascular = self._numbers(CARDIOVASCULAR_DEATHS)
        names = model.care.services.names
        services = tuple(FATAL.values())
        self._fatal_service = np.array([names.index(name) for name in services])
        none = [-1] * (len(model.processes) - len(model.transitions))  # no transition of a person, so no cause of death
        kinds = [
            services.index(t.service) if t.kind == "event" and t.service in services else -1 for t in model.transitions
        ]
        self._fatal = np.array([*none, *kinds])
        self._admissions = [names.index(name) for name in ASCVD_ADMISSIONS]
        self._ldl_at_base = base_ldl_drop(model)
        people = state.people
        self._had = (people["flags"] & self._ascvd != 0) & (people["alive"] == 1)  # at the start of the quarter
        self._flows = np.zeros((len(people), len(FLOWS)))

    def _mask(self, flags: Iterable[str]) -> int:
        return sum(self.model.flag_bit.get(flag, 0) for flag in flags)

    def _numbers(self, processes: Iterable[str]) -> np.ndarray:
        known = self.model.processes
        return np.array([known.index(name) for name in processes if name in known], np.int64)

    def admitted(self, requests: np.ndarray) -> None:
        """Count the avoidable ones among a week's admissions; rows must not have moved since."""
        of_these = (requests["kind"] == ADMISSION_REQUEST) & self._avoidable[requests["process"]]
        np.add.at(self._flows[:, _COLUMN["avoidable_admissions"]], requests["row"][of_these], 1.0)

    def follow(self, left: np.ndarray, taken: np.ndarray) -> None:
        """Let what was counted follow people whose rows moved."""
        for counted in (self._flows, self._had):
            counted[taken] = counted[left]
            counted[left] = 0

    def add_quarter(self, seen: np.ndarray, used: np.ndarray) -> None:
        """Add the quarter that ends now.

        Parameters
        ----------
        seen
            ``[n]`` what `kernel.use` noted of everybody.
        used
            ``[n, S]`` services.
        """
        flags, lived, age, died = (seen[name].copy() for name in ("flags", "lived", "age", "died"))
        flows, died_of = self._flows, np.zeros(len(flags), bool)
        died_of[died] = np.isin(self.state.people["cause"][died], self._vascular)
        has = flags & self._ascvd != 0
        admissions = used[:, self._admissions].sum(axis=1)
        # The first admission of a person without the disease is its beginning; all others are further events. A death
        # counts when no admission of the same quarter led to it.
        events = np.where(self._had, admissions + (died_of & (admissions == 0)), np.maximum(admissions - 1.0, 0.0))
        dead = np.flatnonzero(died)
        kind = self._fatal[self.state.people["cause"][dead]]
        in_care = (kind >= 0) & (used[dead, self._fatal_service[kind]] > 0.0)  # who dies before care is not admitted
        for name, k in zip(FATAL, range(len(FATAL)), strict=True):
            flows[dead[in_care & (kind == k)], _COLUMN[name]] += 1.0
        middle = (age >= PREMATURE[0]) & (age <= PREMATURE[1])
        flows[:, _COLUMN["ascvd_years"]] += lived * has
        flows[:, _COLUMN["ascvd_events"]] += events
        flows[:, _COLUMN["years_30_69"]] += lived * middle
        flows[:, _COLUMN["cardiovascular_deaths_30_69"]] += died_of & middle
        self._had = has & ~died

    def close_year(self, rows: np.ndarray, tick: int, groups: Sequence[tuple[np.ndarray, int]]) -> list[np.ndarray]:
        """Add up the `FACTS` of the year that ends at `tick`, and begin the next.

        Parameters
        ----------
        rows
            Of everybody who is counted.
        groups
            Groupings: codes of the people of `rows` ``[rows, dimensions]``, and how many groups there are.

        Returns
        -------
        list
            ``[groups, FACTS]`` of each grouping.
        """
        stocks = self._stocks(rows, tick)
        bits = np.zeros(len(rows), np.int64)  # of each person, one a stock: a tenth of the memory of as many columns
        for k, name in enumerate(STOCKS):
            bits |= stocks[name].astype(np.int64) << k
        found = []
        for codes, size in groups:
            flows, held = np.zeros((size, len(FLOWS))), np.zeros((size, len(STOCKS)))
            kernel.add_groups(rows, self._flows, codes, flows)
            kernel.add_bits(bits, codes, held)
            found.append(np.hstack([flows, held]))
        self._flows[:] = 0.0
        self._had[rows] &= stocks["persons"]  # rows of those who left are given out again
        return found

    def _stocks(self, rows: np.ndarray, tick: int) -> dict[str, np.ndarray]:
        """Return who is in which of `STOCKS` at `tick`, booleans ``[rows]``."""
        people, bit, params = self.state.people, self.model.flag_bit, self.model.parameters
        flags = people["flags"][rows]
        age = np.clip((tick - people["birth"][rows]) // TICKS_PER_YEAR, 0, AGES - 1)
        bmi = people["covariates"][rows, COVARIATES.index("bmi")]
        alive = people["alive"][rows] == 1

        def holds(flag: str) -> np.ndarray:
            return np.asarray(flags & bit[flag] != 0)

        adult = alive & (age >= ADULT)
        ascvd = alive & (flags & self._ascvd != 0)
        diabetes = alive & holds("diabetes")
        recent = alive & holds("recent_mi")
        conditions = sum(
            ((flags & mask != 0).astype(np.int8) for mask in self._conditions), np.zeros(len(rows), np.int8)
        )
        ldl, sbp = (np.full(len(rows), np.inf) for _ in range(2))  # of the register only: few rows are read
        ldl[ascvd], sbp[ascvd] = self._ldl_and_sbp(rows[ascvd], age[ascvd])
        return {
            "persons": alive,
            "adults": adult,
            "smokers": adult & holds("smoker"),
            "overweight": adult & (bmi >= OVERWEIGHT),
            "obese": adult & (bmi >= OBESE),
            "multimorbid": alive & (conditions >= 2),
            "ascvd_persons": ascvd,
            "ascvd_ldl_at_target": ldl < params["outcomes.ldl_target"],
            "ascvd_ldl_at_strict_target": ldl < params["outcomes.ldl_strict_target"],
            "ascvd_sbp_at_target": sbp < params["outcomes.sbp_target"],
            "ascvd_sbp_at_strict_target": sbp < params["outcomes.sbp_strict_target"],
            "ascvd_on_statin": ascvd & holds("statin"),
            "ascvd_on_antiplatelet": ascvd & holds("antiplatelet"),
            "diabetes_persons": diabetes,
            "diabetes_in_control": diabetes & ~holds("poor_control"),
            "recent_infarctions": recent,
            "recent_infarctions_rehabilitated": recent & holds("rehabilitation"),
        }

    def _ldl_and_sbp(self, rows: np.ndarray, age: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return LDL cholesterol (mmol/L) and systolic pressure (mmHg) of people of some age, as treated now.

        Published means of cholesterol are of treated and untreated people together, so treatment moves people around
        that mean.
        """
        people, covariates = self.state.people, self.state.people["covariates"][rows]
        x = {name: covariates[:, k] for k, name in enumerate(COVARIATES)}
        drop = self._ldl_fall(people["flags"][rows]) - self._ldl_at_base[people["sex"][rows], age]
        ldl = x["tc"] - x["hdl"] - self.model.parameters["outcomes.nonhdl_above_ldl"] - drop
        return ldl, x["sbp"] - x["sbp_drop"]

    def _ldl_fall(self, flags: np.ndarray) -> np.ndarray:
        """Return by how much the treatments among `flags` lower LDL cholesterol, ``[n]`` mmol/L."""
        tables = self.model.tables[0]
        left = sum(
            (np.where(flags & (1 << k) != 0, share, 0.0) for k, share in enumerate(tables["flag_ldl"]) if share != 0.0),
            np.zeros(len(flags)),
        )
        return np.asarray(tables["untreated_ldl"] * -np.expm1(left))


def base_ldl_drop(model: Model) -> np.ndarray:
    """Return by how much treatment lowers LDL cholesterol of a sex and age at base, on average: ``[2, 111]`` mmol/L.

    By bands of ten years, of the people the model is levelled on.
    """
    cohort, health = model.cohort, model.health
    persons = TEN_YEARS.sums(cohort.by_age())
    total = TEN_YEARS.sums(cohort.by_age(lowered(health.treatment_effects, health.untreated_ldl, cohort)[0]))
    return TEN_YEARS.spread(np.divide(total, persons, out=np.zeros_like(total), where=persons > 0))
