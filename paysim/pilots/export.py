"""Claims-like tables of a pilot's arms, to write the evaluation before there is a pilot: person-years, practice-months.

Both arms are simulated once more and watched; nothing is made up that the model does not hold. It has years of 52 weeks
and closes its books every 13: months are 4, 4 and 5 weeks, as accountants divide a quarter. Contacts, referrals and
admissions fall in the month in which they happened; care that has no date in the model (background care, budgets, fees
by list) is spread evenly over its quarter.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from paysim.contracts.settlement import LINES, Settlement
from paysim.engine.accounts import Accounts
from paysim.engine.cell import by_year, run_arm, run_base, settling_arm, solve_arms
from paysim.engine.model import Model, build_model
from paysim.engine.region import Region
from paysim.kernel.records import PERIODS_PER_YEAR, TICKS_PER_WEEK, TICKS_PER_YEAR, WEEKS_PER_PERIOD
from paysim.pilots import chance
from paysim.pilots.allocation import NEVER
from paysim.pilots.model import Pilot
from paysim.pilots.panel import check_table, write_table
from paysim.pilots.worlds import needed

if TYPE_CHECKING:
    import pandas as pd

MONTHS = (4, 4, 5)
"""Weeks of the months of a quarter."""
GENERAL_PRACTICE = LINES[0]

_SHARED = {
    "site": "name of the practice (synthetic)",
    "year": "contract year, 0 is the first of the scenario",
    "arm": "contract under which all practices are in this row: the comparator's or the one on trial",
    "group": "treated, control or none: who takes part in one draw of the pilot, at random whatever its selection",
    "start_year": "contract year in which a treated practice starts; empty for others",
    "observed": "1 in the rows that an evaluator would have: of treated practices from their start on those of the arm "
    "on trial, otherwise those of the comparator; who came to a treated practice under the arm on trial is seen there. "
    "The arm on trial has been in force since year 0",
}
PERSON_DICTIONARY = {
    "person": "number of the person, the same in both arms (synthetic)",
    **_SHARED,
    "age": "completed years at the end of the year, or at death",
    "sex": "0 men, 1 women",
    "deprived": "1 in a deprived area",
    "segment": "age band, deprivation and recorded condition, see `paysim.accounting.segments`",
    "died": "1 if the person died in the year",
    "person_years": "time lived in the region in the year",
    "payments_*": "euros that payers paid, by budget line; general practice: the practice's, shared out over its list",
    "patient_payments": "of that what the person bears, in euro",
    "use_*": "quantity used, by service",
}
MONTH_DICTIONARY = {
    **_SHARED,
    "month": "1 to 12: of 4, 4 and 5 weeks in each quarter",
    "weeks": "length of the month",
    "members": "people on the practice's list at the end of the month",
    "use_*": "quantity used in the month, by service, of the people on the list at its end; visits of clinics are "
    "spread evenly over their quarter",
    "payments_*": "euros that payers paid, by budget line; what has no date is spread evenly over its quarter",
}


@dataclass
class _Watch:
    """What is noted of one arm while it is simulated."""

    model: Model
    arm: str
    persons: list[dict[str, np.ndarray]] = field(default_factory=list)
    months: list[dict[str, Any]] = field(default_factory=list)
    _seen: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)

    def weekly(self, region: Region) -> Generator[Any, Any, None]:
        """Note at the end of each month who is on which list, and what everybody used so far in the quarter."""
        ends = np.cumsum(MONTHS) % WEEKS_PER_PERIOD
        week = 0
        while True:
            yield region.env.timeout(TICKS_PER_WEEK)
            week += 1
            if week % WEEKS_PER_PERIOD in ends:
                rows = region.state.listed
                people = region.state.people[rows]
                order = np.argsort(people["id"])
                on_list = (people["alive"] == 1) & (people["unlisted"] == 0)
                practice = np.where(on_list, people["practice"], -1 - people["practice"])  # negative: of no member
                counts = people["counts"][:, : self.model.counted].astype(float)
                self._seen.append((people["id"][order], practice[order], counts[order]))

    def quarter(self, accounts: Accounts, settlement: Settlement) -> None:
        """Close a quarter: three months, and after the fourth one the person-years."""
        activity = settlement.book.activity
        assert activity.payments is not None
        prices = accounts.prices_by_line()[: self.model.counted]
        used = self._by_month()
        total = activity.payments.sum(axis=1)  # [practice, line]
        # Visits of clinics are counted when the quarter closes, not in the weeks before.
        dated = np.sum([counts for counts, _ in used], axis=0)
        services = activity.services.sum(axis=1)[:, : self.model.counted]
        counted_late = np.where(dated.sum(axis=0) == 0.0, services, 0.0)
        undated = total - sum(counts @ prices for counts, _ in used)
        for k, ((counts, members), weeks) in enumerate(zip(used, MONTHS, strict=True)):
            share = weeks / WEEKS_PER_PERIOD
            paid, counts = counts @ prices + undated * share, counts + counted_late * share
            at = {"year": accounts.year, "month": accounts.period % PERIODS_PER_YEAR * len(MONTHS) + k + 1}
            self.months.append({**at, "weeks": weeks, "members": members, "use": counts, "paid": paid})
        self._seen.clear()
        if (accounts.period + 1) % PERIODS_PER_YEAR == 0:
            self.persons.append(self._year(accounts))

    def _by_month(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return use ``[practice, service]`` and members ``[practice]`` of each month of the quarter."""
        practices = len(self.model.population.practices)
        before_id, before = np.zeros(0, np.int64), np.zeros((0, self.model.counted))
        found = []
        for identity, practice, counts in self._seen:
            rise = counts.copy()
            known = np.isin(identity, before_id, assume_unique=True)
            rise[known] -= before[np.searchsorted(before_id, identity[known])]
            used = np.zeros((practices, self.model.counted))
            np.add.at(used, np.where(practice < 0, -1 - practice, practice), rise)
            found.append((used, np.bincount(practice[practice >= 0], minlength=practices)))
            before_id, before = identity, counts
        return found

    def _year(self, accounts: Accounts) -> dict[str, np.ndarray]:
        rows = accounts.state.listed
        people = accounts.state.people[rows]
        seen = accounts.seen[rows]
        start = (accounts.year * PERIODS_PER_YEAR) * WEEKS_PER_PERIOD * TICKS_PER_WEEK
        columns: dict[str, np.ndarray] = {
            "person": people["id"],
            "practice": seen["practice"],
            "age": np.minimum(people["death"], start + TICKS_PER_YEAR) - people["birth"],
            "sex": people["sex"],
            "deprived": people["deprived"],
            "segment": seen["segment"],
            "died": (people["death"] < start + TICKS_PER_YEAR).astype(np.int8),
            "person_years": accounts.year_so_far("person_years")[rows],
        }
        columns["age"] = columns["age"] // TICKS_PER_YEAR
        use = np.stack([accounts.year_so_far(name)[rows] for name in accounts.names], axis=1)
        paid = use @ accounts.prices_by_line()
        paid[:, 0] = accounts.year_so_far("gp_payments")[rows]
        columns |= {f"payments_{line}": paid[:, k] for k, line in enumerate(LINES)}
        columns["patient_payments"] = accounts.year_so_far("patient_payments")[rows]
        columns |= {f"use_{name}": use[:, k] for k, name in enumerate(accounts.names[: self.model.counted])}
        here = columns["person_years"] > 0.0
        return {name: values[here] for name, values in columns.items()} | {"year": np.full(here.sum(), accounts.year)}


