"""One published value beside one simulated value, and the rule by which it is judged.

A target is judged by its tolerance where at least `MANY` cases are expected among those simulated, and by three Monte
Carlo standard errors below that. Where even a value of zero would be within these (a count of fewer than nine expected
cases), it is not judged: hardly any model would fail. `lower` and `upper` are always the limits of what is accepted as
simulated value; `simulated_low` and `simulated_high` are its own 95% interval by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

MANY = 400
"""Expected cases from which a value is judged by its tolerance instead of by chance."""

FEW_ERRORS = 3.0
TOO_FEW = "too few cases"
ABOVE, BELOW = "above", "below"
BY_CHANCE = "3 SE"
"""Rule of a target of which too few cases are expected for its tolerance."""
_Z95 = 1.959963984540054
_MOST = {"proportion": 1.0, "percent": 100.0}


def side(value: float, lower: float, upper: float) -> str:
    """Return on which side of what is accepted a value lies: ``above``, ``below``, or nothing if it is accepted."""
    return ABOVE if value > upper else BELOW if value < lower else ""


def reason(why: str, missed: str) -> str:
    """Return the reason for a miss on one side; a reason that explains the other side is none.

    Parameters
    ----------
    why
        As written beside the published value: ``above: ...`` explains simulated values that are too high,
        ``below: ...`` those that are too low; without such a word it explains both.
    missed
        `ABOVE`, `BELOW`, or nothing for a value that is not missed.
    """
    explains, found, text = why.partition(": ")
    if not found or explains not in (ABOVE, BELOW):
        return why
    if missed in ("", explains):
        return text
    return f"no reason is known for a value this {'high' if missed == ABOVE else 'low'}"


@dataclass(frozen=True)
class Limits:
    """What a comparison is about, before it is judged; `why` is as `reason` takes it."""

    id: str
    section: str
    what: str
    unit: str
    role: str
    status: str
    source: str
    why: str
    area: str = ""
    year: str = ""


@dataclass(frozen=True)
class Comparison:
    """One row of a validation.

    Attributes
    ----------
    observed, simulated
        Published and simulated value, in `unit`; None where there is none.
    simulated_low, simulated_high
        95% interval of the simulated value by Monte Carlo chance; None where it is not known.
    lower, upper
        Limits between which the simulated value is accepted; None where nothing is judged.
    within
        Whether it lies between them; None where nothing is judged.
    z
        Difference in Monte Carlo standard errors: a miss below about 3 may be chance.
    cases
        Events or persons expected among those simulated.
    rule
        How the limits came about, in words.
    why
        Why it may be missed; of a missed one, a reason for a miss on that side only.
    """

    id: str
    section: str
    what: str
    unit: str
    observed: float | None
    simulated: float | None
    simulated_low: float | None
    simulated_high: float | None
    lower: float | None
    upper: float | None
    within: bool | None
    z: float | None
    cases: float | None
    rule: str
    role: str
    status: str
    area: str
    year: str
    source: str
    why: str

    @property
    def state(self) -> str:
        """``met``, ``missed``, or why it is not judged."""
        return self.rule if self.within is None else "met" if self.within else "missed"


def shown(about: Limits, observed: float | None, simulated: float | None, rule: str = "not judged") -> Comparison:
    """Return a comparison that is not judged."""
    return Comparison(
        id=about.id,
        section=about.section,
        what=about.what,
        unit=about.unit,
        observed=finite(observed),
        simulated=finite(simulated),
        simulated_low=None,
        simulated_high=None,
        lower=None,
        upper=None,
        within=None,
        z=None,
        cases=None,
        rule=rule,
        role=about.role,
        status=about.status,
        area=about.area,
        year=about.year,
        source=about.source,
        why=reason(about.why, ""),
    )


def between(plain: Comparison, lower: float, upper: float, rule: str, why: str = "") -> Comparison:
    """Return a comparison judged by whether the simulated value lies from `lower` to `upper`.

    `why` is as `reason` takes it; by default what stands in `plain` explains both sides.
    """
    assert plain.simulated is not None
    if plain.observed is not None and plain.observed >= 0.0 and plain.simulated >= 0.0:
        lower, upper = max(lower, 0.0), min(upper, _MOST.get(plain.unit, math.inf))
    slack = 1e-12 * max(abs(lower), abs(upper))
    within = bool(lower - slack <= plain.simulated <= upper + slack)
    missed = "" if within else side(plain.simulated, lower, upper)
    kept = reason(why or plain.why, missed)
    return replace(plain, lower=float(lower), upper=float(upper), within=within, rule=rule, why=kept)


def judged(
    about: Limits, observed: float, simulated: float, tolerance: float | None, *, absolute: bool = False
) -> Comparison:
    """Return a comparison judged by a tolerance: a share of the observed value, or in its unit.

    Without a tolerance, or a simulated value, it is shown only.
    """
    plain = shown(about, observed, simulated)
    if tolerance is None or plain.simulated is None:
        return plain
    room = tolerance if absolute else tolerance * abs(observed)
    return between(plain, observed - room, observed + room, _words(tolerance, absolute), about.why)


def counted(about: Limits, observed: float, simulated: float, tolerance: float | None, exposure: float) -> Comparison:
    """Return a comparison of a rate of events: by its tolerance if many are expected, else by chance.

    Parameters
    ----------
    exposure
        Such that ``observed * exposure`` is the number of events expected among those simulated.
    """
    cases = observed * exposure
    error = math.sqrt(max(simulated, 0.0) / exposure) if exposure > 0 else float("nan")
    return with_chance(about, observed, simulated, error, tolerance, cases, count=True)


def with_chance(
    about: Limits,
    observed: float,
    simulated: float,
    error: float,
    tolerance: float | None,
    cases: float,
    *,
    count: bool,
    absolute: bool = False,
) -> Comparison:
    """Return a comparison judged by the rule of this module.

    Parameters
    ----------
    error
        Monte Carlo standard error of the simulated value.
    cases
        Events or people expected; infinite for means.
    count
        Whether the value is a count over an exposure. With few cases its standard error is then that of the count the
        published value lets one expect, so that a simulated zero has one too.
    absolute
        Whether `tolerance` is in the unit of the value, or a share of it.
    """
    if count and error == 0.0:  # no case at all: the chance of the published value
        error = abs(observed) / math.sqrt(max(cases, 1e-9))
    plain = with_interval(shown(about, observed, simulated), error, cases)
    if tolerance is None or plain.simulated is None or plain.observed is None:
        return plain
    if cases >= MANY:
        room = tolerance if absolute else tolerance * abs(observed)
        rule = _words(tolerance, absolute)
    else:
        room = FEW_ERRORS * (abs(observed) / math.sqrt(max(cases, 1e-9)) if count else error)
        rule = BY_CHANCE
        if not math.isfinite(room) or (observed and room >= abs(observed)):
            return replace(plain, rule=TOO_FEW)
    return between(plain, observed - room, observed + room, rule, about.why)


def _words(tolerance: float, absolute: bool) -> str:
    return f"{tolerance:g}" if absolute else f"{100 * tolerance:.3g}%"


def with_interval(plain: Comparison, error: float, cases: float) -> Comparison:
    """Return a comparison with the 95% interval of its simulated value, and its z."""
    if plain.simulated is None or not math.isfinite(error):
        return plain
    low, high = plain.simulated - _Z95 * error, plain.simulated + _Z95 * error
    if plain.simulated >= 0.0:
        low, high = max(low, 0.0), min(high, _MOST.get(plain.unit, math.inf))
    z = None if plain.observed is None or error == 0.0 else (plain.simulated - plain.observed) / error
    return replace(plain, simulated_low=low, simulated_high=high, z=z, cases=finite(cases))


def finite(value: float | None) -> float | None:
    """Return None for what is no number."""
    return None if value is None or not math.isfinite(value) else float(value)
