"""Numbers and findings in words, for the report and the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paysim.analysis.compare import CHANCE_ONLY

if TYPE_CHECKING:
    import pandas as pd

MINUS = "−"
MILLION = 1e6

_EUROS = ("EUR per head per year", "EUR")


@dataclass(frozen=True)
class Actor:
    """Somebody who gains or loses: the measure that shows it and the sign that turns it into a gain."""

    label: str
    measure: str
    sign: int


ACTORS = (
    Actor("Insurers (own payments)", "insurer_payments_per_head", -1),
    Actor("Patients (deductible)", "patient_payments_per_head", -1),
    Actor("Practices (margin)", "practice_margin_per_head", 1),
    Actor("Out-of-hours care (revenue)", "spending_out_of_hours_per_head", 1),
    Actor("Hospital (revenue)", "spending_hospital_per_head", 1),
    Actor("Pharmacy (revenue)", "spending_pharmacy_per_head", 1),
    Actor("Mental health care (revenue)", "spending_mental_health_per_head", 1),
    Actor("District nursing (revenue)", "spending_district_nursing_per_head", 1),
    Actor("Other care (revenue)", "spending_other_care_per_head", 1),
)


def number(value: Any, *, signed: bool = False) -> str:
    """Return a number with about three figures, thousands separated by commas; "" when missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    size = abs(value)
    if size >= 100:
        text = f"{size:,.0f}"
    elif size >= 10:
        text = f"{size:.1f}"
    elif size >= 0.1:
        text = f"{size:.2f}"
    elif size >= 0.01:
        text = f"{size:.3f}"
    elif size >= 0.001:
        text = f"{size:.4f}"
    elif size == 0:
        return "0"
    else:
        text = f"{size:.1g}"
    sign = MINUS if value < 0 else "+" if signed else ""
    return sign + text


def interval(low: float, high: float) -> str:
    """Return ``[low, high]``, or "" when there is none."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{number(low, signed=True)}, {number(high, signed=True)}]"


def difference(row: Mapping[str, Any]) -> str:
    """Return a difference of `compare` with its interval."""
    return " ".join(
        part for part in (number(row["difference"], signed=True), interval(row["low"], row["high"])) if part
    )


def percent(share: float) -> str:
    """Return a share as a signed percentage."""
    return "" if math.isnan(share) else f"{number(100 * share, signed=True)}%"


def clear(row: Mapping[str, Any]) -> bool:
    """Tell whether the interval leaves zero out."""
    return bool(row["low"] > 0 or row["high"] < 0)


def gains(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return who gains: a row an actor, arm and baseline, in euros per head per year, positive for a gain.

    Payers and patients gain when they pay less, practices when their margin grows; other sectors are shown
    by their revenue, because their costs are not modelled.
    """
    import pandas as pd

    parts = []
    for actor in ACTORS:
        part = comparison[comparison["measure"] == actor.measure].copy()
        part.insert(0, "actor", actor.label)
        if actor.sign < 0:
            part["low"], part["high"] = -part["high"], -part["low"]
            part["difference"] = 0.0 - part["difference"]
        parts.append(part)
    columns = ["actor", "arm", "baseline", "difference", "low", "high", "interval"]
    return pd.concat(parts, ignore_index=True)[columns]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as dictionaries."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def verdict(comparison: pd.DataFrame, titles: Mapping[str, str]) -> list[str]:
    """Return one sentence group per arm and baseline: what is paid, who gains, who loses, what health does.

    Parameters
    ----------
    comparison
        From `paysim.analysis.compare.compare`.
    titles
        Title of each arm, by name.
    """
    sentences = []
    won = gains(comparison)
    for (base, arm), part in comparison.groupby(["baseline", "arm"], sort=False):
        rows = {str(row["measure"]): row for row in records(part)}
        moved = records(won[(won["baseline"] == base) & (won["arm"] == arm)])
        text = [f"{titles.get(str(arm), str(arm))} against {titles.get(str(base), str(base))}:"]
        text.append(_spending(rows))
        text.append(_winners(moved))
        text.append(_health(rows))
        sentences.append(" ".join(each for each in text if each))
    return sentences


