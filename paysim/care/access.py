"""How a need becomes a contact: its kind, urgency, delegation, referral, patience and book terms.

The kinds of contact are published for the practice as a whole. Nurses take consultations, so the kinds that
remain with the GP at base are the published ones less the delegated consultations::

    kinds with the GP = (published - delegated consultations) / (1 - delegated share)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paysim.care.demand import BaseRates, kept_share
from paysim.care.rates import Floats, Profiles, standard_population
from paysim.errors import DataError, Problem, ScenarioError
from paysim.kernel.records import WEEKS_PER_YEAR
from paysim.parameters import Parameters

CONTACT_TYPES = ("gp_phone", "gp_consult", "gp_long", "gp_visit", "gp_email")
LANES = ("gp_planned", "gp_urgent", "nurse", "mental_nurse")
_LIKE = ("planned", "urgent", "nurse", "nurse")
"""Under which name each lane's patience, horizon and ways out are given: those of both professions of nurses alike."""
ELSEWHERE = ("later", "out_of_hours", "emergency", "dropped")

DELEGATED_FIRST = 0.9
"""Delegated contacts come out of consultations as long as these fill no more than this part of them."""


@dataclass(frozen=True)
class AccessTerms:
    """Probabilities that turn a need into a contact, and a contact into more.

    Attributes
    ----------
    contact_mix
        ``[2, 111, 5]`` probabilities of `CONTACT_TYPES` by sex and age, of contacts that the GP does.
    urgent_share
        ``[111]`` of patients' own needs, of which some are raised because people miss appointments.
    delegable_share
        ``[111]`` of contacts that are not urgent, share that a nurse may do.
    base_delegation
        Share of delegable contacts that nurses do at base.
    chronic_nurse_share
        Share of chronic controls that nurses do at base.
    referral_probability
        ``[111]`` per planned contact with the GP, set so that all contacts give the published number of
        referrals.
    follow_up_referral_multiplier
        Factor on it for contacts on the practice's own initiative.
    nurse_referral_multiplier
        Factor on it for contacts with the nurse.
    mental_share
        ``[111]`` of delegated contacts, share of the nurse for mental health.
    nurse_starts
        Whether nurses start treatment at a control; else GPs do.
    start_quality
        How often treatment is started and stepped up where nurses do it, against GPs.
    missed_share
        ``[3]`` of planned appointments, share to which nobody turns up, by education.
    own_gp_days
        How much longer than for the earliest slot people wait for their own doctor in planned care.
    ed_referral_probability
        Per urgent contact, a visit to the emergency department without admission.
    patience_days
        ``[4]`` mean of the exponential patience with the offered wait, by lane.
    horizon_days
        ``[4]`` furthest slot offered, by lane.
    elsewhere
        ``[4, 4]`` what those who refuse do, by lane: probabilities of `ELSEWHERE`, in the middle education.
    patience_ratio, emergency_ratio
        ``[3]`` ratios to the middle education, of patience and of the share that goes to the emergency department.
    later_days
        Delay before asking again.
    urgent_leaving, planned_leaving
        Share of patients' own needs that the practice is expected to lose at base: closed or full, or too far away.
    """

    contact_mix: Floats
    urgent_share: Floats
    delegable_share: Floats
    base_delegation: float
    chronic_nurse_share: float
    referral_probability: Floats
    nurse_referral_multiplier: float
    follow_up_referral_multiplier: float
    ed_referral_probability: float
    patience_days: Floats
    horizon_days: Floats
    elsewhere: Floats
    later_days: float
    mental_share: Floats
    nurse_starts: bool
    start_quality: float
    missed_share: Floats
    own_gp_days: float
    patience_ratio: Floats
    emergency_ratio: Floats
    urgent_leaving: float
    planned_leaving: float

    @property
    def patience_by_education(self) -> Floats:
        """Mean patience in days ``[3, 4]`` by education and lane."""
        return self.patience_ratio[:, None] * self.patience_days

    @property
    def elsewhere_by_education(self) -> Floats:
        """What those who refuse do ``[3, 4, 4]``: emergency departments see more, out-of-hours care less."""
        shares = np.stack([self.elsewhere] * len(self.emergency_ratio))
        duty, emergency = ELSEWHERE.index("out_of_hours"), ELSEWHERE.index("emergency")
        more = shares[:, :, emergency] * (self.emergency_ratio[:, None] - 1.0)
        more = np.minimum(more, shares[:, :, duty])
        shares[:, :, duty] -= more
        shares[:, :, emergency] += more
        return shares