def export(
    pilot: Pilot,
    persons: str | os.PathLike[str] | None = None,
    months: str | os.PathLike[str] | None = None,
    *,
    sample: int | None = None,
) -> list[tuple[Path, Path]]:
    """Simulate a pilot's two arms and write person-years and practice-months, each with a data dictionary.

    Parameters
    ----------
    persons, months
        Files that end in ``.csv`` or ``.parquet``; None: not written.
    sample
        Whole practices with about this many people.

    Returns
    -------
    list of (Path, Path)
        Tables and dictionaries.
    """
    for path in (persons, months):
        if path is not None:
            check_table(path)
    model = build_model(needed(pilot), sample)
    watches = _watched(pilot, model)
    taking_part = _taking_part(pilot, [each.name for each in model.population.practices])
    written = []
    if persons is not None:
        frame = _mark(_person_frame(watches), taking_part, pilot)
        written.append(write_table(frame, _named(PERSON_DICTIONARY, frame), persons))
    if months is not None:
        frame = _mark(_month_frame(watches), taking_part, pilot)
        written.append(write_table(frame, _named(MONTH_DICTIONARY, frame), months))
    return written


def _watched(pilot: Pilot, model: Model) -> list[_Watch]:
    scenario = model.scenario
    base = run_base(model, 0)
    settled = run_arm(model, base, settling_arm(scenario), 0)
    solved = solve_arms(scenario, by_year(settled.quarters), base.years)
    found = []
    for name in (pilot.comparator_arm, pilot.trial_arm):
        watch = _Watch(model, name)
        run_arm(model, base, solved[name][0], 0, own_processes=(watch.weekly,), on_close=watch.quarter)
        found.append(watch)
    return found