def _change(row: Mapping[str, Any], more: str, less: str, nothing: str, unit: str = "") -> str:
    if row["difference"] == 0:
        return nothing
    word = more if row["difference"] > 0 else less
    size = number(abs(row["difference"]))
    spread = "" if math.isnan(row["low"]) else f", 95% interval {interval(row['low'], row['high'])}"
    verb = word.format(size=size, unit=unit)
    doubt = "" if clear(row) or math.isnan(row["low"]) else "; not clearly different from nothing"
    share = f"{percent(row['relative'])}" if not math.isnan(row["relative"]) else ""
    return f"{verb} ({share}{spread}{doubt})"


def _spending(rows: Mapping[str, Mapping[str, Any]]) -> str:
    row = rows.get("spending_per_head")
    if row is None:
        return ""
    text = _change(
        row,
        "spending is EUR {size} per head per year higher",
        "spending is EUR {size} per head per year lower",
        "spending is the same to the cent",
    )
    cost = rows.get("resource_cost_per_head")
    if cost is not None:
        text += "; " + _change(
            cost,
            "delivering the care costs EUR {size} more",
            "delivering the care costs EUR {size} less",
            "delivering the care costs the same",
        )
    return text + "."


def _winners(rows: Sequence[Mapping[str, Any]]) -> str:
    up = [row for row in rows if row["low"] > 0]
    down = [row for row in rows if row["high"] < 0]
    if not up and not down:
        return "Nobody clearly gains or loses."

    def named(part: Sequence[Mapping[str, Any]]) -> str:
        ranked = sorted(part, key=lambda row: -abs(row["difference"]))
        return ", ".join(f"{row['actor']} EUR {number(abs(row['difference']))}" for row in ranked)

    text = []
    if up:
        text.append(f"Gain per head per year: {named(up)}.")
    if down:
        text.append(f"Lose: {named(down)}.")
    return " ".join(text)


def _health(rows: Mapping[str, Mapping[str, Any]]) -> str:
    row = rows.get("qalys_per_1000")
    if row is None:
        return ""
    if not clear(row):
        spread = interval(row["low"], row["high"])
        return f"No clear change in QALYs{f' ({spread} per 1,000 persons per year)' if spread else ''}."
    word = "more" if row["difference"] > 0 else "fewer"
    size = number(abs(row["difference"]))
    return f"{size} QALYs {word} per 1,000 persons per year ({interval(row['low'], row['high'])})."


def uncertainty(comparison: pd.DataFrame, replicates: int) -> str:
    """Return the sentence that says what the intervals hold."""
    kinds = set(comparison["interval"])
    if CHANCE_ONLY in kinds or not kinds:
        return (
            f"95% intervals from one replicate, clustered by practice: {CHANCE_ONLY}. "
            "More replicates: paysim run SCENARIO --replicates R."
        )
    return (
        f"95% intervals over {replicates} replicates with common random numbers: "
        "chance, not parameter uncertainty."
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
        for lever, rows in part.groupby("lever", sort=False):
            margin = float(rows["margin_eur"].mean())
            today = float(rows["margin_under_current_eur"].mean())
            unit = str(rows["unit"].iloc[0]).removeprefix("EUR per ")
            verb = "earns" if margin >= 0 else "loses"
            text = f"{unit} {verb} the practice EUR {number(abs(margin))}"
            if arm != current:
                text += f" ({'earned' if today >= 0 else 'lost'} {number(abs(today))} under current payment)"
            bits.append(
                text if margin or today else f"{str(lever).replace('_', ' ')} is neither paid nor charged"
            )
        sentences.append(f"{titles.get(str(arm), str(arm))}: one {'; one '.join(bits)}.")
    return sentences
