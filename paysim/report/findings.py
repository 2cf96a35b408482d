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

HOSPITAL_ACTS = {
    "elective_admission": "planned admissions",
    "length_of_stay": "length of stay",
    "specialist_follow_up": "follow-up visits of its clinics",
}
"""Levers of the hospital, but for coding, whose size is the share of admissions coded higher."""

_LEVER = "lever_"
_CODING, _PAID_FOR_CODING, _SEVERITY = "lever_hospital_coding", "case_mix_coded_over_true", "case_mix_true"
_WORTH_TELLING = 0.05  # share by which a lever or a margin must move to be named
_WORTH_TELLING_OF_A_HOSPITAL = 0.01  # it is half of all spending
_WORTH_TELLING_SHARE = 0.001
_MOST = 2


def findings(run: Run, baseline: str) -> dict[str, list[str]]:
    """Return sentences on each arm against another one: levers and margin that moved most, and empty purses."""
    base, frames = _means(run, baseline)
    small = caveats.is_small(run)
    said = {}
    for arm, frame in frames.items():
        margin = "" if small else _margin(frame, base)
        moved = (_levers(run, arm, baseline, frame, base), _hospital(frame, base), _severity(frame, base))
        said[arm] = [each for each in (*moved, margin, *_broke(run, arm)) if each]
    return said


def changes(run: Run, baseline: str) -> dict[str, dict[str, float]]:
    """Return by how much of it practices change what they change most, and the hospital what it decides, in each arm.

    Acts as in `ACTS` and `HOSPITAL_ACTS`; coding by the hospital has a size of its own and is not among them.
    """
    there, frames = _means(run, baseline)
    return {
        arm: {act_of(name): change for name, change in (_of_practices(here, there) | _of_hospital(here, there)).items()}
        for arm, here in frames.items()
    }


def _means(run: Run, baseline: str) -> tuple[pd.Series[float], dict[str, pd.Series[float]]]:
    """Return means over replicates of the whole horizon, of the arm compared with and of each other arm."""
    frames = {arm: frame.mean() for arm, frame in by_arm(horizon(run.wide("all"))).items()}
    return frames.pop(baseline), frames


def act_of(lever: str) -> str:
    """Return a lever in words."""
    return {**ACTS, **HOSPITAL_ACTS}.get(lever, lever.replace("_", " "))


def _of_practices(here: pd.Series[float], there: pd.Series[float]) -> dict[str, float]:
    """Return the levers of practices that moved most, and by what share."""
    moved = {
        name.removeprefix(_LEVER): float(here[name] / there[name] - 1.0)
        for name in here.index
        if name.startswith(_LEVER) and there[name] > 0.0
    }
    moved = {name: moved[name] for name in moved if name not in HOSPITAL_ACTS and _LEVER + name != _CODING}
    told = sorted((name for name in moved if abs(moved[name]) >= _WORTH_TELLING), key=lambda name: -abs(moved[name]))
    return {name: moved[name] for name in told[:_MOST]}


def _of_hospital(here: pd.Series[float], there: pd.Series[float]) -> dict[str, float]:
    """Return the levers of the hospital that moved, but for coding, and by what share."""
    known = [name for name in HOSPITAL_ACTS if _LEVER + name in here.index and there[_LEVER + name] > 0.0]
    moved = {name: float(here[_LEVER + name] / there[_LEVER + name] - 1.0) for name in known}
    return {name: change for name, change in moved.items() if abs(change) >= _WORTH_TELLING_OF_A_HOSPITAL}


def _levers(run: Run, arm: str, baseline: str, here: pd.Series[float], there: pd.Series[float]) -> str:
    """Return the levers of practices that moved most, and what one more unit earns a practice, which is why."""
    texts = [
        f"{act_of(name)} {percent(change)}{_because(run, arm, baseline, name)}"
        for name, change in _of_practices(here, there).items()
    ]
    return f"What practices change most: {'; '.join(texts)}." if texts else ""


def _because(run: Run, arm: str, baseline: str, lever: str) -> str:
    """Return what one more unit earns a practice, mean over kinds of patients, and in the arm compared with."""
    table = tables.incentives(run)
    table = table[table["lever"] == lever]
    mine, other = (table[table["arm"] == name] for name in (arm, baseline))
    if mine.empty or other.empty:
        return ""
    if baseline == run.current:
        before, where = mine["margin_under_current_eur"], "under current payment"
    else:
        before, where = other["margin_eur"], f"under {run.titles[baseline]}"
    one, then = (f"EUR {number(float(each.mean()), signed=True) or '0'}" for each in (mine["margin_eur"], before))
    return f" (one more unit: {one} for the practice, {then} {where})"


def _hospital(here: pd.Series[float], there: pd.Series[float]) -> str:
    """Return what the hospital does more or less of, and what share of admissions it codes higher than they are."""
    told = [f"{act_of(name)} {percent(change)}" for name, change in _of_hospital(here, there).items()]
    if _CODING in here.index and abs(here[_CODING] - there[_CODING]) >= _WORTH_TELLING_OF_A_HOSPITAL:
        now, then = (float(each[_CODING] - 1.0) for each in (here, there))
        about = [f"{_share(then)} in the arm compared with"] if then > 0.0 else []
        if _PAID_FOR_CODING in here.index:
            about.append(f"for which admissions are paid {_share(float(here[_PAID_FOR_CODING] - 1.0))} more")
        text = f"{_share(now)} of admissions coded a group of severity higher than they are"
        told.append(", ".join((text, *about)))
    return f"What the hospital changes: {'; '.join(told)}." if told else ""


def _severity(here: pd.Series[float], there: pd.Series[float]) -> str:
    """Return what true severity moves payment for admissions, where the arm compared with does not look at it."""
    if _SEVERITY not in here.index or there[_SEVERITY] != 1.0 or abs(here[_SEVERITY] - 1.0) < _WORTH_TELLING_SHARE:
        return ""
    change = float(here[_SEVERITY] - 1.0)
    than = "more" if change > 0.0 else "less"
    return f"By true severity admissions are paid {_share(abs(change))} {than} than in the base years."


def _share(value: float) -> str:
    return (percent(value) or "0%").lstrip("+")


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