@dataclass(frozen=True)
class BookTerms:
    """When practices are open and how many hours a week their staff see patients, averaged over the year."""

    weekdays: int
    opens_hour: float
    closes_hour: float
    gp_contact_hours_per_week: float
    nurse_contact_hours_per_week: float
    urgent_capacity_share: float

    @property
    def closed_share(self) -> float:
        """Share of the hours of a week in which practices are closed."""
        return 1.0 - self.weekdays * (self.closes_hour - self.opens_hour) / (7.0 * 24.0)

    def hours_per_weekday(self, gp_fte: float, nurse_fte: float, mental_nurse_fte: float = 0.0) -> Floats:
        """Return a practice's contact hours a weekday ``[4]``, summed over staff, in the order of `LANES`."""
        gp = gp_fte * self.gp_contact_hours_per_week / self.weekdays
        nurses = np.array([nurse_fte, mental_nurse_fte]) * self.nurse_contact_hours_per_week / self.weekdays
        return np.array([gp * (1.0 - self.urgent_capacity_share), gp * self.urgent_capacity_share, *nurses])

    def hours_per_year(self, gp_fte: float, nurse_fte: float, mental_nurse_fte: float = 0.0) -> Floats:
        """Return contact hours of a model year of 52 weeks ``[4]``, in the order of `LANES`."""
        return self.hours_per_weekday(gp_fte, nurse_fte, mental_nurse_fte) * self.weekdays * WEEKS_PER_YEAR


@dataclass(frozen=True)
class PracticeTerms:
    """What sets practices apart, and when they take nobody new.

    Attributes
    ----------
    style_sd
        Spread (standard deviation of the logarithm) between practices, by lever that it moves: visit_intensity,
        referral, prevention.
    closed_share
        Share of practices whose list is closed in the data year: those with most people per full-time GP.
    list_stretch
        Exponent with which the length at which lists close follows the region's people per full-time GP.
    reopening_margin
        How far a list falls below that length before it opens again, share.
    solo_closing_rate, solo_closing_from_year
        Share of practices of one GP that close down in a year, and the calendar year from which on they do.
    """

    style_sd: Mapping[str, float]
    closed_share: float
    list_stretch: float
    reopening_margin: float
    solo_closing_rate: float = 0.0
    solo_closing_from_year: int = 0


@dataclass(frozen=True)
class FeedbackTerms:
    """How practices follow what they see of each other, where an arm has peer feedback.

    Attributes
    ----------
    round_quarters
        Quarters from one round to the next.
    weight
        Share of the distance to the median that a practice goes in a round.
    noise
        Standard deviation of what is seen of a practice, in logarithms, at a list of 1,000 people.
    """

    round_quarters: int
    weight: float
    noise: float


def feedback_terms(params: Parameters) -> FeedbackTerms:
    """Return the terms of peer feedback.

    Raises
    ------
    ScenarioError
        A round takes no whole number of quarters.
    """
    quarters = params["care.feedback_round_quarters"]
    if quarters != int(quarters) or quarters < 1:
        found = Problem("quarters are whole", key="care.feedback_round_quarters", found=f"{quarters:g}")
        raise ScenarioError(replace(found, allowed=("whole numbers from 1",)))
    return FeedbackTerms(int(quarters), params["care.feedback_weight"], params["care.feedback_noise"])


def book_terms(params: Parameters) -> BookTerms:
    """Return the terms of the appointment book."""
    return BookTerms(
        weekdays=round(params["care.weekdays"]),
        opens_hour=params["care.opens_hour"],
        closes_hour=params["care.closes_hour"],
        gp_contact_hours_per_week=params["care.gp_contact_hours_per_week"],
        nurse_contact_hours_per_week=params["care.nurse_contact_hours_per_week"],
        urgent_capacity_share=params["care.urgent_capacity_share"],
    )


def practice_terms(params: Parameters) -> PracticeTerms:
    """Return what sets practices apart."""
    styles = {"visit_intensity": "follow_up", "referral": "referral", "prevention": "prevention"}
    return PracticeTerms(
        style_sd=MappingProxyType({lever: params[f"care.style_{name}_sd"] for lever, name in styles.items()}),
        closed_share=params["care.closed_share"],
        list_stretch=params["care.list_stretch"],
        reopening_margin=params["care.reopening_margin"],
        solo_closing_rate=params["care.solo_closing_rate"],
        solo_closing_from_year=round(params["care.solo_closing_from_year"]),
    )


