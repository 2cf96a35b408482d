"""Recurrent events beside SMART2: the equation at the simulated people, over the years that were observed.

A published mean risk is that of its own cohort, here of referred patients who are younger than all with an earlier
event. So the equation is taken at everybody with one, as they are at the start, and what became of them is counted as
it was derived: a cumulative incidence in which other deaths compete (Fine and Gray), not one in which they censor.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paysim.analysis.observation import FATAL, Observation
from paysim.diseases.risk.smart2 import YEARS, load_smart2, smart2_hazards
from paysim.diseases.vascular_events import EGFR, EGFR_USUAL
from paysim.errors import ModelError
from paysim.kernel.records import TICKS_PER_YEAR
from paysim.parameters import Parameters

LEAST_NON_HDL = 1.0
"""mmol/L; a large fall of LDL since base leaves some people with less than none."""

EVENT, OTHER_DEATH = 1, 2

_USUAL = Parameters.load(Path(__file__).with_suffix(".yaml"), "recurrences")
"""What the equation asks for and nobody in the model has."""


def predicted(seen: Observation, rows: np.ndarray) -> np.ndarray:
    """Return the risk by SMART2 of people at the start over the years observed, ten at the most, ``[k]``.

    Parameters
    ----------
    rows
        Their rows in the first snapshot.

    Raises
    ------
    ModelError
        The observation has no parameters to read the equation from.
    """
    if seen.parameters is None:
        raise ModelError("an observation without the model's parameters has no SMART2")
    start, usual = seen.snapshots[0][rows], _USUAL.group("recurrences")
    people = seen.people[start["person"]]

    def has(*flags: str) -> np.ndarray:
        known = [flag for flag in flags if flag in seen.flags]
        return np.asarray(seen.holds(0, known)[rows] if known else np.zeros(len(rows), bool), float)

    egfr = np.full(len(rows), EGFR_USUAL)
    for stage, value in EGFR.items():
        egfr = np.where(has(stage) > 0, value, egfr)
    hazards = smart2_hazards(
        load_smart2(seen.parameters),
        age=(seen.start - people["birth"]) / TICKS_PER_YEAR,
        male=people["sex"] == 0,
        sbp=start["sbp"],
        diabetes=has("diabetes"),
        years_since_first=usual["years_since_first"],
        nonhdl=np.maximum(start["tc"] - start["hdl"], LEAST_NON_HDL),
        egfr=egfr,
        crp=usual["crp"],
        antithrombotic=has("antiplatelet"),
        smoker=start["smoker"],
        cad=has("prior_mi", "angina"),
        cerebrovascular=has("prior_stroke"),
        pad=has("pad"),
    )
    return np.asarray(-np.expm1(-hazards[: min(seen.years, YEARS)].sum(axis=0)))


def counted(seen: Observation, rows: np.ndarray, processes: tuple[str, ...]) -> tuple[float, float]:
    """Return the cumulative incidence of the first of some events among the same people, and its standard error."""
    person = seen.snapshots[0]["person"][rows]
    when = np.full(len(seen.people), np.iinfo(np.int64).max)
    log = seen.entries(processes)
    np.minimum.at(when, log["person"], log["tick"])
    died = np.zeros(len(seen.people), bool)
    died[seen.entries((), FATAL)["person"]] = True
    until = min(seen.years, YEARS) * TICKS_PER_YEAR
    event = when[person] - seen.start
    gone = seen.people["exit"][person] - seen.start
    kind = np.where(event <= gone, EVENT, np.where(died[person], OTHER_DEATH, 0))
    time = np.minimum(event, gone)
    return cumulative_incidence(np.minimum(time, until), np.where(time <= until, kind, 0), until)


def cumulative_incidence(time: np.ndarray, kind: np.ndarray, until: float) -> tuple[float, float]:
    """Return the cumulative incidence of events of kind `EVENT` by `until`, with others competing.

    After Aalen and Johansen (1978); the error is that of a share of as many people, the same without censoring.

    Parameters
    ----------
    time
        ``[n]`` time to the event, or to the end of follow-up.
    kind
        ``[n]`` `EVENT`, `OTHER_DEATH`, or 0 where it ended without either.
    """
    if not len(time):
        return float("nan"), float("nan")
    order = np.argsort(time, kind="stable")
    time, kind = np.asarray(time)[order], np.asarray(kind)[order]
    when = np.unique(time[(kind > 0) & (time <= until)])
    at_risk = len(time) - np.searchsorted(time, when)
    events = _count(time, kind == EVENT, when)
    ends = _count(time, kind > 0, when)
    free = np.concatenate([[1.0], np.cumprod(1.0 - ends / at_risk)])[:-1]
    found = float((free * events / at_risk).sum())
    return found, float(np.sqrt(found * (1.0 - found) / len(time)))


def _count(time: np.ndarray, which: np.ndarray, when: np.ndarray) -> np.ndarray:
    """Return how many of `which` fall on each of the times `when`, sorted and without repeats."""
    mine = time[which & np.isin(time, when)]
    return np.bincount(np.searchsorted(when, mine), minlength=len(when))
