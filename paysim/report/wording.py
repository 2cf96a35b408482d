"""Numbers and findings in words, for the report and the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paysim.analysis.compare import CHANCE_ONLY, ONE_SUM
from paysim.analysis.measures import PER_HEAD, VERDICT, WHOLE_REGION, records

if TYPE_CHECKING:
    import pandas as pd

MINUS = "−"
MILLION = 1e6

ABOUT_NOTHING = "about 0"
HEADLINES = ("spending_per_head", "qalys_per_1000", "wait_gp_planned_days")
"""What a reader is told first, in three sentences."""
TOO_SMALL = "There are too few practices to say who gains or loses money or health; the table shows differences alone."
CARE = "Read this with care"
"""What stands above the caveats."""

_MOST_DECIMALS = 4
_MOST_DECIMALS_OF = {"qalys_per_1000": 3}
_WORTH_TELLING_EUR = 0.5  # per head per year; nobody notices less
_WORTH_TELLING_SHARE = 0.001


@dataclass(frozen=True)
class Actor:
    """Somebody who gains or loses: the measure that shows it and the sign that turns it into a gain."""

    label: str
    measure: str
    sign: int
    unit: str = PER_HEAD


ACTORS = (
    Actor("Insurers (own payments)", "insurer_payments_per_head", -1),
    Actor("Municipalities, government (payments)", "others_payments_per_head", -1),
    Actor("Patients (own payments)", "patient_payments_per_head", -1),
    Actor("Practices (margin)", "practice_margin_per_head", 1),
    Actor("Out-of-hours care (revenue)", "spending_out_of_hours_per_head", 1),
    Actor("Hospital (revenue)", "spending_hospital_per_head", 1),
    Actor("Pharmacy (revenue)", "spending_pharmacy_per_head", 1),
    Actor("Mental health care (revenue)", "spending_mental_health_per_head", 1),
    Actor("District nursing (revenue)", "spending_district_nursing_per_head", 1),
    Actor("Other care (revenue)", "spending_other_care_per_head", 1),
    Actor("Organisations (after sharing out and running costs)", "organisations_result_per_head", 1),
    Actor("Patients (health, QALYs per 1,000 persons)", "qalys_per_1000", 1, "QALYs per 1,000 persons per year"),
    Actor("Patients (shorter planned GP wait, days)", "wait_gp_planned_days", -1, "days"),
    Actor("Patients (shorter clinic wait, weeks)", "clinic_wait_weeks", -1, "weeks"),
    Actor("Patients (fewer dropped needs, per 1,000 needs)", "needs_dropped_per_1000", -1, "per 1,000 needs"),
)


def number(value: Any, *, signed: bool = False, digits: int | None = None) -> str:
    """Return a number with about three figures, thousands separated by commas; "" when missing.

    Parameters
    ----------
    value
        The number; None and NaN are missing.
    signed
        Whether positive numbers get a plus.
    digits
        Decimals; by default from the size of the number, see `decimals`.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if value == 0:
        return "0"
    places = decimals(value) if digits is None else digits
    text = f"{abs(value):,.{places}f}"
    if digits is not None and not any(figure in text for figure in "123456789"):
        return "0"  # nothing is left at these decimals, so no sign either
    sign = MINUS if value < 0 else "+" if signed else ""
    return sign + text


def decimals(size: float) -> int:
    """Return how many decimals show two or three figures of a number of this size."""
    size = abs(size)
    if not size or not math.isfinite(size):
        return 0
    if size >= 1:
        return 0 if size >= 100 else 1 if size >= 10 else 2
    return 1 - math.floor(math.log10(size))


def interval(low: float, high: float, digits: int | None = None) -> str:
    """Return ``[low, high]``, or "" when there is none."""
    if math.isnan(low) or math.isnan(high):
        return ""
    # The blank does not break, so that a narrow column keeps an interval on one line.
    return f"[{number(low, signed=True, digits=digits)},\u00a0{number(high, signed=True, digits=digits)}]"