def share_leaving(book: BookTerms, patience_days: float, hours_per_weekday: float | None = None) -> float:
    """Return the share of needs that will not wait for the next opening, if slots are free when it comes.

    Needs arise evenly over the week and patience is exponential; a need that waits ``w`` leaves with
    probability ``1 - exp(-w / patience)``, and over a closed spell of length ``g`` the mean is
    ``1 - (patience / g) * (1 - exp(-g / patience))``.

    Parameters
    ----------
    hours_per_weekday
        Length of the daily opening; the practice's opening hours when None.
    """
    opening = (book.closes_hour - book.opens_hour if hours_per_weekday is None else hours_per_weekday) / 24.0
    spells = np.array([1.0 - opening] * (book.weekdays - 1) + [8.0 - book.weekdays - opening])
    spells = np.maximum(spells, 1e-9)  # a practice that never closes has spells of no length
    stay = (1.0 - np.exp(-spells / patience_days)) * patience_days / spells
    return float((spells * (1.0 - stay)).sum() / 7.0)


def access_terms(params: Parameters, rates: BaseRates, book: BookTerms) -> AccessTerms:
    """Return the access terms of a country.

    Raises
    ------
    DataError
        If the shares of those who refuse add up to more than one, or the published referrals or emergency
        visits cannot be reached because a probability would have to exceed one.
    """
    profiles = Profiles(params, standard_population(params))
    urgent = profiles.curve("urgent_share") * kept_share(params, profiles)
    delegable = profiles.curve("delegable_share")
    by_age = (profiles.population * rates.gp_contacts).sum(axis=0)
    urgent_part = urgent * ((profiles.population * rates.needs).sum(axis=0) / by_age)
    elsewhere = _elsewhere(params)
    division = _division(params, profiles, by_age, urgent_part, delegable)
    delegated = (1.0 - urgent_part) * delegable * division["base_delegation"]
    return AccessTerms(
        **division,
        urgent_share=urgent,
        delegable_share=delegable,
        referral_probability=_referral(params, profiles, by_age, urgent_part, delegated),
        follow_up_referral_multiplier=params["care.follow_up_referral_multiplier"],
        ed_referral_probability=_ed_referral(params, profiles, rates, urgent, elsewhere[:, 2]),
        patience_days=np.array([params[f"care.patience_{lane}_days"] for lane in _LIKE]),
        horizon_days=np.array([params[f"care.horizon_{lane}_days"] for lane in _LIKE]),
        elsewhere=elsewhere,
        later_days=params["care.later_days"],
        missed_share=params["care.no_show_share"] * _by_education(params, "no_show_ratio"),
        own_gp_days=params["care.own_gp_days"],
        patience_ratio=_by_education(params, "patience_ratio"),
        emergency_ratio=_by_education(params, "emergency_ratio"),
        urgent_leaving=params["care.urgent_leaving_share"],
        planned_leaving=params["care.planned_leaving_share"],
    )


def divided(access: AccessTerms, params: Parameters, rates: BaseRates) -> AccessTerms:
    """Return access terms under other rules of delegation.

    Nurses and GPs divide the same needs anew; what leads to a referral stays as it was levelled.
    """
    profiles = Profiles(params, standard_population(params))
    by_age = (profiles.population * rates.gp_contacts).sum(axis=0)
    urgent_part = access.urgent_share * ((profiles.population * rates.needs).sum(axis=0) / by_age)
    return replace(access, **_division(params, profiles, by_age, urgent_part, access.delegable_share))


def _division(
    params: Parameters, profiles: Profiles, by_age: Floats, urgent_part: Floats, delegable: Floats
) -> dict[str, Any]:
    """Return the terms that rules of delegation set."""
    base = params["delegation.contact_share"] * params["delegation.contact_allowed"]
    delegated = (1.0 - urgent_part) * delegable * base
    mix = _contact_mix(params, profiles, by_age, delegated)
    index, weight = profiles.curve("mental_share"), by_age * (1.0 - urgent_part) * delegable
    mental = params["delegation.mental_contact_share"] * params["delegation.mental_contact_allowed"]
    return {
        "contact_mix": np.stack([mix, mix]),
        "base_delegation": base,
        "mental_share": np.minimum(index * (mental * weight.sum() / (weight @ index)), 1.0),
        "chronic_nurse_share": params["delegation.chronic_control_share"]
        * params["delegation.chronic_control_allowed"],
        "nurse_referral_multiplier": params["delegation.contact_referral_ratio"],
        "nurse_starts": params["delegation.treatment_start_allowed"] > 0.0,
        "start_quality": params["delegation.treatment_start_quality"],
    }


