"""Synthetic people, visits, conditions, drugs and costs of an arm, in tables of the shape of OMOP's common data model.

For who writes an analysis before there are data, or tries a tool on data that may be shared: nobody in them exists.
The shape is that of version 5.4 (names and order of the columns used; recalled and compared with published mappings).
Nothing is mapped to a vocabulary but sex and kinds of visits: other concepts are 0, and ``*_source_value`` has paysim's
own names. One arm is simulated again and watched week by week, so dates are those of a week's first day; the model's
year has 364 days.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from paysim.analysis.cells import parquet_bytes
from paysim.analysis.request import read_request
from paysim.analysis.runs import Run, load_run
from paysim.engine.cell import by_year, run_arm, run_base, settling_arm, solve_arms
from paysim.engine.model import Model, build_model
from paysim.errors import DataError, Problem
from paysim.kernel.records import PERIODS_PER_YEAR, TICKS_PER_WEEK, TICKS_PER_YEAR, WEEKS_PER_PERIOD
from paysim.reading import no_formula, write_atomic
from paysim.reading.locks import make_folder

if TYPE_CHECKING:
    import pandas as pd

    from paysim.contracts.settlement import Settlement
    from paysim.engine.accounts import Accounts
    from paysim.engine.region import Region

Format = Literal["csv", "parquet"]
SEX = (8507, 8532)
"""Concepts of men and women in the standard vocabulary."""
OUTPATIENT, INPATIENT, EMERGENCY = 9202, 9201, 9203
"""Concepts of visits in the standard vocabulary."""
DRUGS = (*("statin", "bp_drug_1", "bp_drug_2", "antiplatelet", "ezetimibe", "pcsk9", "inclisiran", "sglt2", "glp1"),)
NO_CONDITIONS = ("smoker", "ex_smoker", "high_risk", "enrolled", "rehabilitation", "nursing_home")
"""Flags of people that are neither conditions nor drugs: habits, risk, programmes and places."""
AT_START, NEW = "at start", "new"

TABLES: dict[str, dict[str, str]] = {
    "person": {
        "person_id": "number of the person (synthetic)",
        "gender_concept_id": "8507 men, 8532 women",
        "year_of_birth": "calendar year",
        "race_concept_id": "0: not in the model",
        "ethnicity_concept_id": "0: not in the model",
        "location_id": "number of the municipality, see person_source_value of care_site",
        "care_site_id": "practice when first seen",
        "gender_source_value": "M or F",
        "education_source_value": "highest attained education: low, mid, high (not in OMOP)",
    },
    "observation_period": {
        "observation_period_id": "one a person",
        "person_id": "see person",
        "observation_period_start_date": "start of the arm, birth or arrival",
        "observation_period_end_date": "end of the run, death or departure",
        "period_type_concept_id": "0",
    },
    "death": {
        "person_id": "see person",
        "death_date": "day of death",
        "death_type_concept_id": "0",
    },
    "care_site": {
        "care_site_id": "number of the practice",
        "care_site_name": "name of the practice (synthetic)",
        "location_id": "number of its municipality",
        "care_site_source_value": "name of the municipality",
    },
    "visit_occurrence": {
        "visit_occurrence_id": "one a contact, visit, admission, trajectory or course",
        "person_id": "see person",
        "visit_concept_id": "9202 outpatient, 9201 inpatient, 9203 emergency department",
        "visit_start_date": "first day of the week in which it happened",
        "visit_end_date": "the same: length of stay is not here",
        "visit_type_concept_id": "0",
        "care_site_id": "practice of the person's list, whoever gave the care",
        "visit_source_value": "paysim's service",
    },
    "condition_occurrence": {
        "condition_occurrence_id": "one a spell of a condition",
        "person_id": "see person",
        "condition_concept_id": "0: not mapped",
        "condition_start_date": "first day of the week in which it began; of those at start the first of observation",
        "condition_end_date": "first day of the week in which it ended; empty: it lasts",
        "condition_type_concept_id": "0",
        "condition_source_value": "paysim's condition",
        "condition_status_source_value": "at start (there when first seen) or new",
    },
    "drug_exposure": {
        "drug_exposure_id": "one a spell of treatment",
        "person_id": "see person",
        "drug_concept_id": "0: not mapped",
        "drug_exposure_start_date": "as of conditions",
        "drug_exposure_end_date": "as of conditions",
        "drug_type_concept_id": "0",
        "drug_source_value": "paysim's kind of drug",
    },
    "payer_plan_period": {
        "payer_plan_period_id": "one a person and contract year",
        "person_id": "see person",
        "payer_plan_period_start_date": "first day of the contract year",
        "payer_plan_period_end_date": "its last day",
        "payer_source_value": "number of the insurer (synthetic)",
        "plan_source_value": "the arm: how care is paid",
    },
    "cost": {
        "cost_id": "one a visit, and one a person and year",
        "cost_event_id": "visit_occurrence_id or payer_plan_period_id",
        "cost_domain_id": "Visit, or Payer Plan Period (not in OMOP): the whole year's",
        "cost_type_concept_id": "0",
        "currency_concept_id": "0: euros of the scenario's price year",
        "total_cost": "what a visit takes to deliver (resource cost); empty for a year",
        "total_paid": "of a visit its tariff, empty in general practice, which contracts pay in other ways; of a year "
        "all that payers paid for the person's care, practices' payments shared out over their lists",
        "paid_by_payer": "of a year: total_paid less paid_by_patient",
        "paid_by_patient": "of a year: deductible and co-payments",
    },
}
"""Columns of every table and what they mean; the data dictionary."""


@dataclass
class _Watch:
    """What is noted of an arm while it is simulated; weeks count from its start."""

    model: Model
    flags: tuple[str, ...]
    weeks: int = 0
    people: list[np.ndarray] = field(default_factory=list)
    visits: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    began: list[tuple[int, str, np.ndarray, bool]] = field(default_factory=list)
    ended: list[tuple[int, str, np.ndarray]] = field(default_factory=list)
    gone: dict[int, tuple[int, bool]] = field(default_factory=dict)
    years: list[dict[str, np.ndarray]] = field(default_factory=list)
    tariffs: dict[int, np.ndarray] = field(default_factory=dict)
    _ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    _flags: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    _counts: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def weekly(self, region: Region) -> Generator[Any, Any, None]:
        """Note the people at the start, and after each week what changed."""
        self._look(region)
        while True:
            yield region.env.timeout(TICKS_PER_WEEK)
            self.weeks += 1
            self._look(region)
            if self.weeks % WEEKS_PER_PERIOD == 0:
                self._counts = np.zeros_like(self._counts)  # the books of the quarter are closed next

    def _look(self, region: Region) -> None:
        people = region.state.people[region.state.listed]
        people = people[np.argsort(people["id"])]
        ids, counts = people["id"], people["counts"][:, : self.model.counted].astype(np.int64)
        known = np.isin(ids, self._ids, assume_unique=True)
        at = np.searchsorted(self._ids, ids[known])
        before, used = np.zeros(len(ids), np.int64), counts.copy()
        before[known] = self._flags[at]
        if len(at):
            used[known] -= self._counts[at]
        self.people.append(people[~known])
        for name in self.flags:
            bit = self.model.flag_bit[name]
            now, then = people["flags"] & bit > 0, before & bit > 0
            for fresh in (True, False):
                rows = now & ~then & (known == fresh)
                if rows.any():
                    self.began.append((self.weeks, name, ids[rows], fresh))
            stopped = then & ~now & known
            if stopped.any():
                self.ended.append((self.weeks, name, ids[stopped]))
        if self.weeks:
            row, service = np.nonzero(used > 0)
            each = np.repeat(np.arange(len(row)), used[row, service])
            self.visits.append((self.weeks - 1, ids[row[each]], service[each], people["practice"][row[each]]))
        left = (people["alive"] == 0) | (people["departed"] == 1)
        for person in people[left]:
            died = person["departed"] == 0
            self.gone.setdefault(int(person["id"]), (int(person["death" if died else "since"]), bool(died)))
        self._ids, self._flags, self._counts = ids, people["flags"].copy(), counts

    def quarter(self, accounts: Accounts, settlement: Settlement) -> None:
        """Note what was paid for everybody in a year that closes."""
        self.tariffs.setdefault(accounts.year, accounts.prices_by_line().sum(axis=1)[: self.model.counted])
        if (accounts.period + 1) % PERIODS_PER_YEAR:
            return
        rows = accounts.state.listed
        use = np.stack([accounts.year_so_far(name)[rows] for name in accounts.names], axis=1)
        paid = use @ accounts.prices_by_line().sum(axis=1) + accounts.year_so_far("gp_payments")[rows]
        lived = accounts.year_so_far("person_years")[rows] > 0.0
        people = accounts.state.people[rows]
        columns = {"person_id": people["id"], "insurer": people["insurer"], "paid": paid}
        columns["patient"] = accounts.year_so_far("patient_payments")[rows]
        self.years.append(
            {name: values[lived] for name, values in columns.items()} | {"year": np.full(lived.sum(), accounts.year)}
        )


def write_omop(
    run: Run | str | os.PathLike[str],
    out: str | os.PathLike[str],
    arm: str | None = None,
    *,
    kind: Format = "csv",
) -> list[Path]:
    """Simulate an arm of a run again (replicate 0) and write its people in tables of OMOP's shape.

    Parameters
    ----------
    run
        A run, or its folder.
    out
        Folder of the tables and of ``dictionary.csv``.
    arm
        By default the current one.
    kind
        ``csv`` or ``parquet``.

    Returns
    -------
    list of Path

    Raises
    ------
    DataError
        If there is no such arm or kind of file, or the folder does not say what was asked.
    """
    if kind not in ("csv", "parquet"):
        raise DataError(Problem("no such kind of file", key="format", found=kind, allowed=("csv", "parquet")))
    loaded = load_run(run) if isinstance(run, str | os.PathLike) else run
    chosen = arm or loaded.current
    loaded.require_arm(chosen)
    tables = omop_tables(loaded, chosen)
    folder = Path(out)
    make_folder(folder)
    written = [folder / f"{name}.{kind}" for name in tables]
    for file, table in zip(written, tables.values(), strict=True):
        write_atomic(file, _bytes(table, kind))
    write_atomic(folder / "dictionary.csv", _bytes(_dictionary(), "csv"))
    return [*written, folder / "dictionary.csv"]


def omop_tables(run: Run, arm: str) -> dict[str, pd.DataFrame]:
    """Return the tables of an arm of a run, by name; columns as in `TABLES`."""
    request = read_request(run.path)
    scenario, sample = request.scenario(run.path), request.options["sample"]
    model = build_model(replace(scenario, replicates=1), sample, request.population(run.path))
    watch = _watched(model, arm)
    people = np.concatenate(watch.people)
    people = people[np.argsort(people["id"])]
    return _Writer(model, watch, people, arm).tables()


def _watched(model: Model, arm: str) -> _Watch:
    scenario = model.scenario
    base = run_base(model, 0)
    settled = run_arm(model, base, settling_arm(scenario), 0)
    solved = solve_arms(scenario, by_year(settled.quarters), base.years)
    flags = tuple(name for name in model.health.flags if name not in NO_CONDITIONS)
    watch = _Watch(model, flags)
    run_arm(model, base, solved[arm][0], 0, own_processes=(watch.weekly,), on_close=watch.quarter)
    return watch


@dataclass(frozen=True)
class _Writer:
    """What was noted, as tables."""

    model: Model
    watch: _Watch
    people: np.ndarray
    arm: str

    def tables(self) -> dict[str, pd.DataFrame]:
        visits, plans = self._visits(), self._plans()
        found = {
            "person": self._person(),
            "observation_period": self._observation(),
            "death": self._death(),
            "care_site": self._sites(),
            "visit_occurrence": visits,
            "condition_occurrence": self._spells("condition", [n for n in self.watch.flags if n not in DRUGS]),
            "drug_exposure": self._spells("drug", [n for n in self.watch.flags if n in DRUGS]),
            "payer_plan_period": plans,
            "cost": self._costs(visits, plans),
        }
        return {name: table[list(TABLES[name])] for name, table in found.items()}

    def _day(self, week: int) -> date:
        return self.model.scenario.start + timedelta(weeks=int(week))

    def _days(self, weeks: np.ndarray) -> list[date]:
        each = {int(week): self._day(week) for week in np.unique(weeks)}
        return [each[int(week)] for week in weeks]

    def _person(self) -> pd.DataFrame:
        import pandas as pd

        people, start = self.people, self.model.scenario.start
        born = [start + timedelta(days=float(tick) * 364.0 / TICKS_PER_YEAR) for tick in people["birth"]]
        return pd.DataFrame(
            {
                "person_id": people["id"],
                "gender_concept_id": np.array(SEX)[people["sex"]],
                "year_of_birth": [day.year for day in born],
                "race_concept_id": 0,
                "ethnicity_concept_id": 0,
                "location_id": people["municipality"],
                "care_site_id": people["practice"],
                "gender_source_value": np.array(["M", "F"])[people["sex"]],
                "education_source_value": np.array(["low", "mid", "high"])[people["education"]],
            }
        )

    def _observation(self) -> pd.DataFrame:
        import pandas as pd

        first = np.concatenate([np.full(len(part), week) for week, part in enumerate(self.watch.people)])
        order = np.argsort(np.concatenate([part["id"] for part in self.watch.people]))
        ticks = [self.watch.gone.get(int(each), (None, False))[0] for each in self.people["id"]]
        ends = [self.watch.weeks if tick is None else max(tick // TICKS_PER_WEEK, 0) for tick in ticks]
        return pd.DataFrame(
            {
                "observation_period_id": np.arange(len(self.people)) + 1,
                "person_id": self.people["id"],
                "observation_period_start_date": self._days(np.maximum(first[order] - 1, 0)),
                "observation_period_end_date": self._days(np.array(ends)),
                "period_type_concept_id": 0,
            }
        )

    def _death(self) -> pd.DataFrame:
        import pandas as pd

        rows = [(person, tick) for person, (tick, died) in sorted(self.watch.gone.items()) if died]
        day = [self.model.scenario.start + timedelta(days=tick * 364 // TICKS_PER_YEAR) for _, tick in rows]
        columns = {"person_id": [person for person, _ in rows], "death_date": day, "death_type_concept_id": 0}
        return pd.DataFrame(columns)

    def _sites(self) -> pd.DataFrame:
        import pandas as pd

        population = self.model.population
        rows = [
            (k, each.name, each.municipality, population.municipalities[each.municipality])
            for k, each in enumerate(population.practices)
        ]
        return pd.DataFrame(rows, columns=list(TABLES["care_site"]))

    def _visits(self) -> pd.DataFrame:
        import pandas as pd

        services = self.model.care.services
        kinds = [
            EMERGENCY if name == "ed_visit" else INPATIENT if unit == "admission" else OUTPATIENT
            for name, unit in zip(services.names, services.units, strict=True)
        ]
        parts = self.watch.visits or [(0, *(np.zeros(0, np.int64),) * 3)]
        week = np.concatenate([np.full(len(ids), week) for week, ids, _, _ in parts])
        person, service, practice = (np.concatenate([part[k] for part in parts]) for k in (1, 2, 3))
        days = self._days(week)
        return pd.DataFrame(
            {
                "visit_occurrence_id": np.arange(len(week)) + 1,
                "person_id": person,
                "visit_concept_id": np.array(kinds)[service],
                "visit_start_date": days,
                "visit_end_date": days,
                "visit_type_concept_id": 0,
                "care_site_id": practice,
                "visit_source_value": np.array(services.names)[service],
                "_service": service,
                "_year": week * TICKS_PER_WEEK // TICKS_PER_YEAR,
            }
        )

    def _spells(self, what: str, names: Sequence[str]) -> pd.DataFrame:
        """Return spells of conditions or drugs: each beginning with the next end of the same person and flag."""
        import pandas as pd

        ends: dict[tuple[int, str], list[int]] = {}
        for week, name, ids in self.watch.ended:
            for person in ids.tolist():
                ends.setdefault((person, name), []).append(week)
        rows = []
        for week, name, ids, fresh in self.watch.began:
            if name not in names:
                continue
            for person in ids.tolist():
                until = next((end for end in ends.get((person, name), ()) if end > week), None)
                rows.append((person, max(week - 1, 0), until, name, NEW if fresh else AT_START))
        rows.sort(key=lambda row: (row[0], row[1], row[3]))
        start, end = (
            [self._day(row[1]) for row in rows],
            [None if row[2] is None else self._day(row[2] - 1) for row in rows],
        )
        key = "condition_occurrence" if what == "condition" else "drug_exposure"
        lead = what if what == "condition" else key
        return pd.DataFrame(
            {
                f"{key}_id": np.arange(len(rows)) + 1,
                "person_id": [row[0] for row in rows],
                f"{what}_concept_id": 0,
                f"{lead}_start_date": start,
                f"{lead}_end_date": end,
                f"{what}_type_concept_id": 0,
                f"{what}_source_value": [row[3] for row in rows],
                f"{what}_status_source_value": [row[4] for row in rows],
            }
        )

    def _plans(self) -> pd.DataFrame:
        import pandas as pd

        parts = [pd.DataFrame(year) for year in self.watch.years]
        frame = pd.concat(parts, ignore_index=True).sort_values(["person_id", "year"], kind="stable", ignore_index=True)
        weeks = TICKS_PER_YEAR // TICKS_PER_WEEK
        first = frame["year"].to_numpy() * weeks
        return frame.assign(
            payer_plan_period_id=np.arange(len(frame)) + 1,
            payer_plan_period_start_date=self._days(first),
            payer_plan_period_end_date=[day - timedelta(days=1) for day in self._days(first + weeks)],
            payer_source_value=frame["insurer"].astype(str),
            plan_source_value=self.arm,
        )

    def _costs(self, visits: pd.DataFrame, plans: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        services, care = self.model.care.services, self.model.care
        service, year = visits["_service"].to_numpy(), visits["_year"].to_numpy()
        tariffs = np.stack([self.watch.tariffs[k] for k in sorted(self.watch.tariffs)])
        paid = tariffs[year, service] if len(visits) else np.zeros(0)
        practice = np.array([each == "general_practice" for each in services.sectors])[service]
        of_visits = pd.DataFrame(
            {
                "cost_event_id": visits["visit_occurrence_id"],
                "cost_domain_id": "Visit",
                "total_cost": care.resource_cost_eur[service],
                "total_paid": np.where(practice, np.nan, paid),
                "paid_by_payer": np.nan,
                "paid_by_patient": np.nan,
            }
        )
        of_years = pd.DataFrame(
            {
                "cost_event_id": plans["payer_plan_period_id"],
                "cost_domain_id": "Payer Plan Period",
                "total_cost": np.nan,
                "total_paid": plans["paid"],
                "paid_by_payer": plans["paid"] - plans["patient"],
                "paid_by_patient": plans["patient"],
            }
        )
        both = pd.concat([of_visits, of_years], ignore_index=True)
        return both.assign(cost_id=np.arange(len(both)) + 1, cost_type_concept_id=0, currency_concept_id=0)


def _dictionary() -> pd.DataFrame:
    import pandas as pd

    rows = [(table, column, what) for table, columns in TABLES.items() for column, what in columns.items()]
    return pd.DataFrame(rows, columns=["table", "column", "meaning"])


def _bytes(table: pd.DataFrame, kind: Format) -> bytes:
    if kind == "csv":
        safe = table.copy()
        for column in safe.columns:
            if safe[column].dtype == object:
                safe[column] = [no_formula(value) for value in safe[column]]
        return safe.to_csv(index=False, lineterminator="\n", float_format="%.2f").encode()
    import pyarrow as pa

    return parquet_bytes(pa.Table.from_pandas(table, preserve_index=False))
