"""What a table of people from elsewhere may hold: the columns of a population, as people write them.

Everything is derived from `schema.COLUMNS`: places, practices and insurers by name, levels by name, risk factors in
their units. Documentation of the schema is made from here too (`schema_rows`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from paysim.population.bands import SEXES
from paysim.population.profile import RegionProfile
from paysim.population.schema import COLUMNS, EDUCATION, RISK_FACTORS

Kind = Literal["text", "level", "number", "date"]
AGE_FIELDS = ("age", "completed_age", "birth_date")
REQUIRED, DRAWN = "refused", "drawn from the region's profile"
_LEVELS: Mapping[str, tuple[str, ...]] = {
    "sex": SEXES,
    "education": EDUCATION,
    "ckd": ("none", "G3a", "G3b", "G4", "G5"),
    "cancer": ("none", "good", "intermediate", "poor"),
    "dementia": ("none", "mild", "moderate_or_severe"),
}
_WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
MG_DL_PER_MMOL_L = 38.67
"""Of cholesterol: its molar mass is 386.65 g/mol (its formula C27H46O)."""


@dataclass(frozen=True)
class PersonField:
    """A column of a table of people.

    Attributes
    ----------
    low, high
        Bounds of a number, included.
    units
        Units in which a mapping may say that a number is given, with the factor to the first of them.
    levels
        What a cell may say, with the code that a population holds.
    words
        The same codes under names that a mapping file can use as keys (``no`` and ``yes`` for 0 and 1).
    missing
        What happens when a table does not have the column.
    """

    name: str
    kind: Kind
    meaning: str
    missing: str
    low: float = 0.0
    high: float = 0.0
    units: Mapping[str, float] | None = None
    levels: Mapping[str, int] | None = None
    words: Mapping[str, int] | None = None

    @property
    def unit(self) -> str:
        """The unit of numbers; empty for other kinds."""
        return next(iter(self.units)) if self.units else ""

    @property
    def allowed(self) -> str:
        """What a cell may hold, in words."""
        if self.kind == "number":
            return f"{self.low:.15g} to {self.high:.15g}"
        if self.kind == "date":
            return "YYYY-MM-DD"
        return ", ".join(self.levels) if self.levels else "a name"


_CHOLESTEROL = {"mmol/L": 1.0, "mg/dL": 1.0 / MG_DL_PER_MMOL_L}
# Bounds of plausible measurements (assumed): beyond them a number is in another unit, or mistyped.
_RISK_FACTORS = {
    "sbp": PersonField("sbp", "number", "systolic pressure, on treatment as it is", DRAWN, 50, 300, {"mmHg": 1.0}),
    "tc": PersonField("tc", "number", "total cholesterol, on treatment as it is", DRAWN, 0.5, 20, _CHOLESTEROL),
    "hdl": PersonField("hdl", "number", "HDL cholesterol", DRAWN, 0.1, 6, _CHOLESTEROL),
    "bmi": PersonField("bmi", "number", "body-mass index", DRAWN, 8, 100, {"kg/m2": 1.0}),
}
_ONE_AGE = f"{REQUIRED}, unless one of {', '.join(AGE_FIELDS)} is there"
_SPECIAL: Mapping[str, tuple[PersonField, ...]] = {
    "person": (PersonField("person", "text", "any number or name of the person's own", REQUIRED),),
    "practice": (
        PersonField(
            "practice", "text", "practice on whose list the person is", "people join practices made for the region"
        ),
    ),
    "municipality": (
        PersonField(
            "municipality", "level", "municipality of residence, by name", f"{REQUIRED}, unless the region has only one"
        ),
    ),
    "insurer": (PersonField("insurer", "level", "insurer or sickness fund, by its name in the region's file", DRAWN),),
    "age": (
        PersonField("age", "number", "age with fraction", _ONE_AGE, 0, 110.999999999999, {"years": 1.0}),
        PersonField(
            "completed_age",
            "level",
            "age in whole years; the fraction of the year is drawn",
            _ONE_AGE,
            levels={str(age): age for age in range(111)},
        ),
        PersonField("birth_date", "date", "day of birth; needs a reference date", _ONE_AGE),
    ),
}


def _fields() -> dict[str, PersonField]:
    found: list[PersonField] = []
    for column in COLUMNS:
        factor = column.name.removeprefix("z_")
        if column.name in _SPECIAL:
            found += _SPECIAL[column.name]
        elif factor in RISK_FACTORS:
            found.append(_RISK_FACTORS[factor])
            meaning = f"{factor} in deviations from the mean of sex and age, instead of {factor}"
            found.append(PersonField(column.name, "number", meaning, DRAWN, column.low, column.high, {"sd": 1.0}))
        elif column.dtype == "float64":
            found.append(
                PersonField(column.name, "number", column.meaning, DRAWN, column.low, column.high, {column.unit: 1.0})
            )
        else:
            missing = REQUIRED if column.name == "sex" else DRAWN
            meaning = "M man, F woman" if column.name == "sex" else column.meaning
            if column.name in _LEVELS:
                meaning = meaning.split(":")[0]
            codes = range(int(column.high) + 1)
            texts = _LEVELS.get(column.name, tuple(str(code) for code in codes))
            words = ("no", "yes") if column.high == 1 else _WORDS
            keys = texts if column.name in _LEVELS else words
            found.append(
                PersonField(
                    column.name,
                    "level",
                    meaning,
                    missing,
                    levels=dict(zip(texts, codes, strict=True)),
                    words=dict(zip(keys, codes, strict=False)),
                )
            )
    return {each.name: each for each in found}


FIELDS: Mapping[str, PersonField] = _fields()
"""All columns a table of people may have, in order."""


def fields_of(profile: RegionProfile) -> dict[str, PersonField]:
    """Return `FIELDS` with the names of a region's municipalities and insurers as levels."""
    places = {name: code for code, name in enumerate(profile.municipalities)}
    insurers = {name: code for code, name in enumerate(profile.insurers)}
    known = {"municipality": places, "insurer": insurers}
    return {
        name: replace(each, levels=known[name], words=known[name]) if name in known else each
        for name, each in FIELDS.items()
    }


def schema_rows() -> list[dict[str, str]]:
    """Return one row a column for people to read: column, unit, allowed, if missing, meaning."""
    shown = {"municipality": "names of the region's file", "insurer": "names of the region's file"}
    shown["completed_age"] = "0 to 110, whole"
    return [
        {
            "column": each.name,
            "unit": each.unit,
            "allowed": shown.get(each.name, each.allowed),
            "if missing": each.missing,
            "meaning": each.meaning,
        }
        for each in FIELDS.values()
    ]


def schema_markdown() -> str:
    """Return the schema as a Markdown table."""
    rows = schema_rows()
    lines = [f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}"]
    return "\n".join([*lines, *(f"| {' | '.join(row.values())} |" for row in rows)]) + "\n"
