"""The people of a region as columns, and what each column may hold.

A `Population` is frozen and its arrays are read-only: the engine copies what it changes. One row is one
person; rows are sorted by practice. In a whole region the person number equals the row; in a sample of
practices people keep the numbers, and therefore the random draws, that they have in the whole region.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from paysim.errors import DataError, Problem

EDUCATION = ("low", "mid", "high")
SCHEMA = 3
"""Version of the columns below; a file of another version is refused."""


@dataclass(frozen=True)
class TraitColumn:
    """One column of a population: its type, unit and the values it may hold (bounds included)."""

    name: str
    dtype: str
    unit: str
    low: float
    high: float
    meaning: str


COLUMNS: tuple[TraitColumn, ...] = (
    TraitColumn("person", "int64", "number", 0, 10_000_000_000, "number in the whole region; key of all random draws"),
    TraitColumn("practice", "int32", "index", 0, 1_000_000, "practice on whose list the person is"),
    TraitColumn("municipality", "int16", "index", 0, 32_000, "municipality of residence"),
    TraitColumn("sex", "int8", "code", 0, 1, "0 man, 1 woman"),
    TraitColumn("age", "float64", "years", 0.0, 110.999999999999, "age with fraction"),
    TraitColumn("education", "int8", "code", 0, 2, "highest attained (expected, under 25): 0 low, 1 mid, 2 high"),
    TraitColumn("deprived", "int8", "0/1", 0, 1, "lives in a deprived area"),
    TraitColumn("smoker", "int8", "0/1", 0, 1, "smokes now"),
    TraitColumn("z_sbp", "float64", "sd", -20.0, 20.0, "systolic pressure, in deviations from the mean of sex and age"),
    TraitColumn("z_tc", "float64", "sd", -20.0, 20.0, "total cholesterol, as above"),
    TraitColumn("z_hdl", "float64", "sd", -20.0, 20.0, "HDL cholesterol, as above (log-normal shape)"),
    TraitColumn("z_bmi", "float64", "sd", -20.0, 20.0, "body-mass index, as above (log-normal shape)"),
    TraitColumn("diabetes", "int8", "0/1", 0, 1, "diabetes known to the practice"),
    TraitColumn("prior_mi", "int8", "0/1", 0, 1, "myocardial infarction in the past"),
    TraitColumn("prior_stroke", "int8", "0/1", 0, 1, "stroke or transient ischaemic attack in the past"),
    TraitColumn("statin", "int8", "0/1", 0, 1, "takes a statin"),
    TraitColumn("bp_drugs", "int8", "drugs", 0, 2, "blood-pressure drugs taken; 2 is two or more"),
    TraitColumn("enrolled", "int8", "0/1", 0, 1, "enrolled in a chronic-care programme"),
    TraitColumn("frailty", "float64", "ratio", 1e-9, 1e9, "multiplies needs; mean 1 by age, sex and education"),
    TraitColumn("insurer", "int8", "index", 0, 127, "insurer or sickness fund"),
    TraitColumn("preferential", "int8", "0/1", 0, 1, "preferential reimbursement (Belgium)"),
    TraitColumn("ex_smoker", "int8", "0/1", 0, 1, "smoked and stopped; not together with smoker"),
    TraitColumn("poor_control", "int8", "0/1", 0, 1, "diabetes with HbA1c above 53 mmol/mol"),
    TraitColumn("microvascular", "int8", "0/1", 0, 1, "diabetes with eye or foot complications"),
    TraitColumn("angina", "int8", "0/1", 0, 1, "chronic ischaemic heart disease, with or without infarction"),
    TraitColumn("pad", "int8", "0/1", 0, 1, "symptomatic peripheral arterial disease"),
    TraitColumn("heart_failure", "int8", "0/1", 0, 1, "heart failure"),
    TraitColumn("ckd", "int8", "stage", 0, 4, "chronic kidney disease: 0 none, 1 G3a, 2 G3b, 3 G4, 4 G5"),
    TraitColumn("copd", "int8", "0/1", 0, 1, "chronic obstructive pulmonary disease"),
    TraitColumn("depression", "int8", "0/1", 0, 1, "depressive episode now"),
    TraitColumn("cancer", "int8", "group", 0, 3, "cancer by prognosis: 0 none, 1 good, 2 intermediate, 3 poor"),
    TraitColumn("dementia", "int8", "stage", 0, 2, "dementia: 0 none, 1 mild, 2 moderate or severe"),
    TraitColumn("nursing_home", "int8", "0/1", 0, 1, "lives in a nursing home because of dementia"),
    TraitColumn("antiplatelet", "int8", "0/1", 0, 1, "takes an antiplatelet drug"),
    TraitColumn("ezetimibe", "int8", "0/1", 0, 1, "takes ezetimibe"),
    TraitColumn("pcsk9", "int8", "0/1", 0, 1, "takes a PCSK9 antibody"),
    TraitColumn("inclisiran", "int8", "0/1", 0, 1, "takes inclisiran"),
    TraitColumn("sglt2", "int8", "0/1", 0, 1, "takes an SGLT2 inhibitor"),
    TraitColumn("glp1", "int8", "0/1", 0, 1, "takes a GLP-1 receptor agonist"),
)
COLUMN_NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)
RISK_FACTORS = ("sbp", "tc", "hdl", "bmi")
CAN_LACK: tuple[str, ...] = tuple(each.name for each in COLUMNS if each.unit in ("0/1", "drugs", "stage", "group"))
"""Columns whose 0 says that a person does not have the trait."""


@dataclass(frozen=True)
class Practice:
    """A general practice.

    Attributes
    ----------
    name
        Unique in the region; the practice's name in the ledger.
    municipality
        Index into the population's municipalities.
    list_size
        Persons on the list.
    gp_fte, nurse_fte, mental_nurse_fte
        Working time of GPs, of nurses for somatic care and of nurses for mental health, in full-time equivalents.
    gps, nurses, mental_nurses
        GPs (1..8) and nurses (0..8) who see patients side by side: columns of the appointment book.
    weight
        Persons in the region for each person in the sample; 1.0 in a whole region.
    """

    name: str
    municipality: int
    list_size: int
    gp_fte: float
    gps: int
    nurse_fte: float
    nurses: int
    mental_nurse_fte: float = 0.0
    mental_nurses: int = 0
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Population:
    """People and practices of a region, or of a sample of its practices.

    Every column is a read-only numpy array of length ``len(population)``; types, units and ranges are in
    `COLUMNS`.

    Attributes
    ----------
    persons_in_region
        People in the whole region, also when this is a sample.
    sample_note
        One sentence on what a sample took; empty for a whole region.
    import_note
        Where imported people come from, and which columns were drawn; empty for synthesized people.
    """

    region: str
    country: str
    seed: int
    municipalities: tuple[str, ...]
    insurers: tuple[str, ...]
    practices: tuple[Practice, ...]
    persons_in_region: int
    person: np.ndarray
    practice: np.ndarray
    municipality: np.ndarray
    sex: np.ndarray
    age: np.ndarray
    education: np.ndarray
    deprived: np.ndarray
    smoker: np.ndarray
    z_sbp: np.ndarray
    z_tc: np.ndarray
    z_hdl: np.ndarray
    z_bmi: np.ndarray
    diabetes: np.ndarray
    prior_mi: np.ndarray
    prior_stroke: np.ndarray
    statin: np.ndarray
    bp_drugs: np.ndarray
    enrolled: np.ndarray
    frailty: np.ndarray
    insurer: np.ndarray
    preferential: np.ndarray
    ex_smoker: np.ndarray
    poor_control: np.ndarray
    microvascular: np.ndarray
    angina: np.ndarray
    pad: np.ndarray
    heart_failure: np.ndarray
    ckd: np.ndarray
    copd: np.ndarray
    depression: np.ndarray
    cancer: np.ndarray
    dementia: np.ndarray
    nursing_home: np.ndarray
    antiplatelet: np.ndarray
    ezetimibe: np.ndarray
    pcsk9: np.ndarray
    inclisiran: np.ndarray
    sglt2: np.ndarray
    glp1: np.ndarray
    sample_note: str = ""
    import_note: str = ""

    def __post_init__(self) -> None:
        for column in COLUMNS:
            given = np.asarray(getattr(self, column.name))
            if given.dtype.kind not in "biuf":
                raise DataError(Problem("is not a column of numbers", key=column.name, found=str(given.dtype)))
            array = np.ascontiguousarray(given, dtype=column.dtype).view()
            if given.dtype.kind == "f" and column.dtype != "float64" and not np.array_equal(array, given):
                raise DataError(Problem("is not a column of whole numbers", key=column.name))
            array.flags.writeable = False
            object.__setattr__(self, column.name, array)
        sizes = {len(getattr(self, name)) for name in COLUMN_NAMES}
        if len(sizes) != 1:
            raise DataError("the columns of a population differ in length")

    def __len__(self) -> int:
        return len(self.person)

    def columns(self) -> Iterator[tuple[TraitColumn, np.ndarray]]:
        """Yield every column with its description, in the order of `COLUMNS`."""
        for column in COLUMNS:
            yield column, getattr(self, column.name)

    @property
    def completed_age(self) -> np.ndarray:
        """Completed age 0..110, int64."""
        return np.minimum(self.age.astype(np.int64), 110)

    @property
    def ascvd(self) -> np.ndarray:
        """Whether the person has had a myocardial infarction or a stroke, bool."""
        return np.asarray((self.prior_mi == 1) | (self.prior_stroke == 1))

    def take_practices(self, chosen: Sequence[int] | np.ndarray, note: str = "") -> Population:
        """Return the people of some practices, unchanged but for the practice index, weighted to the region.

        Parameters
        ----------
        chosen
            Indices of practices; they keep their order.
        """
        wanted = np.unique(np.asarray(chosen, dtype=np.int64))
        rows = np.flatnonzero(np.isin(self.practice, wanted))
        weight = self.persons_in_region / len(rows)
        practices = tuple(replace(self.practices[index], weight=weight) for index in wanted)
        parts: dict[str, Any] = {name: getattr(self, name)[rows] for name in COLUMN_NAMES}
        parts["practice"] = np.searchsorted(wanted, parts["practice"])
        return replace(self, practices=practices, sample_note=note, **parts)


TOGETHER = (
    ("ex_smoker", "smoker", False, "smokes now and has stopped"),
    ("poor_control", "diabetes", True, "poor control without diabetes"),
    ("microvascular", "diabetes", True, "complications of diabetes without diabetes"),
    ("nursing_home", "dementia", True, "a nursing home because of dementia, without dementia"),
)
"""Columns of which the first asks for the second, or rules it out, in the same person."""


def contradictions(columns: dict[str, np.ndarray]) -> list[Problem]:
    """Return one problem for each pair of columns that contradict each other in a person."""
    problems = []
    for name, other, needs, what in TOGETHER:
        bad = np.flatnonzero((columns[name] != 0) & ((columns[other] != 0) != needs))
        if len(bad):
            more = f" (first of {len(bad):,} rows)" if len(bad) > 1 else ""
            problems.append(Problem(f"{what}{more}", key=name, found=f"person {columns['person'][bad[0]]}"))
    return problems


def range_problems(columns: dict[str, np.ndarray], file: str, first_row: int = 1) -> list[Problem]:
    """Return one problem for each column of a population that holds a value out of range.

    Parameters
    ----------
    columns
        Arrays by name.
    first_row
        Number of the first row in the file, for messages.
    """
    problems = []
    for column in COLUMNS:
        values = columns[column.name]
        bad = np.flatnonzero(~((values >= column.low) & (values <= column.high)))
        if len(bad):
            more = f" (first of {len(bad):,} rows)" if len(bad) > 1 else ""
            allowed = (f"{column.low:g} to {column.high:g} {column.unit}",)
            message, found = f"out of range{more}", str(values[bad[0]])
            problems.append(Problem(message, file, int(bad[0]) + first_row, None, column.name, found, allowed))
    return problems