def _by_education(params: Parameters, name: str) -> Floats:
    """Return ratios ``[3]`` of low, middle and high education to the middle."""
    return np.array([params[f"care.{name}_low_education"], 1.0, params[f"care.{name}_high_education"]])


def _elsewhere(params: Parameters) -> Floats:
    ways = ("later", "out_of_hours", "emergency")
    named = [
        [0.0 if f"{like}_{way}" == "urgent_later" else params[f"care.{like}_{way}"] for way in ways] for like in _LIKE
    ]
    rest = [1.0 - sum(row) for row in named]  # urgent needs cannot come later
    if min(rest) < -1e-12:
        raise DataError(Problem("shares of those who refuse an appointment add up to more than one", key="care"))
    return np.array([(*row, max(0.0, left)) for row, left in zip(named, rest, strict=True)])


def published_kinds(params: Parameters, profiles: Profiles, by_age: Floats) -> Floats:
    """Return the kinds of contact ``[111, 5]`` of the practice as a whole: published totals, raked over the ages.

    Parameters
    ----------
    by_age
        Contacts at each age ``[111]``.
    """
    totals = np.array([params[f"care.contacts_{kind.removeprefix('gp_')}"] for kind in CONTACT_TYPES])
    totals /= totals.sum()
    mix = np.stack([profiles.curve(f"mix_{kind}") for kind in CONTACT_TYPES], axis=1) * totals
    for _ in range(200):
        mix /= mix.sum(axis=1, keepdims=True)
        mix *= totals / (by_age @ mix / by_age.sum())
    return np.asarray(mix / mix.sum(axis=1, keepdims=True))


def _contact_mix(params: Parameters, profiles: Profiles, by_age: Floats, delegated: Floats) -> Floats:
    """Return ``[111, 5]``: kinds of contact less what is delegated."""
    mix = published_kinds(params, profiles, by_age)
    consultations = mix * np.array([kind in ("gp_consult", "gp_long") for kind in CONTACT_TYPES])
    available = consultations.sum(axis=1)
    taken = np.minimum(delegated, DELEGATED_FIRST * available)
    left = mix - consultations * (taken / available)[:, None]
    return np.asarray(left / left.sum(axis=1, keepdims=True))


def _referral(params: Parameters, profiles: Profiles, by_age: Floats, urgent_part: Floats, delegated: Floats) -> Floats:
    index = profiles.curve("referral")
    follow_ups = params["care.follow_up_share"] / (1.0 - urgent_part)  # of contacts that are not urgent
    fewer = 1.0 - follow_ups * (1.0 - params["care.follow_up_referral_multiplier"])
    nurse = delegated * params["delegation.contact_referral_ratio"]
    referring = by_age * (1.0 - urgent_part - delegated + nurse) * fewer
    scale = params["care.referral_per_contact"] * by_age.sum() / (referring @ index)
    return _checked(index * scale, "referral_per_contact")


def _ed_referral(params: Parameters, profiles: Profiles, rates: BaseRates, urgent: Floats, refusing: Floats) -> float:
    """Return the share of urgent contacts whom the GP sends to the emergency department.

    The visits that do not come by themselves, less those for want of an appointment: of those who refuse one,
    `refusing` ``[4]`` go there by lane, and more of them by education.
    """
    needs, planned = profiles.mean(rates.needs * urgent), profiles.mean(rates.needs * (1.0 - urgent))
    leaving, waiting = params["care.urgent_leaving_share"], params["care.planned_leaving_share"]
    usual = float(_by_education(params, "emergency_ratio").mean())
    unheld = usual * (needs * leaving * refusing[1] + planned * waiting * refusing[0])
    sent = max(0.0, profiles.mean(rates.ed_by_gp) - unheld)  # none, where more than that come unsent
    return float(_checked(np.array(sent / (needs * (1.0 - leaving))), "ed_visit_rate"))


def _checked(probability: NDArray[np.float64], key: str) -> NDArray[np.float64]:
    if not ((probability >= 0.0) & (probability <= 1.0)).all():
        worst = probability.flat[int(np.abs(probability - 0.5).argmax())]
        raise DataError(
            Problem("needs a probability outside 0 to 1 per contact", key=f"care.{key}", found=f"{worst:.3f}")
        )
    return probability
