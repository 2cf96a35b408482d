"""What the verdict says of an arm beyond the comparison of measures: the levers that move most, and who goes broke."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paysim.analysis.measures import MARGIN_PER_GP, by_arm, horizon
from paysim.analysis.money import shortages
from paysim.errors import InputError
from paysim.report import caveats, tables
from paysim.report.wording import number, percent

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run

ACTS = {
    "visit_intensity": "visits that practices plan themselves",
    "referral": "referrals",
    "prevention": "prevention",
    "delegation": "delegation to nurses",
    "coding": "recording of diagnoses",
}
"""Levers of practices whose movement the verdict names, in words; any other one by its own name."""

OF_HOSPITAL = {
    "elective_admission": "planned admissions",
    "length_of_stay": "length of stay",
    "specialist_follow_up": "follow-up visits of clinics",
    "hospital_coding": "admissions coded a group of severity higher",
}
"""Levers of the hospital, in words."""

_LEVER = "lever_"
_WORTH_TELLING = 0.05  # share by which a lever or a margin must move to be named
_MOST = 2


def findings(run: Run, baseline: str) -> dict[str, list[str]]:
    """Return sentences on each arm against another one: levers and margin that moved most, and empty purses."""
    frames = {arm: frame.mean() for arm, frame in by_arm(horizon(run.wide("all"))).items()}
    base, small = frames.pop(baseline), caveats.is_small(run)
    said = {}
    for arm, frame in frames.items():
        margin = "" if small else _margin(frame, base)
        said[arm] = [each for each in (*_levers(run, arm, frame, base), margin, *_broke(run, arm)) if each]
    return said


def _levers(run: Run, arm: str, here: pd.Series[float], there: pd.Series[float]) -> list[str]:
    """Return the levers of practices and of the hospital that moved most, and why: what one more unit earns a practice."""
    moved = {
        name.removeprefix(_LEVER): here[name] / there[name] - 1.0
        for name in here.index
        if name.startswith(_LEVER) and there[name] > 0.0
    }
    told = sorted((name for name in moved if abs(moved[name]) >= _WORTH_TELLING), key=lambda name: -abs(moved[name]))
    words = {**ACTS, **OF_HOSPITAL}
    said = {
        name: f"{words.get(name, name.replace('_', ' '))} {percent(float(moved[name]))}{_because(run, arm, name)}"
        for name in told
    }
    practices = [text for name, text in said.items() if name not in OF_HOSPITAL][:_MOST]
    hospital = [text for name, text in said.items() if name in OF_HOSPITAL][:_MOST]
    by_whom = {"practices change": practices, "the hospital changes": hospital}
    return [f"What {who} most: {'; '.join(texts)}." for who, texts in by_whom.items() if texts]


def _because(run: Run, arm: str, lever: str) -> str:
    """Return what one more unit earns a practice, mean over kinds of patients, and under current payment."""
    table = tables.incentives(run)
    mine = table[(table["arm"] == arm) & (table["lever"] == lever)]
    if mine.empty:
        return ""
    now, before = (float(mine[name].mean()) for name in ("margin_eur", "margin_under_current_eur"))
    one, today = (f"EUR {number(each, signed=True) or '0'}" for each in (now, before))
    return f" (one more unit: {one} for the practice, {today} under current payment)"


def _margin(here: pd.Series[float], there: pd.Series[float]) -> str:
    if MARGIN_PER_GP not in here.index or not there[MARGIN_PER_GP]:
        return ""
    change = float(here[MARGIN_PER_GP] - there[MARGIN_PER_GP])
    share = change / abs(float(there[MARGIN_PER_GP]))
    if abs(share) < _WORTH_TELLING:
        return ""
    return f"Margin per full-time GP: EUR {number(change, signed=True)} a year ({percent(share)})."


def _broke(run: Run, arm: str) -> list[str]:
    try:
        found = shortages(run, arm)
    except InputError:  # organisations of the country do not name an actor of the run, or its ledger is not there
        return []
    return [
        f"{each.title}: insolvent in {each.quarters} of {each.of} quarters, first in quarter {each.first}, with a "
        f"reserve of EUR {number(each.reserve_eur_per_person)} a head; at worst EUR "
        f"{number(-each.least_eur_per_person)} a head is missing."
        for each in found
    ]
