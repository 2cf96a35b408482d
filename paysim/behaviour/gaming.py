"""Gaming audit: what a contract would pay for, though it helps nobody.

The practices of one half of the region deviate a little in one way, on their real activity of a year; the contracts are
asked what they would pay before and after, as for the incentive map, with chance. So a contract that somebody has just
written is audited without further code. A deviation changes what is billed, on record or in a window, or what is
really done; its cost is that of what is really done. The other half tells what comes of money that all share.

Harm is what others lose by it: what payers pay more (for nothing, or elsewhere), what organisations at risk lose,
and the care that patients do not get, at its resource cost. Who has to look for another practice gets care there.
Nobody is said to do any of this: it is what would pay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.segments import AGE_BAND_NAMES, SEGMENT_AGE_BAND, SEGMENT_CONDITION, SEGMENT_DEPRIVED
from paysim.behaviour.hospital import FOLLOW_UP, HOSPITAL, coded_higher
from paysim.behaviour.incentives import PEOPLE, care_cost_per_unit, expected_revenue_eur
from paysim.behaviour.response import CONTACTS, DELIVERED, GP_CONTACTS, REFERRALS
from paysim.behaviour.situation import Floats, Situation
from paysim.contracts.settlement import LINES, LONG_TERM_CARE, PAYERS, settle
from paysim.kernel.records import CONDITIONS as CONDITION_TITLES

SHARE = 0.1
"""A deviation is of a tenth of what it concerns, so that they can be compared."""

Segments = NDArray[np.bool_]

PRACTICES = "practices"
KINDS = ("choosing patients", "upcoding", "timing", "splitting", "stinting", "shifting")

COLUMNS = (
    *("arm", "actor", "kind", "deviation", "gain_eur", "gain_under_current_eur", "harm_eur", "harm_payers_eur"),
    *("harm_organisations_eur", "harm_patients_eur", "profitable", "opened"),
)


@dataclass(frozen=True, eq=False)
class Deviated:
    """What a deviation makes of a year.

    Attributes
    ----------
    activity
        As the contracts see it.
    work
        ``[practice, service]`` change of what is really done.
    lost
        ``[practice, service]`` care that patients do not get.
    """

    activity: Activity
    work: Floats
    lost: Floats


@dataclass(frozen=True)
class Deviation:
    """A way to gain by what helps nobody.

    Attributes
    ----------
    actor
        Who deviates: practices or the hospital.
    what
        In words, after "by".
    move
        From the situation, the year, and the share by which each practice's people are concerned ``[practice]``.
    moves_people
        Whether what leaves one list comes to the others.
    """

    kind: str
    what: str
    move: Callable[[Situation, Activity, Floats], Deviated]
    actor: str = PRACTICES
    moves_people: bool = False


def deviations() -> tuple[Deviation, ...]:
    """Return every deviation that is tried."""
    return (*_choosing(), *_upcoding(), *_timing(), *_splitting(), *_stinting(), *_shifting())


def audit(situation: Situation, arm: str, current: Situation | None = None) -> list[dict[str, Any]]:
    """Return a row for each deviation under the contracts of an arm, those that pay most first.

    Parameters
    ----------
    situation
        Contracts of the arm on the activity of a base year.
    current
        The same under the current contracts, to tell what the arm opens.

    Returns
    -------
    list of dict
        Keys `COLUMNS`; euros a year and practice that deviates (for the hospital: in all).
    """
    today = {} if current is None else {each.what: _reckoned(current, each)[0] for each in deviations()}
    rows = []
    for each in deviations():
        gain, payers, organisations, patients = _reckoned(situation, each)
        before = today.get(each.what)
        rows.append(
            {
                "arm": arm,
                "actor": each.actor,
                "kind": each.kind,
                "deviation": each.what,
                "gain_eur": gain,
                "gain_under_current_eur": before,
                "harm_eur": max(payers, 0.0) + max(organisations, 0.0) + patients,
                "harm_payers_eur": payers,
                "harm_organisations_eur": organisations,
                "harm_patients_eur": patients,
                "profitable": gain > _LEAST_EUR,
                "opened": gain > _LEAST_EUR and (before is None or gain > before + _LEAST_EUR),
            }
        )
    return sorted(rows, key=lambda row: -row["gain_eur"])


_LEAST_EUR = 1.0


def audit_sentence(row: dict[str, Any]) -> str:
    """Return a row of the audit as one sentence."""
    who = "the hospital" if row["actor"] == HOSPITAL else "a practice"
    gain, before = row["gain_eur"], row["gain_under_current_eur"]
    today = "" if before is None or math.isnan(before) else f" (today {_would(before)})"
    losers = {
        "harm_payers_eur": "payers pay {:,.0f} euro more",
        "harm_organisations_eur": "organisations at risk lose {:,.0f} euro",
        "harm_patients_eur": "patients lose care worth {:,.0f} euro",
    }
    harm = [text.format(row[name]) for name, text in losers.items() if row[name] > _LEAST_EUR]
    told = " and ".join(harm) or "nobody else loses money or care at once"
    return f"Under {row['arm']} {who} would {_would(gain)} a year by {row['deviation']}{today}: {told}."


def _would(gain: float) -> str:
    if abs(gain) < _LEAST_EUR:
        return "gain nothing"
    return f"gain {gain:,.0f} euro" if gain > 0.0 else f"lose {-gain:,.0f} euro"


def _reckoned(situation: Situation, deviation: Deviation) -> tuple[float, float, float, float]:
    """Return gain, and harm to payers, organisations and patients, in euro a year and practice that deviates."""
    activity = situation.activity if situation.activity.years == 1.0 else situation.activity.annualised()
    activity = activity.unpaid()
    practices = len(activity.practice_names)
    whole = deviation.actor == HOSPITAL
    deviates = np.ones(practices) if whole else _half(activity)
    moved = deviation.move(situation, activity, SHARE * deviates)
    before, after = activity, moved.activity
    if whole:
        revenue = _paid_to(situation, after, HOSPITAL) - _paid_to(situation, before, HOSPITAL)
        cost = float((moved.work @ situation.services.resource_cost(situation.wages)).sum())
        number = 1.0
    else:
        change = (expected_revenue_eur(situation, after) - expected_revenue_eur(situation, before)).sum(axis=1)
        lived, others = activity.person_years.sum(axis=1), 1.0 - deviates
        shared = 0.0
        if not deviation.moves_people and lived @ others > 0.0:  # what comes of money that all share, a head
            shared = float(change @ others) / float(lived @ others)
        revenue = float((change - shared * lived) @ deviates)
        cost = float((moved.work @ care_cost_per_unit(situation)) @ deviates)
        number = float(deviates.sum())
    harm = [_left(situation, after, actors) - _left(situation, before, actors) for actors in (_is_payer, _is_other)]
    patients = float((moved.lost @ situation.services.resource_cost(situation.wages)).sum())
    return (revenue - cost) / number, harm[0] / number, harm[1] / number, patients / number


def _half(activity: Activity) -> Floats:
    """Return ``[practice]`` 1 for about half of the lists, 0 for the others, whatever their order."""
    lists = activity.person_years.sum(axis=1)
    order = sorted(range(len(lists)), key=lambda k: (-lists[k], activity.practice_names[k]))
    chosen = np.zeros(len(lists))
    chosen[order[::2]] = 1.0
    return chosen


def _bills(situation: Situation, activity: Activity) -> Iterator[tuple[str, str, float]]:
    for bill in settle(situation.contracts, Book(activity, situation.year, situation.past)).bills:
        yield bill.contract.payer, bill.payment.payee, float(bill.payment.euros.sum())


def _paid_to(situation: Situation, activity: Activity, actor: str) -> float:
    return sum((euros for _, payee, euros in _bills(situation, activity) if payee == actor), 0.0)


def _left(situation: Situation, activity: Activity, are_meant: Callable[[str], bool]) -> float:
    """Return what leaves some actors together, less what comes in to them."""
    found = 0.0
    for payer, payee, euros in _bills(situation, activity):
        found += euros * (are_meant(payer) - are_meant(payee))
    return found


def _is_payer(actor: str) -> bool:
    return actor in PAYERS


def _is_other(actor: str) -> bool:
    """Tell organisations, which pass money on, from who brings it in and who delivers care."""
    return actor not in (*PAYERS, *LINES, LONG_TERM_CARE, PRACTICES)


# --- The deviations ---------------------------------------------------------------------------------------------------


def _nothing(activity: Activity) -> Floats:
    return np.zeros((len(activity.practice_names), len(activity.service_names)))


def _choosing() -> Iterator[Deviation]:
    groups: dict[str, Segments] = {
        f"of {band} {PEOPLE[title]}": np.logical_and(band_at == SEGMENT_AGE_BAND, condition == SEGMENT_CONDITION)
        for band_at, band in enumerate(AGE_BAND_NAMES)
        for condition, title in enumerate(CONDITION_TITLES)
    }
    groups["of deprived areas"] = SEGMENT_DEPRIVED == 1
    for name, who in groups.items():
        for fewer, sign in (("fewer", 1.0), ("more", -1.0)):
            what = f"having a tenth {fewer} patients {name}, at the same length of list"
            yield Deviation("choosing patients", what, _choose(who, sign), moves_people=True)

    for shorter, sign in (("shorter", 1.0), ("longer", -1.0)):
        what = f"having a list a tenth {shorter}, of the same kinds of patients"
        yield Deviation("choosing patients", what, _take(sign), moves_people=True)


def _take(sign: float) -> Callable[[Situation, Activity, Floats], Deviated]:
    """Return a move of a part of every kind of patient from the lists that deviate to the others."""

    def move(situation: Situation, activity: Activity, share: Floats) -> Deviated:
        stays = (share == 0.0)[:, None]

        def moved(values: Floats) -> Floats:
            axes = (slice(None), slice(None), *[None] * (values.ndim - 2))
            there = values * stays[axes]
            total = there.sum(axis=0, keepdims=True)
            gone = values * (sign * share)[:, None][axes] * (total > 0.0)  # of what others have none, none moves
            spread = np.divide(there, total, out=np.zeros_like(there), where=total > 0.0)
            return np.asarray(values - gone + spread * gone.sum(axis=0, keepdims=True))

        services = moved(activity.services)
        changed = replace(
            activity,
            services=services,
            person_years=moved(activity.person_years),
            programme_years=moved(activity.programme_years),
            coded_years=None if activity.coded_years is None else moved(activity.coded_years),
        )
        work = (services - activity.services).sum(axis=1)
        return Deviated(changed, work, _nothing(activity))

    return move


def _choose(who: Segments, sign: float) -> Callable[[Situation, Activity, Floats], Deviated]:
    """Return a move of a group from the lists that deviate to the others, and of as many others of any kind back."""

    def move(situation: Situation, activity: Activity, share: Floats) -> Deviated:
        deviates = share > 0.0
        lived = activity.person_years
        elsewhere = lived[~deviates].sum(axis=0) > 0.0  # who is on no other list can neither go there nor come
        leaving = np.outer(share, who & elsewhere) * sign  # [practice, segment] part of the segment
        number = (lived * leaving).sum(axis=1)
        others = float(lived[~deviates].sum())
        back = float(number.sum()) / others if others > 0.0 else 0.0
        taken = np.divide(number, number.sum(), out=np.zeros_like(number), where=number.sum() != 0.0)

        def moved(values: Floats) -> Floats:
            axes = (slice(None), slice(None), *[None] * (values.ndim - 2))
            one, rows = taken[axes[:1] + (None,) * (values.ndim - 1)], np.outer(~deviates, np.ones_like(who))[axes]
            there = values * np.outer(~deviates, who)[axes]
            total = there.sum(axis=0, keepdims=True)
            gone = values * leaving[axes] * (total > 0.0)
            spread = np.divide(there, total, out=np.zeros_like(there), where=total > 0.0)
            come = values * rows * back
            return np.asarray(
                values - gone + spread * gone.sum(axis=0, keepdims=True) - come + one * come.sum(axis=0, keepdims=True)
            )

        services = moved(activity.services)
        changed = replace(
            activity,
            services=services,
            person_years=moved(lived),
            programme_years=moved(activity.programme_years),
            coded_years=None if activity.coded_years is None else moved(activity.coded_years),
        )
        work = (services - activity.services).sum(axis=1)
        return Deviated(changed, work, _nothing(activity))

    return move


def _upcoding() -> Iterator[Deviation]:
    def record(situation: Situation, activity: Activity, share: Floats) -> Deviated:
        coded = None if activity.coded_years is None else activity.coded_years * (1.0 + share[:, None])
        return Deviated(replace(activity, coded_years=coded), _nothing(activity), _nothing(activity))

    def enrol(situation: Situation, activity: Activity, share: Floats) -> Deviated:
        room = np.maximum(activity.person_years - activity.programme_years, 0.0) * (SEGMENT_CONDITION > 0)
        enrolled = activity.programme_years + np.minimum(share[:, None] * activity.programme_years, room)
        return Deviated(replace(activity, programme_years=enrolled), _nothing(activity), _nothing(activity))

    def report(situation: Situation, activity: Activity, share: Floats) -> Deviated:
        indicators = dict(activity.indicators)
        for name in DELIVERED:
            if name in indicators:
                above, below = indicators[name].T
                more = above + share * np.maximum(below - above, 0.0)
                indicators[name] = np.stack([more, below], axis=1)
        return Deviated(replace(activity, indicators=indicators), _nothing(activity), _nothing(activity))

    yield Deviation("upcoding", "recording a tenth more risk than patients have", record)
    yield Deviation("upcoding", "enrolling a tenth more in programmes without seeing them", enrol)
    yield Deviation("upcoding", "reporting a tenth of those who miss a target as at target", report)
    yield Deviation("upcoding", "billing a tenth of short consultations as long ones", _billed("gp_consult", "gp_long"))
    yield Deviation("upcoding", "billing a tenth of calls as consultations", _billed("gp_phone", "gp_consult"))
    yield Deviation(
        "upcoding",
        "admitting a tenth of outpatients on paper",
        _billed("specialist_trajectory", "elective_admission"),
        HOSPITAL,
    )
    yield Deviation("upcoding", "coding a tenth of admissions a group of severity higher", _code_higher, HOSPITAL)


def _code_higher(situation: Situation, activity: Activity, share: Floats) -> Deviated:
    return Deviated(coded_higher(activity, float(share.max(initial=0.0))), _nothing(activity), _nothing(activity))


def _billed(done: str, billed: str, units: float = 1.0) -> Callable[[Situation, Activity, Floats], Deviated]:
    """Return a move that bills `units` of one service for each of another that was done."""

    def move(situation: Situation, activity: Activity, share: Floats) -> Deviated:
        services, (k, m) = activity.services.copy(), (situation.services.index(name) for name in (done, billed))
        amount = services[:, :, k] * share[:, None]
        services[:, :, k] -= amount
        services[:, :, m] += amount * units
        return Deviated(replace(activity, services=services), _nothing(activity), _nothing(activity))

    return move


def _timing() -> Iterator[Deviation]:
    def postpone(situation: Situation, activity: Activity, share: Floats) -> Deviated:
        part = float(share.max(initial=0.0))
        episodes = {
            rules: replace(rows, payments=rows.payments * (1.0 - part), total=rows.total * (1.0 - part))
            for rules, rows in activity.episodes.items()
        }
        return Deviated(replace(activity, episodes=episodes), _nothing(activity), _nothing(activity))

    def stay(sign: float) -> Callable[[Situation, Activity, Floats], Deviated]:
        """Return a move of the days of all stays; a day costs the part of an admission that it is of its stay."""

        def move(situation: Situation, activity: Activity, share: Floats) -> Deviated:
            part, stays = sign * float(share.max(initial=0.0)), activity.stays
            if stays is not None:
                stays = replace(stays, days=stays.days * (1.0 + part))
            admitted = np.array([unit == "admission" for unit in situation.services.units])
            work = part * activity.services.sum(axis=1) * admitted
            return Deviated(replace(activity, stays=stays), work, np.maximum(-work, 0.0))

        return move

    yield Deviation("timing", "moving a tenth of care out of the window of an episode", postpone, HOSPITAL)
    yield Deviation("timing", "keeping everybody a tenth longer", stay(1.0), HOSPITAL)
    yield Deviation("timing", "discharging everybody a tenth earlier", stay(-1.0), HOSPITAL)


def _splitting() -> Iterator[Deviation]:
    yield Deviation(
        "splitting", "holding a tenth of consultations in two sittings", _billed("gp_consult", "gp_consult", 2.0)
    )
    yield Deviation(
        "splitting", "holding a tenth of long consultations as two short ones", _billed("gp_long", "gp_consult", 2.0)
    )
    yield Deviation(
        "splitting",
        "discharging and readmitting a tenth of planned admissions",
        _billed("elective_admission", "elective_admission", 2.0),
        HOSPITAL,
    )
    yield Deviation("splitting", "asking patients back to its clinics a tenth more often", _back, HOSPITAL)


def _back(situation: Situation, activity: Activity, share: Floats) -> Deviated:
    k, services, work = situation.services.index(FOLLOW_UP), activity.services.copy(), _nothing(activity)
    services[:, :, k] *= 1.0 + share[:, None]
    work[:, k] = (services - activity.services)[:, :, k].sum(axis=1)
    return Deviated(replace(activity, services=services), work, _nothing(activity))


def _less(names: tuple[str, ...]) -> Callable[[Situation, Activity, Floats], Deviated]:
    def move(situation: Situation, activity: Activity, share: Floats) -> Deviated:
        columns = [situation.services.index(name) for name in names]
        services = activity.services.copy()
        services[:, :, columns] *= 1.0 - share[:, None, None]
        work = (services - activity.services).sum(axis=1)
        return Deviated(replace(activity, services=services), work, -work)

    return move


def _stinting() -> Iterator[Deviation]:
    yield Deviation("stinting", "leaving out a tenth of contacts", _less(CONTACTS))
    yield Deviation("stinting", "leaving out a tenth of planned controls", _less(("chronic_nurse", "chronic_gp")))
    yield Deviation("stinting", "leaving out a tenth of home visits", _less(("gp_visit",)))
    yield Deviation("stinting", "leaving out a tenth of planned admissions", _less(("elective_admission",)), HOSPITAL)
    yield Deviation("stinting", "leaving out a tenth of follow-up visits of clinics", _less((FOLLOW_UP,)), HOSPITAL)


def _shifting() -> Iterator[Deviation]:
    def shifted(to: str, per_contact: float) -> Callable[[Situation, Activity, Floats], Deviated]:
        def move(situation: Situation, activity: Activity, share: Floats) -> Deviated:
            columns, k = [situation.services.index(name) for name in GP_CONTACTS], situation.services.index(to)
            services = activity.services.copy()
            gone = services[:, :, columns] * share[:, None, None]
            services[:, :, columns] -= gone
            work = (services - activity.services).sum(axis=1)
            services[:, :, k] += gone.sum(axis=2) * per_contact
            return Deviated(replace(activity, services=services), work, _nothing(activity))

        return move

    def refer(situation: Situation, activity: Activity, share: Floats) -> Deviated:
        columns = [situation.services.index(name) for name in REFERRALS]
        services, work = activity.services.copy(), _nothing(activity)
        further = services[:, :, columns[0]] * share[:, None]
        services[:, :, columns] *= 1.0 + share[:, None, None]
        minutes = situation.services.minutes[situation.services.index("gp_consult"), 0]
        work[:, situation.services.index("gp_consult")] = (
            -further.sum(axis=1) * situation.terms.referral_minutes_saved / minutes
        )
        return Deviated(replace(activity, services=services), work, _nothing(activity))

    yield Deviation("shifting", "leaving a tenth of contacts to out-of-hours care", shifted("ooh_contact", 1.0))
    yield Deviation("shifting", "referring a tenth more than is needed", refer)


__all__ = ["COLUMNS", "KINDS", "SHARE", "Deviated", "Deviation", "audit", "audit_sentence", "deviations"]
