"""A practice that weighs income and its own time against what it believes is good for its patients.

Utility is u(Y) - psi(H) + altruism x perceived benefit, with income Y and GP hours H of a year, ``u'(Y) =
(Y/Y0)^-eta`` and ``psi'(H) = omega0 (H/H0)^(1/epsilon)``; 0 marks the base year. Perceived benefit is
quadratic in each lever around the practice's patient-optimal point, which is set so that base levers are
the best response to `current`. Per unit (a visit, a control, a referral, a contact handed over) the margin
is::

    m = u'(Y) (revenue - cost) - psi'(H) hours

and the best response of a lever with curvature k euro per unit is::

    l = 1 + (m - m at base) / (altruism k)

For recording (coding) there is no benefit to patients: ``k`` alone is what effort and the risk of an audit cost. So it
is with the hospital, whose lever of coding is one and the share of admissions coded a group higher.

Practices tell kinds of patients apart by the weight ``w`` of `segment_weight`: a gain per unit is ``w`` times that of
the kind plus ``1 - w`` times the mean of all. Lists are decided once a year, with margins per person-year and ``c`` the
mean cost of practice care of one::

    accept, keep = 1 + w (m - m at base - mean of it over the list) / (altruism k c), at most 1
    size         = 1 + (mean of m - m at base over the list) / (altruism k c)

so whom a practice wants follows from how kinds of patients differ, and how many from what they bring on the whole.

A practice moves part of the way each quarter, within limits, and plans no more visits than its GPs have hours for, nor
hands more to its nurses than they can do. Theory: McGuire and Pauly 1991, Ellis and McGuire 1986. Curvatures are
multiples of what a unit costs, fitted where there is evidence (`paysim calibrate-behaviour`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from paysim.behaviour.altruism import altruism_quantiles, practice_uniforms
from paysim.behaviour.incentives import income_eur, marginal, staff_hours, working_hours
from paysim.behaviour.lists import LIST_LEVERS, Lists, PatientMargins, patient_margins
from paysim.behaviour.situation import HOURS, Anchor, Floats, Margins, PracticeTraits, Situation
from paysim.errors import ModelError, Problem, ScenarioError
from paysim.kernel.records import (
    CODING,
    CONSULTATION_LENGTH,
    DELEGATION,
    LEVERS,
    PERIODS_PER_YEAR,
    PREVENTION,
    VISIT_INTENSITY,
)
from paysim.parameters import Parameters

HOURS_CHANNEL = "working_hours_response"
_CHANNEL_OF = {
    "elective": "elective_admission_response",
    "stay": "length_of_stay_response",
    "follow_up": "specialist_follow_up_response",
    "hospital_coding": "hospital_coding_response",
}
"""Of each lever of the hospital."""
CHANNELS = (*(f"{lever}_response" for lever in (*LEVERS, *LIST_LEVERS)), HOURS_CHANNEL, *_CHANNEL_OF.values())
"""Off switches, 1 or 0; a lever whose channel is off stays at base, and so do hours."""

_IN_THE_BOOK = (VISIT_INTENSITY, PREVENTION, DELEGATION, CONSULTATION_LENGTH)
"""Levers that move the hours in the appointment book. The time that a referral is believed to save and urgent care
after hours are not in it."""

_HELD_BY_HOURS = ((DELEGATION, slice(1, None)), (VISIT_INTENSITY, slice(0, 1)))
"""Levers that practices move up no further than staff has hours, and whose of `HOURS`."""

_CHARACTER = (
    *("altruism_mean", "altruism_sd", "altruism_min", "eta", "income_floor"),
    *("omega_ratio", "hours_elasticity", "speed", "speed_log_sd", "segment_weight"),
    *(f"{who}_{end}" for who in HOURS for end in ("min", "max")),
)
_CURVATURES = {
    "visit_intensity": ("visit_curvature", "gp_consult"),
    "prevention": ("prevention_curvature", "chronic_nurse"),
    "referral": ("referral_curvature", "specialist_trajectory"),
    "delegation": ("delegation_curvature", "gp_consult"),
    "availability": ("availability_curvature", "gp_consult"),
    "consultation_length": ("consultation_length_curvature", "gp_consult"),
}
"""Of each lever, its curvature, and the service whose resource cost this is a multiple of."""

_MULTIPLES = tuple(name for name, _ in _CURVATURES.values())
_HOSPITAL = tuple(f"{lever}_{what}" for lever in _CHANNEL_OF for what in ("curvature", "min", "max"))
_LISTS = (
    *("acceptance_curvature", "acceptance_min", "retention_curvature", "retention_min"),
    *("list_size_curvature", "list_size_min", "list_size_max"),
)
_CODING = "coding_curvature_eur"
_LIMITS = tuple(f"{lever}_{end}" for lever in LEVERS for end in ("min", "max"))
_ABOVE_ZERO = (
    *("altruism_min", "hours_elasticity", "income_floor", *_MULTIPLES, _CODING),
    *(each for each in (*_HOSPITAL, *_LISTS) if each.endswith("_curvature")),
)


@dataclass(frozen=True)
class ProfitAltruism:
    """Practices that respond to their contracts.

    Attributes
    ----------
    values
        Settings by name, see `settings`.
    """

    name: ClassVar[str] = "profit_altruism"
    settings: ClassVar[tuple[str, ...]] = (
        *(*CHANNELS, *_CHARACTER, *_MULTIPLES, _CODING, *_LIMITS),
        *(*_HOSPITAL, *_LISTS),
    )

    income_curvature: ClassVar[str] = "eta"
    """Setting that is the elasticity of the marginal utility of income."""

    values: Mapping[str, float]

    def __post_init__(self) -> None:
        problems = [*_faults(self.values)]
        if problems:
            raise ScenarioError(*problems)

    @classmethod
    def build(cls, settings: Mapping[str, float], parameters: Parameters) -> Self:
        """Return the behaviour from parameters of the groups ``behaviour`` and ``care``.

        Raises
        ------
        ScenarioError
            A setting has a value that it cannot have.
        """
        read = {name: parameters[f"behaviour.{name}"] for name in cls.settings if name not in CHANNELS}
        values = dict.fromkeys(CHANNELS, 1.0) | read | dict(settings)
        return cls(values)

    def traits(self, seed: int, practice_names: Sequence[str]) -> PracticeTraits:
        """Return altruism and speed of practices, drawn by (seed, practice name)."""
        v = self.values
        for_altruism, for_speed = practice_uniforms(seed, practice_names)
        altruism = altruism_quantiles(for_altruism, v["altruism_mean"], v["altruism_sd"], v["altruism_min"])
        spread = altruism_quantiles(for_speed, 0.0, v["speed_log_sd"], -np.inf)
        return PracticeTraits(altruism, np.minimum(v["speed"] * np.exp(spread), 1.0))

    def best_response(self, situation: Situation) -> Floats:
        """Return the levers ``[practice, condition, lever]`` at which utility is highest, within the limits.

        Income and the shadow wage are those of the activity looked at; a lever that moves nothing stays at
        base.

        Raises
        ------
        ModelError
            If the situation has no anchor.
        """
        return self._best_response(situation, marginal(situation))

    def at_limits(self, situation: Situation) -> NDArray[np.bool_]:
        """Return ``[practice, condition, lever]`` whether the best response is one of the limits."""
        low, high = self._limits()
        best = self.best_response(situation)
        return np.asarray(((best <= low) & (low < 1.0)) | ((best >= high) & (high > 1.0)))

    def decide(self, situation: Situation) -> Floats:
        """Return the levers for the coming quarter: part of the way to the best response, within hours."""
        now = marginal(situation)
        wanted = self._best_response(situation, now)
        step = situation.traits.speed[:, None, None] * (wanted - situation.levers)
        step = np.where(self._open(), step, situation.base_levers - situation.levers)
        return situation.levers + self._within_hours(situation, step)

    def decide_hours(self, situation: Situation, levers: Floats) -> Floats:
        """Return the hours of the coming quarter ``[practice, 3]``, a ratio to those of the data year's staff.

        Hours follow what practices decide to do, as utility reckons: GPs work longer for further visits, which do not
        crowd out what patients ask for, and fewer visits are time of their own; nurses are taken on and let go, and
        paid. Beyond the limits the book is fuller or emptier.
        """
        if self.values[HOURS_CHANNEL] != 1.0:
            return np.ones((len(levers), len(HOURS)))
        usual, coming = self._hours_at(situation, situation.base_levers), self._hours_at(situation, levers)
        ratio = np.divide(coming, usual, out=np.ones_like(usual), where=usual > 0.0)
        low, high = ([self.values[f"{who}_{end}"] for who in HOURS] for end in ("min", "max"))
        return np.asarray(np.clip(ratio, low, high))

    def decide_hospital(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's lever of planned admissions for the coming quarter: part of the way to the best.

        The hospital is as altruistic as practices are on average, and too large for an income effect.
        """
        return self._decide_of_hospital("elective", now, gain_eur, cost_eur)

    def best_elective(self, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's best lever of planned admissions, ``1 + gain / (altruism k)`` within its limits."""
        return self._best_of_hospital("elective", gain_eur, cost_eur)

    def decide_stay(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's lever of length of stay for the coming quarter, as for planned admissions."""
        return self._decide_of_hospital("stay", now, gain_eur, cost_eur)

    def best_stay(self, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's best length of stay, a ratio to base, within its limits."""
        return self._best_of_hospital("stay", gain_eur, cost_eur)

    def decide_follow_up(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's lever of follow-up visits for the coming quarter, as for planned admissions."""
        return self._decide_of_hospital("follow_up", now, gain_eur, cost_eur)

    def best_follow_up(self, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's best number of follow-up visits, a ratio to base, within its limits."""
        return self._best_of_hospital("follow_up", gain_eur, cost_eur)

    def decide_coding(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's lever of coding for the coming quarter, as for planned admissions."""
        return self._decide_of_hospital("hospital_coding", now, gain_eur, cost_eur)

    def best_coding(self, gain_eur: float, cost_eur: float) -> float:
        """Return one and the share of admissions that the hospital would code higher, ``1 + gain / k`` in its limits.

        Coding takes no care, so `cost_eur` does not matter.
        """
        return self._best_of_hospital("hospital_coding", gain_eur, cost_eur)

    def _decide_of_hospital(self, lever: str, now: float, gain_eur: float, cost_eur: float) -> float:
        if self.values[_CHANNEL_OF[lever]] != 1.0:
            return 1.0
        return float(now + self.values["speed"] * (self._best_of_hospital(lever, gain_eur, cost_eur) - now))

    def _best_of_hospital(self, lever: str, gain_eur: float, cost_eur: float) -> float:
        v = self.values
        if gain_eur == 0.0:
            return 1.0
        of_patients = max(v["altruism_mean"], v["altruism_min"]) * cost_eur
        slope = v[f"{lever}_curvature"] * (1.0 if lever == "hospital_coding" else of_patients)
        return float(np.clip(1.0 + gain_eur / slope, v[f"{lever}_min"], v[f"{lever}_max"]))

    def decide_lists(self, now: Lists, situation: Situation, at_base: PatientMargins) -> Lists:
        """Return whom practices accept and keep in the coming year, and when they close their lists.

        Parameters
        ----------
        now
            What they do now.
        at_base
            What a person-year brought and took under `current` in the base year.
        """
        share = 1.0 - (1.0 - situation.traits.speed) ** PERIODS_PER_YEAR
        moved, usual = now.towards(self.best_lists(situation, at_base), share), Lists.usual(len(now.size))
        is_open = {lever: self.values[f"{lever}_response"] == 1.0 for lever in LIST_LEVERS}
        return Lists(
            moved.accept if is_open["acceptance"] else usual.accept,
            moved.keep if is_open["retention"] else usual.keep,
            moved.size if is_open["list_size"] else usual.size,
        )

    def best_lists(self, situation: Situation, at_base: PatientMargins) -> Lists:
        """Return whom practices would accept and keep in the end, and when they would close their lists."""
        v, now = self.values, patient_margins(situation)
        utility, wage_now, wage = self._weights(situation, income_eur(situation))

        def value(margins: PatientMargins, utility: Floats, wage: Floats) -> Floats:
            money = utility[:, None] * (margins.revenue_eur - margins.cost_eur)
            return np.asarray(money - wage[:, None] * margins.hours)

        gain = value(now, utility, wage_now) - value(at_base, np.ones_like(wage), wage)
        known = (now.years > 0.0) & (at_base.years > 0.0)
        lived = now.years * known
        whole = lived.sum(axis=1)
        mean = np.divide((gain * lived).sum(axis=1), whole, out=np.zeros_like(whole), where=whole > 0.0)
        relative = np.where(known, v["segment_weight"] * (gain - mean[:, None]), 0.0)
        care = at_base.care_eur(situation.wages.gp_eur)
        per_unit = situation.traits.altruism * np.where(care > 0.0, care, 1.0)

        def moved(gain: Floats, lever: str, most: float) -> Floats:
            slope = per_unit * v[f"{lever}_curvature"]
            ratio = 1.0 + gain / (slope if gain.ndim == 1 else slope[:, None])
            return np.asarray(np.clip(ratio, v[f"{lever}_min"], most))

        return Lists(
            moved(relative, "acceptance", 1.0),
            moved(relative, "retention", 1.0),
            moved(mean, "list_size", v["list_size_max"]),
        )

    def _best_response(self, situation: Situation, now: Margins) -> Floats:
        return self._levers(situation, now, income_eur(situation))

    def _levers(self, situation: Situation, now: Margins, income: Floats) -> Floats:
        """Return the best levers when marginal utility is that of an income ``[practice]``."""
        anchor = self._anchor(situation)
        utility, wage_now, wage = self._weights(situation, income)
        at_base = self._value_per_unit(anchor.margins, np.ones_like(wage), wage)
        gain = self._for_kinds(self._value_per_unit(now, utility, wage_now) - at_base, now)
        slope = self._slope_eur(situation)
        target = np.clip(situation.base_levers + self._moves(gain, slope), *self._limits())
        fixed = ~(now.movable & anchor.margins.movable) | ~self._open()
        return np.where(fixed, situation.base_levers, target)

    def _for_kinds(self, gain: Floats, now: Margins) -> Floats:
        """Return gains per unit as practices act on them, which tell kinds of patients apart more or less."""
        weight = self.values["segment_weight"]
        if weight == 1.0:
            return gain
        units = now.units.sum(axis=1, keepdims=True)
        mean = np.divide(
            (gain * now.units).sum(axis=1, keepdims=True), units, out=np.zeros_like(units), where=units > 0.0
        )
        return np.asarray(weight * gain + (1.0 - weight) * mean)

    def _anchor(self, situation: Situation) -> Anchor:
        if situation.anchor is None:
            raise ModelError(f"{self.name}: the situation has no anchor, so there is no base to respond from")
        return situation.anchor

    def _weights(self, situation: Situation, income: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the marginal utility of an income, the shadow wage now and at base, ``[practice]`` each."""
        base_income, base_hours, wage = self._base(situation, self._anchor(situation))
        income = np.maximum(income, self.values["income_floor"] * base_income)
        utility = (income / base_income) ** -self.values[self.income_curvature]
        longer = working_hours(situation) / base_hours
        return utility, wage * longer ** (1.0 / self.values["hours_elasticity"]), wage

    def _moves(self, gain: Floats, slope: Floats) -> Floats:
        """Return how far levers are moved from base by a gain per unit, of which `slope` is lost per unit moved."""
        return gain / slope

    def _value_per_unit(self, margins: Margins, utility: Floats, wage: Floats) -> Floats:
        """Return u' (revenue - cost) - psi' hours per unit, ``[practice, condition, lever]``."""
        money = utility[:, None, None] * (margins.revenue_eur - margins.cost_eur)
        return margins.per_unit(money - wage[:, None, None] * margins.hours)

    def _within_hours(self, situation: Situation, step: Floats) -> Floats:
        """Scale down what is handed to nurses to the hours that they can have, and further visits to those of GPs."""
        if not (step[:, :, [lever for lever, _ in _HELD_BY_HOURS]] > 0.0).any():
            return step
        most, by_staff = self.hours_at_most(situation), marginal(situation).staff_hours
        for lever, staff in _HELD_BY_HOURS:
            further = np.zeros_like(step)
            further[:, :, lever] = np.maximum(step[:, :, lever], 0.0)
            expected = self._hours_at(situation, situation.levers + step - further)[:, staff]
            wanted = (by_staff[..., staff] * further[..., None]).sum(axis=(1, 2))
            room = np.maximum(most[:, staff] - expected, 0.0)
            share = np.divide(room, wanted, out=np.ones_like(room), where=wanted > 0.0)
            step = step - further * (1.0 - np.minimum(share.min(axis=1), 1.0))[:, None, None]
        return np.asarray(step)

    def hours_at_most(self, situation: Situation) -> Floats:
        """Return the hours in the book a year ``[practice, 3]`` up to which practices plan visits, and delegation.

        Where hours follow, a book that is as full as usual in the longest hours: a visit that a patient asks for pays
        the same, so practices do not plan others in its place. Where hours are fixed these are all that GPs have, and
        nurses' are not looked at.
        """
        if self.values[HOURS_CHANNEL] != 1.0:
            nurses = np.full((len(situation.levers), len(HOURS) - 1), np.inf)
            return np.column_stack([situation.gp_hours_capacity, nurses])
        longest = [self.values[f"{who}_max"] for who in HOURS]
        return np.asarray(longest * self._hours_at(situation, situation.base_levers))

    def _hours_at(self, situation: Situation, levers: Floats) -> Floats:
        """Return the hours in the book ``[practice, 3]`` that the year looked at would have taken at levers."""
        observed = situation.levers if situation.activity_levers is None else situation.activity_levers
        by_staff = marginal(situation).staff_hours * (levers - observed)[..., None]
        return np.asarray(staff_hours(situation) + by_staff[:, :, _IN_THE_BOOK].sum(axis=(1, 2)))

    def _base(self, situation: Situation, anchor: Anchor) -> tuple[Floats, Floats, Floats]:
        """Return income, hours and the shadow wage at base, ``[practice]`` each, all above zero."""
        hours = np.where(anchor.hours > 0.0, anchor.hours, 1.0)
        norm = situation.wages.gp_eur * hours
        income = np.maximum(anchor.income_eur, self.values["income_floor"] * norm)
        return income, hours, self.values["omega_ratio"] * income / hours

    def _slope_eur(self, situation: Situation) -> Floats:
        """Return ``[practice, 1, lever]`` what a unit more of a lever costs in perceived benefit per unit moved.

        Recording is no matter of benefit to patients: what stands against it is effort and risk of one's own.
        """
        slope = situation.traits.altruism[:, None] * self._curvature_eur(situation)
        slope[:, CODING] = self.values[_CODING]
        return np.asarray(slope[:, None, :])

    def _curvature_eur(self, situation: Situation) -> Floats:
        """Return ``[lever]`` euro per unit that double a lever at an altruism of one."""
        services = situation.services
        cost = services.resource_cost(situation.wages)
        found = np.full(len(LEVERS), self.values[_CODING])
        for lever, (name, service) in _CURVATURES.items():
            found[LEVERS.index(lever)] = self.values[name] * cost[services.index(service)]
        return found

    def _limits(self) -> tuple[Floats, Floats]:
        lower = np.array([self.values[f"{lever}_min"] for lever in LEVERS])
        return lower, np.array([self.values[f"{lever}_max"] for lever in LEVERS])

    def _open(self) -> NDArray[np.bool_]:
        """Return ``[lever]`` whether the channel is on."""
        return np.array([self.values[f"{lever}_response"] == 1.0 for lever in LEVERS])


_RULES: dict[str, Callable[[float], bool]] = {
    "0 or 1": lambda x: x in (0.0, 1.0),
    "a number above 0": lambda x: x > 0.0,
    "a number above 0, at most 1": lambda x: 0.0 < x <= 1.0,
    "a number from 1 up": lambda x: x >= 1.0,
    "a number from 0 to 1": lambda x: 0.0 <= x <= 1.0,
    "a number from 0 up": lambda x: x >= 0.0,
}


def _faults(values: Mapping[str, float]) -> list[Problem]:
    rules = dict.fromkeys(CHANNELS, "0 or 1") | dict.fromkeys(_ABOVE_ZERO, "a number above 0")
    limited = (*LEVERS, *LIST_LEVERS, *HOURS, *_CHANNEL_OF)
    rules |= dict.fromkeys((f"{lever}_min" for lever in limited), "a number above 0, at most 1")
    rules |= dict.fromkeys((f"{lever}_max" for lever in limited), "a number from 1 up")
    rules |= dict.fromkeys(("speed", "segment_weight"), "a number from 0 to 1")
    faults = []
    for name, value in values.items():
        rule = rules.get(name, "a number from 0 up")
        if not (math.isfinite(value) and _RULES[rule](value)):
            faults.append(Problem("has a value it cannot have", key=name, found=f"{value:g}", allowed=(rule,)))
    return faults