def _person_frame(watches: list[_Watch]) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for watch in watches:
        names = np.array([each.name for each in watch.model.population.practices])
        for year in watch.persons:
            frame = pd.DataFrame({name: values for name, values in year.items() if name != "practice"})
            frame.insert(1, "site", names[year["practice"]])
            frame.insert(2, "arm", watch.arm)
            parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def _month_frame(watches: list[_Watch]) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for watch in watches:
        names = [each.name for each in watch.model.population.practices]
        services = watch.model.care.services.names[: watch.model.counted]
        for month in watch.months:
            columns: dict[str, Any] = {"site": names, "arm": watch.arm}
            columns |= {key: month[key] for key in ("year", "month", "weeks", "members")}
            columns |= {f"use_{name}": month["use"][:, k] for k, name in enumerate(services)}
            columns |= {f"payments_{line}": month["paid"][:, k] for k, line in enumerate(LINES)}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _taking_part(pilot: Pilot, sites: list[str]) -> dict[str, tuple[str, int]]:
    """Return group and start of the practices that take part in trial 0, drawn at random; as many as there are."""
    order = np.argsort(chance.uniform(pilot.seed, 1, chance.ORDER, len(sites))[0], kind="stable")
    share = pilot.treated / pilot.sites
    size = min(pilot.sites, len(sites))
    treated = pilot.treated if size == pilot.sites else max(1, round(size * share))
    found = {}
    for place, at in enumerate(order[:size]):
        wave = place * pilot.waves // treated
        start = pilot.start_year + wave * (pilot.years // pilot.waves)
        found[sites[at]] = ("treated", start) if place < treated else ("control", NEVER)
    return found


def _mark(frame: pd.DataFrame, taking_part: dict[str, tuple[str, int]], pilot: Pilot) -> pd.DataFrame:
    """Add group, start and whether an evaluator would have the row."""
    import pandas as pd

    group = frame["site"].map({site: each[0] for site, each in taking_part.items()}).fillna("none")
    start = frame["site"].map({site: each[1] for site, each in taking_part.items()}).fillna(NEVER).astype(int)
    end = NEVER if pilot.withdrawn_after is None else pilot.start_year + pilot.withdrawn_after
    on = (frame["year"] >= start) & (frame["year"] < end)
    shown = pd.Series(np.where(on, pilot.trial_arm, pilot.comparator_arm), index=frame.index)
    observed = frame["arm"] == shown
    if "person" in frame:  # a move between practices that the contract brought about: who is seen under it has come
        whose = pd.MultiIndex.from_frame(frame[["person", "year"]])
        come = whose[observed & (frame["arm"] == pilot.trial_arm)]
        observed = observed & ~((frame["arm"] == pilot.comparator_arm) & whose.isin(come))
    start_year = start.where(start < NEVER).astype("Int64")
    return frame.assign(group=group, start_year=start_year, observed=observed.astype(np.int8))


def _named(dictionary: dict[str, str], frame: pd.DataFrame) -> dict[str, str]:
    """Return a line for each column of the frame; a key may end in * for a family of them."""
    found = {}
    for column in frame.columns:
        family = next((key for key in dictionary if key.endswith("*") and column.startswith(key[:-1])), column)
        found[column] = dictionary[family]
    return found