def shared_decimals(row: Mapping[str, Any]) -> int:
    """Return the decimals that suit a difference and its interval together."""
    if row.get("unit") == WHOLE_REGION:
        return 0  # people are whole
    half = (row["high"] - row["low"]) / 2
    most = _MOST_DECIMALS_OF.get(str(row.get("measure")), _MOST_DECIMALS)
    return min(decimals(max(abs(row["difference"]), 0.0 if math.isnan(half) else half)), most)


def baseline_value(row: Mapping[str, Any]) -> str:
    """Return the value of the arm compared with."""
    return number(row["baseline_value"], digits=0 if row.get("unit") == WHOLE_REGION else None)


def is_small(row: Mapping[str, Any], end: str = "difference") -> bool:
    """Tell whether a value in euros per head is too small to tell."""
    return bool(row.get("unit") == PER_HEAD and 0 < abs(row[end]) < _WORTH_TELLING_EUR)


def difference(row: Mapping[str, Any]) -> str:
    """Return a difference of `compare` with its interval; "about 0" for cents per head."""
    digits = shared_decimals(row)
    bounds = "" if row["low"] == row["high"] else interval(row["low"], row["high"], digits)
    if is_small(row):
        cents = all(is_small(row, end) or row[end] == 0 for end in ("low", "high"))
        parts = (ABOUT_NOTHING, "" if cents else bounds)
    else:
        parts = (number(row["difference"], signed=True, digits=digits), bounds)
    return " ".join(part for part in parts if part)


def percent(share: float) -> str:
    """Return a share as a signed percentage; "" when missing or below 0.1%."""
    if math.isnan(share) or abs(share) < _WORTH_TELLING_SHARE:
        return ""
    return f"{number(100 * share, signed=True, digits=1 if abs(share) < 0.1 else 0)}%"


def clear(row: Mapping[str, Any]) -> bool:
    """Tell whether the interval leaves zero out."""
    return bool(row["low"] > 0 or row["high"] < 0)


def intervals(comparison: pd.DataFrame) -> bool:
    """Tell whether any difference has an interval."""
    return bool((comparison["low"] < comparison["high"]).any())


def gains(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return who gains: a row an actor, arm and baseline, in the actor's unit, positive for a gain.

    Payers and patients gain when they pay less, practices when their margin grows; other sectors are shown
    by their revenue, because their costs are not modelled. Patients also gain by health, by shorter waits and
    by fewer needs dropped, each in its own unit.
    """
    import pandas as pd

    parts = []
    for actor in ACTORS:
        part = comparison[comparison["measure"] == actor.measure].copy()
        part.insert(0, "actor", actor.label)
        part["unit"] = actor.unit
        if actor.sign < 0:
            part["low"], part["high"] = -part["high"], -part["low"]
            part["difference"] = 0.0 - part["difference"]
        parts.append(part)
    columns = ["actor", "arm", "baseline", "difference", "low", "high", "interval", "measure", "unit"]
    return pd.concat(parts, ignore_index=True)[columns]


def headline_rows(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a comparison that the verdict table shows, in its order."""
    place: dict[Any, int] = {name: i for i, name in enumerate(VERDICT)}
    rows = comparison[comparison["measure"].isin(VERDICT)]
    return rows.sort_values("measure", key=lambda part: part.map(place), kind="stable").reset_index(drop=True)


def headlines(comparison: pd.DataFrame, titles: Mapping[str, str], base: str, small: bool = False) -> list[str]:
    """Return at most three findings against one arm: what is spent, health, and the wait for a GP.

    Each names the arms with the largest rise and the largest fall beyond chance, and in how many arms there is one.

    Parameters
    ----------
    comparison
        From `paysim.analysis.compare.compare`.
    titles
        Title of each arm, by name.
    base
        Name of the arm compared with.
    small
        Whether the run is too small to say who gains or loses.
    """
    if small:
        return [TOO_SMALL]
    against = comparison[comparison["baseline"] == base]
    found = []
    for name in HEADLINES:
        rows = records(against[against["measure"] == name])
        if not rows:
            continue
        what = f"{rows[0]['label']}, {rows[0]['unit']}"
        told = sorted((row for row in rows if clear(row)), key=lambda row: float(row["difference"]))
        if not told:
            known = any(not math.isnan(row["low"]) for row in rows)
            why = f"no arm differs from {titles[base]} beyond chance" if known else "no arm has an interval"
            found.append(f"{what}: {why}.")
            continue
        ends = [row for row in (told[0], told[-1]) if row["difference"] != 0.0]
        if len(ends) == 2 and ends[0]["difference"] * ends[1]["difference"] > 0.0:  # the same way: the larger one
            ends = [max(ends, key=lambda row: abs(float(row["difference"])))]
        texts = [f"{difference(row)} under {titles[str(row['arm'])]}" for row in ends]
        of = f"beyond chance in {len(told)} of {len(rows)} arms" if len(rows) > 1 else "beyond chance"
        found.append(f"{what}, against {titles[base]}: {' and '.join(texts)} ({of}).")
    return found


def verdict(
    comparison: pd.DataFrame,
    titles: Mapping[str, str],
    small: bool = False,
    more: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """Return a few plain sentences per arm: what is paid, who gains, who loses, what health and waits do.

    Parameters
    ----------
    comparison
        From `paysim.analysis.compare.compare`, against one baseline.
    titles
        Title of each arm, by name.
    small
        Whether the run is too small to say who gains or loses, money or health.
    more
        Further sentences of each arm, by name: see `paysim.report.findings.findings`.
    """
    won = gains(comparison)
    money = won[won["unit"] == PER_HEAD]
    sentences = []
    for arm, part in comparison.groupby("arm", sort=False):
        rows = {str(row["measure"]): row for row in records(part)}
        text = [_spending(rows)]
        if not small:
            text += [_winners(records(money[money["arm"] == arm])), _access(rows), _health(rows)]
        text += (more or {}).get(str(arm), ())
        sentences.append(f"{titles.get(str(arm), str(arm))}: {' '.join(each for each in text if each)}")
    return sentences


def _doubt(row: Mapping[str, Any]) -> str:
    if row.get("interval") == ONE_SUM:
        return ONE_SUM
    return "" if clear(row) or math.isnan(row["low"]) else "could be chance alone"


def _change(row: Mapping[str, Any], what: str, more: str, less: str) -> str:
    if row["difference"] == 0:
        return f"{what} the same"
    if is_small(row):
        return f"{what} about the same"
    text = f"{what} EUR {number(abs(row['difference']))} {more if row['difference'] > 0 else less}"
    held = ", ".join(each for each in (percent(row["relative"]), _doubt(row)) if each)
    return f"{text} ({held})" if held else text


def _spending(rows: Mapping[str, Mapping[str, Any]]) -> str:
    parts = []
    if "spending_per_head" in rows:
        row = rows["spending_per_head"]
        parts.append(_change(row, "spending is", "per head per year higher", "per head per year lower"))
    if "resource_cost_per_head" in rows:
        parts.append(_change(rows["resource_cost_per_head"], "delivering the care costs", "more", "less"))
    text = "; ".join(parts) + "." if parts else ""
    return " ".join(each for each in (text[:1].upper() + text[1:], _paid_as_savings(rows)) if each)


def _paid_as_savings(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what was paid on one sum of the region beside what care itself cost: the two are not alike in chance."""
    row, care = rows.get("pooled_payments_per_head"), rows.get("care_payments_per_head")
    if row is None or care is None or abs(row["difference"]) < _WORTH_TELLING_EUR:
        return ""
    size = number(abs(row["difference"]))
    was = "paid out as savings" if row["difference"] > 0 else "paid back as losses"
    doubt = f" ({_doubt(row)})" if _doubt(row) else ""
    itself = _change(care, "payments for care itself are", "higher", "lower")
    bounds = interval(care["low"], care["high"], shared_decimals(care))
    return f"EUR {size} per head per year was {was}{doubt}; {itself}{f' {bounds}' if bounds else ''}."


def _winners(rows: Sequence[Mapping[str, Any]]) -> str:
    def named(part: Sequence[Mapping[str, Any]]) -> str:
        ranked = sorted(part, key=lambda row: -abs(row["difference"]))
        return ", ".join(f"{_lower(row['actor'])} EUR {number(abs(row['difference']))}" for row in ranked)

    told = [row for row in rows if abs(row["difference"]) >= _WORTH_TELLING_EUR]
    up = [row for row in told if row["low"] > 0]
    down = [row for row in told if row["high"] < 0]
    one_sum = [row for row in told if row.get("interval") == ONE_SUM]
    signed = ", ".join(f"{_lower(row['actor'])} EUR {number(row['difference'], signed=True)}" for row in one_sum)
    open_ = f"Not to be told from chance ({ONE_SUM}): {signed}." if one_sum else ""
    if not up and not down:
        return f"Nobody gains or loses money beyond chance. {open_}".rstrip()
    gain = f"Gain beyond chance: {named(up)}." if up else "Nobody gains money beyond chance."
    loss = f"Lose beyond chance: {named(down)}." if down else "Nobody loses money beyond chance."
    return f"{gain} {loss} {open_}".rstrip()


def _access(rows: Mapping[str, Mapping[str, Any]]) -> str:
    told = []
    for name, what, more, less in (
        ("wait_gp_planned_days", "days for a planned GP contact", "longer", "shorter"),
        ("clinic_wait_weeks", "weeks for a clinic", "longer", "shorter"),
        ("needs_dropped_per_1000", "needs dropped per 1,000", "more", "fewer"),
    ):
        row = rows.get(name)
        if row is None or not clear(row):
            continue
        size = number(abs(row["difference"]), digits=shared_decimals(row))
        told.append(f"{size} {what} {more if row['difference'] > 0 else less}")
    return f"Patients' waits and needs, beyond chance: {'; '.join(told)}." if told else ""


def _health(rows: Mapping[str, Mapping[str, Any]]) -> str:
    row = rows.get("qalys_per_1000")
    if row is None:
        return ""
    if row["difference"] == 0:
        return "QALYs are the same."
    if _doubt(row):
        return "The difference in QALYs could be chance alone."
    size = number(abs(row["difference"]), digits=shared_decimals(row))
    word = "more" if row["difference"] > 0 else "fewer"
    return f"{ABOUT_NOTHING.capitalize() if size == '0' else size} QALYs {word} per 1,000 persons per year."


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]


def uncertainty(comparison: pd.DataFrame, replicates: int) -> str:
    """Return the sentence that says what the intervals hold; "" when there are none."""
    if not intervals(comparison):
        return ""
    kinds = set(comparison["interval"])
    if CHANCE_ONLY in kinds or not kinds:
        return (
            f"95% intervals from one replicate, clustered by practice: {CHANCE_ONLY}. "
            "More replicates: paysim run SCENARIO --replicates R."
        )
    return (
        f"95% intervals over {replicates} replicates with common random numbers: "
        "chance only, not parameter uncertainty."
    )


def incentive_sentences(incentives: pd.DataFrame, titles: Mapping[str, str], current: str) -> list[str]:
    """Return a sentence per arm: what one more unit of each lever earns, against today.

    Parameters
    ----------
    incentives
        From `paysim.report.tables.incentives`.
    """
    sentences = []
    for arm, part in incentives.groupby("arm", sort=False):
        bits = []
        for _, rows in part.groupby("lever", sort=False):
            margin = float(rows["margin_eur"].mean())
            today = float(rows["margin_under_current_eur"].mean())
            unit = str(rows["unit"].iloc[0]).removeprefix("EUR per ")
            verb = "earns" if margin >= 0 else "loses"
            text = f"{unit} {verb} the practice EUR {number(abs(margin))}"
            if arm != current:
                text += f" (current payment: {number(today, signed=True)})"
            bits.append(text if margin or today else f"{unit} is neither paid nor charged")
        sentences.append(f"{titles.get(str(arm), str(arm))}: one {'; one '.join(bits)}.")
    return sentences
