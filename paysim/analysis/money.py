"""Whose money: income and cash of every actor, what each puts in and gets back, and cost from several points of view.

All of it is read from the double-entry ledger, so that what one actor gains another one loses: over all actors every
table adds up to zero. A sample stands for its region: amounts are multiplied by its weight, but for the statement of an
actor, which is the ledger of the people simulated, and for single practices, which stand for themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from paysim.accounting.ledger import ORGANISATIONS, is_practice, practice_actor
from paysim.accounting.organisations import Organisations, load_organisations
from paysim.analysis.compare import baselines, compare, t_interval
from paysim.analysis.measures import records
from paysim.analysis.runs import Run
from paysim.contracts.settlement import PAYERS
from paysim.engine.organisations import parties
from paysim.errors import DataError, Problem, nearest_name
from paysim.kernel.records import PERIODS_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

PRACTICES = "practices"
ORGANISATIONS_LEVEL = "organisations"
"""Level of those whose solvency is judged: reinsurers and investors lie outside the region."""
ORGANISATIONS_ROW = "organisations (before running costs)"
PERSPECTIVES: dict[str, tuple[str, ...]] = {
    "insurers": ("insurers",),
    "patients": ("patients",),
    "practices": (PRACTICES,),
    ORGANISATIONS_ROW: ORGANISATIONS,
    "long-term care payers": ("care_offices",),
    "municipalities and government": ("municipalities", "government"),
    "all payers": PAYERS,
}
"""Whose purse is looked into. What flows inside a group of actors is a transfer and cancels."""
REST = "other providers, staff and suppliers of practices"
"""Everybody else in the ledger: with them payers, practices and organisations add up to nothing."""

RESOURCES = {
    "health care (resource cost)": "resource_cost_total",
    "of it running organisations": "resource_cost_organisations",
    "society (care, informal care, time and travel of patients, lost work)": "societal_cost",
}
"""What is used up, whoever pays: measures of a run."""

MEASURED = {
    "insurers": ("insurer_payments_per_head", 1),
    "patients": ("patient_payments_per_head", 1),
    "practices": ("practice_margin_per_head", -1),
    "long-term care payers": ("spending_long_term_care_per_head", 1),
    "municipalities and government": ("others_payments_per_head", 1),
    "health care (resource cost)": ("resource_cost_per_head", 1),
}
"""Points of view that `compare` has a measure of, and its sign as a cost."""

LONG_TERM_CARE_HELD = (
    "Long-term care in 'society', 'long-term care payers' and 'all payers' is nursing homes of people with dementia "
    "only: the model has no other."
)
"""What the table of `perspectives` holds of long-term care; to be said wherever it is shown."""

YEARLY_COLUMNS = ("level", "actor", "year", "puts_in_eur", "gets_back_eur", "net_eur", "net_discounted_eur")
TOTAL_COLUMNS = (
    "level",
    "actor",
    "puts_in_eur",
    "gets_back_eur",
    "net_eur",
    "net_discounted_eur",
    "net_within_horizon_eur",
)


def organisations_of(run: Run, name: str | None = None) -> Organisations:
    """Return the organisations of a run: those of its country, or of the name or file given."""
    return load_organisations(name or str(run.scenario["country"]).lower())


def statement(run: Run, actor: str, arm: str | None = None, replicate: int = 0) -> pd.DataFrame:
    """Return an actor's income statement by quarter, in euro.

    Parameters
    ----------
    actor
        A practice by its name, ``practices`` for all of them, or another actor of the ledger.

    Returns
    -------
    DataFrame
        Indexed by quarter from 0: a signed column for each account, ``income_eur``, ``expenses_eur`` (negative) and
        ``result_eur``. Of the people simulated: a sample is not weighted here.

    Raises
    ------
    DataError
        If there is no such actor, arm or replicate.
    """
    import pandas as pd

    from paysim.accounting.statements import income_statement

    rows, name = _ledger(run, arm, replicate), _actor(run, actor)
    if name != PRACTICES and name not in set(rows["actor"]):  # other arms move money of theirs, this one does not
        quarters = pd.RangeIndex(run.scenario["horizon_years"] * PERIODS_PER_YEAR, name="period")
        return pd.DataFrame(0.0, index=quarters, columns=["income_eur", "expenses_eur", "result_eur"])
    return income_statement(rows, name)


def cash(
    run: Run,
    actor: str,
    arm: str | None = None,
    *,
    baseline: str | None = None,
    replicate: int = 0,
    organisations: Organisations | None = None,
) -> pd.DataFrame:
    """Return an actor's cash by quarter: bills are paid later than they arise.

    At the start bills of earlier quarters are still open; they are taken to be like those of the first quarter of the
    current arm, so that a change from bills to payment in advance brings cash forward once. The ledger has no premiums
    and taxes, and no costs of other providers than practices: for these actors only the difference from a baseline
    says something.

    Parameters
    ----------
    baseline
        Give differences from this arm: what the change takes out of the reserve, or brings.

    Returns
    -------
    DataFrame
        Indexed by quarter from 0: ``result_eur`` (as arising), ``cash_eur`` (as paid), ``position_eur`` (reserve and
        all cash so far), ``receivable_eur`` (arisen and not yet paid, negative: owed) and ``insolvent``. In euro of the
        region; of a single practice, its own. What running an organisation takes, which no ledger has, is taken off.

    Raises
    ------
    DataError
        As `statement`; or if the organisations do not name the actor.
    """
    about = organisations or organisations_of(run)
    found = _flow(run, actor, arm, replicate, about)
    if baseline is not None:
        found = found - _flow(run, actor, baseline, replicate, about)
    name = _actor(run, actor)
    entry = about[PRACTICES if is_practice(name) else actor]
    found["position_eur"] = entry.reserve_eur_per_person * _people(run, name, replicate) + found["cash_eur"].cumsum()
    found["insolvent"] = found["position_eur"] < 0.0
    return found


def _flow(run: Run, actor: str, arm: str | None, replicate: int, about: Organisations) -> pd.DataFrame:
    """Return what arises, what is paid and what is open, by quarter."""
    import pandas as pd

    name = _actor(run, actor)
    quarters = run.scenario["horizon_years"] * PERIODS_PER_YEAR
    before = _by_lag(run, run.current, replicate, name, about)
    arisen = _by_lag(run, arm, replicate, name, about)
    paid = np.zeros(quarters)
    open_at_start = 0.0
    for lag in sorted({*arisen, *before}):
        now = arisen.get(lag, np.zeros(quarters))
        first = before[lag][0] if lag in before else 0.0
        paid += np.concatenate([np.full(min(lag, quarters), first), now[: max(0, quarters - lag)]])
        open_at_start += lag * first
    result = sum(arisen.values(), np.zeros(quarters))
    running = _running(run, actor, arm, replicate, about)
    result, paid = result - running, paid - running
    frame = {"result_eur": result, "cash_eur": paid, "receivable_eur": open_at_start + (result - paid).cumsum()}
    return pd.DataFrame(frame, index=pd.RangeIndex(quarters, name="period"))


def pockets(
    run: Run,
    arm: str,
    baseline: str | None = None,
    *,
    by_year: bool = False,
    organisations: Organisations | None = None,
    through_owners: bool = False,
) -> pd.DataFrame:
    """Return the wrong-pocket matrix: what each actor puts in and gets back in an arm, against a baseline.

    By account and year, an actor that pays more or receives less than in the baseline puts in the difference; one that
    pays less or receives more gets it back. Over all actors the net is zero.

    Parameters
    ----------
    baseline
        By default the first arm that the scenario compares with.
    by_year
        Return a row for each actor and year, instead of one for each actor.
    through_owners
        Whether what organisations gain or lose falls to their owners, and to the owners of these.

    Returns
    -------
    DataFrame
        Columns `TOTAL_COLUMNS`, or by year `YEARLY_COLUMNS` (years from 0), in euro of the whole region, the mean of
        the replicates. Discounted at the scenario's rate for costs, from the middle of each year; within the horizon
        of the actor: discounted, of the years that count for it, and on the people who are still there at the end of a
        year. A steady saving returns to the actor in the share sum (d r)^t / sum d^t over years t, with discount
        factor d and retention r, the sum above ending at the horizon.

    Raises
    ------
    DataError
        If there is no such arm, or the organisations do not name an actor, or no owners where they are asked for.
    """
    import pandas as pd

    about = organisations or organisations_of(run)
    baseline = run.compare_with[0] if baseline is None else baseline
    change = _yearly(run, arm).sub(_yearly(run, baseline), fill_value=0.0)
    if through_owners:
        change = _to_owners(change, about)
    actors = set(change.index.get_level_values("actor"))
    years, rate = int(run.scenario["horizon_years"]), float(run.scenario["discounting"]["costs"])
    factor = (1.0 + rate) ** -(np.arange(years) + 0.5)
    rows: list[tuple[object, ...]] = []
    for entry in (about[actor] for actor in sorted(actors, key=lambda name: about.place(name))):
        mine = change.xs(entry.actor, level="actor")
        put, got = _by_year(-mine[mine < 0.0], years), _by_year(mine[mine > 0.0], years)
        net = got - put
        if by_year:
            each = zip(range(years), put, got, net, net * factor, strict=True)
            rows += [(entry.level, entry.actor, *values) for values in each]
        else:
            horizon = years if entry.horizon_years is None else round(entry.horizon_years)
            counts = factor * entry.retention ** np.arange(1, years + 1)
            sums = (put.sum(), got.sum(), net.sum(), (net * factor).sum(), (net * counts)[:horizon].sum())
            rows.append((entry.level, entry.actor, *sums))
    return pd.DataFrame(rows, columns=list(YEARLY_COLUMNS if by_year else TOTAL_COLUMNS))


def _by_year(euros: pd.Series[float], years: int) -> np.ndarray:
    found = np.zeros(years)
    np.add.at(found, euros.index.get_level_values("year").to_numpy(), euros.to_numpy())
    return found


def perspectives(run: Run) -> pd.DataFrame:
    """Return what each arm costs, from several points of view, per head of the region and year.

    Returns
    -------
    DataFrame
        A row for each of `PERSPECTIVES`, `REST` and `RESOURCES`, a column for each arm, the mean of the replicates; for
        practices what is left for their owners, as a cost: negative. What flows between the actors of a perspective
        cancels, so that a deductible moves cost from insurers to patients and not that of all payers. All payers,
        practices, organisations and the rest add up to 0. Long-term care is that of
        `LONG_TERM_CARE_HELD`.
    """
    import pandas as pd

    each = [_costs(run, replicate) for replicate in range(run.manifest["replicates"])]
    return pd.concat([costs.div(people) for costs, people in each]).groupby(level=0, sort=False).mean()


def perspective_differences(run: Run, baseline: str | None = None) -> pd.DataFrame:
    """Return what each arm costs more than another one, from each point of view, with intervals where the run has them.

    Parameters
    ----------
    baseline
        By default the first arm that the scenario compares with.

    Returns
    -------
    DataFrame
        ``perspective``, ``arm``, ``baseline``, ``difference``, ``low``, ``high``: EUR per head of the baseline a year.
        Intervals are over replicates; of a single one, those of `paysim.analysis.compare.compare` for the points of
        view that it has a measure of, and missing for the others.

    Raises
    ------
    ScenarioError
        If there is no such arm.
    """
    import pandas as pd

    (base,) = baselines(run, baseline or run.compare_with[0])
    each = [_costs(run, replicate) for replicate in range(run.manifest["replicates"])]
    changes = [costs.sub(costs[base], axis=0) / float(people[base]) for costs, people in each]
    known = {}
    if len(each) == 1:
        table = compare(run, base)
        known = {(row["measure"], row["arm"]): (row["low"], row["high"]) for row in records(table)}
    rows = []
    for arm in (name for name in run.arms if name != base):
        for title in changes[0].index:
            values = np.array([change.loc[title, arm] for change in changes])
            low, high = t_interval(values)
            measure, sign = MEASURED.get(title, ("", 1))
            if (measure, arm) in known:
                low, high = sorted(sign * end for end in known[measure, arm])
            rows.append((title, arm, base, float(values.mean()), low, high))
    return pd.DataFrame(rows, columns=["perspective", "arm", "baseline", "difference", "low", "high"])


def _costs(run: Run, replicate: int) -> tuple[pd.DataFrame, pd.Series[float]]:
    """Return euro of the region by point of view and arm, and person-years by arm, over the horizon of a replicate."""
    import pandas as pd

    results = run.results
    mine = (results["dimension"] == "all") & (results["period"] >= 0) & (results["replicate"] == replicate)
    total = results[mine].groupby(["arm", "measure"], observed=True)["value"].sum()
    table = {}
    for arm in run.arms:
        actors = _yearly(run, arm, replicate).groupby(level="actor").sum()
        costs = {
            title: -sum((float(actors.get(actor, 0.0)) for actor in group), 0.0) + 0.0
            for title, group in PERSPECTIVES.items()
        }
        costs[REST] = -(costs["all payers"] + costs["practices"] + costs[ORGANISATIONS_ROW]) + 0.0
        costs |= {title: float(total.get((arm, measure), 0.0)) for title, measure in RESOURCES.items()}
        table[arm] = costs
    people = {arm: float(total[arm, "person_years"]) for arm in run.arms}
    return pd.DataFrame(table), pd.Series(people)


@dataclass(frozen=True)
class Shortage:
    """An organisation that runs out of cash in an arm.

    Attributes
    ----------
    title
        Of the organisation.
    first, quarters, of
        First quarter without cash, counted from 1, quarters without, and all quarters, over all replicates.
    least_eur_per_person
        Lowest cash, per person of the region at the start.
    reserve_eur_per_person
        With which it starts.
    """

    title: str
    first: int
    quarters: int
    of: int
    least_eur_per_person: float
    reserve_eur_per_person: float


def shortages(run: Run, arm: str) -> list[Shortage]:
    """Return the organisations of the region that run out of cash in an arm: reserve, contracts and running costs."""
    rows, found = run.ledger, []
    active = set(rows[rows["arm"] == arm]["actor"].astype(str)) & set(ORGANISATIONS)
    for entry in organisations_of(run).members if active else ():
        if entry.actor not in active or entry.level != ORGANISATIONS_LEVEL or not entry.reserve_eur_per_person:
            continue
        tables = [cash(run, entry.actor, arm, replicate=each) for each in range(run.manifest["replicates"])]
        broke = np.concatenate([table["insolvent"].to_numpy() for table in tables])
        if broke.any():
            people = [_people(run, entry.actor, each) for each in range(len(tables))]
            least = min(float(table["position_eur"].min()) / n for table, n in zip(tables, people, strict=True))
            first = min(int(table["insolvent"].to_numpy().argmax()) for table in tables if table["insolvent"].any())
            reserve = entry.reserve_eur_per_person
            found.append(Shortage(entry.title, first + 1, int(broke.sum()), len(broke), least, reserve))
    return found


def _ledger(run: Run, arm: str | None, replicate: int | None) -> pd.DataFrame:
    """Return the ledger of an arm, of one replicate or all."""
    arm = run.current if arm is None else arm
    run.require_arm(arm)
    table = run.ledger
    mine = table[table["arm"] == arm]
    if replicate is not None:
        last = run.manifest["replicates"] - 1
        if not 0 <= replicate <= last:
            problem = Problem("no such replicate", file=str(run.path), found=str(replicate), allowed=(f"0 to {last}",))
            raise DataError(problem)
        mine = mine[mine["replicate"] == replicate]
    return mine.astype({"actor": str, "account": str})


def _actor(run: Run, actor: str) -> str:
    """Return the actor's name in the ledger; an arm that moves no money of theirs may lack it."""
    known = set(run.ledger["actor"].astype(str))
    if actor == PRACTICES or actor in known:
        return actor
    if practice_actor(actor) in known:
        return practice_actor(actor)
    shown = [*sorted(name.removeprefix(practice_actor("")) for name in known), PRACTICES]
    near = nearest_name(actor, shown)
    raise DataError(Problem("no such actor", file=str(run.path), found=repr(actor), allowed=tuple(shown), nearest=near))


def _running(run: Run, actor: str, arm: str | None, replicate: int, about: Organisations) -> np.ndarray:
    """Return what an organisation costs to run in each quarter, in years for which it pays or receives."""
    euros = np.zeros(run.scenario["horizon_years"] * PERIODS_PER_YEAR)
    if actor not in ORGANISATIONS:
        return euros
    rate = about[actor].running_cost_eur_per_person_year
    contracts = run.contracts(run.current if arm is None else arm, replicate)
    for year in range(run.scenario["horizon_years"]):
        if actor in parties(contracts, year):
            quarters = slice(year * PERIODS_PER_YEAR, (year + 1) * PERIODS_PER_YEAR)
            euros[quarters] = rate * _people(run, actor, replicate) / PERIODS_PER_YEAR
    return euros


def _by_lag(run: Run, arm: str | None, replicate: int, actor: str, about: Organisations) -> dict[int, np.ndarray]:
    """Return ``{lag in quarters: [quarter]}`` euros of an actor.

    Only what is billed by the unit comes late: a budget or a fee per person is paid when it is due.
    """
    rows = _ledger(run, arm, replicate)
    mine = rows[rows["actor"].map(is_practice) if actor == PRACTICES else rows["actor"] == actor]
    contracts = run.contracts(run.current if arm is None else arm, replicate)
    billed = {f"{each.name}/{part.name}" for each in contracts for part in each.components if part.services_paid()}
    by_unit = (mine["contract"].astype(str) + "/" + mine["component"].astype(str)).isin(billed)
    lags = mine["account"].map(about.lags).fillna(0).astype(int).where(by_unit, 0)
    weight = 1.0 if is_practice(actor) else _weight(run)
    found = {}
    for lag, each in mine.groupby(lags):
        euros = np.zeros(run.scenario["horizon_years"] * PERIODS_PER_YEAR)
        np.add.at(euros, each["period"].to_numpy(), each["cents"].to_numpy() * (weight / 100.0))
        found[int(lag)] = euros
    return found


def _people(run: Run, actor: str, replicate: int) -> float:
    """Return the people at the start: on the list of a practice, or of the region."""
    first = run.cell(run.current, replicate).quarters[0]
    lived = first.person_years.sum(axis=1) / first.years
    if is_practice(actor):
        return float(lived[first.practice_names.index(actor.removeprefix(practice_actor("")))])
    return float(lived.sum()) * _weight(run)


def _weight(run: Run) -> float:
    """Return people of the region for each one simulated."""
    return float((run.manifest.get("sample") or {}).get("weight", 1.0))


def _yearly(run: Run, arm: str, replicate: int | None = None) -> pd.Series[float]:
    """Return an arm's euros by actor, account and year: of the whole region, of a replicate or the mean of all."""
    rows = _ledger(run, arm, replicate)
    weight = _weight(run) / (run.manifest["replicates"] if replicate is None else 1)
    rows = rows.assign(
        actor=rows["actor"].where(~rows["actor"].map(is_practice), PRACTICES),
        year=rows["period"] // PERIODS_PER_YEAR,
    )
    euros: pd.Series[float] = rows.groupby(["actor", "account", "year"])["cents"].sum() * (weight / 100.0)
    return euros


def _to_owners(change: pd.Series[float], about: Organisations) -> pd.Series[float]:
    """Return the change with what organisations gain or lose handed to their owners and theirs, under the same account.

    Raises
    ------
    DataError
        If no owners are known.
    """
    import pandas as pd

    owned = about.owned()
    if not owned:
        raise DataError(Problem(f"organisations {about.name!r} name no owners", key="owners"))
    for entry in owned:
        if entry.actor not in change.index.get_level_values("actor"):
            continue
        own = change.xs(entry.actor, level="actor", drop_level=False)
        parts = [change]
        for owner, share in entry.owners:
            parts += [own.rename(index={entry.actor: owner}, level="actor") * share, -share * own]
        change = pd.concat(parts).groupby(level=["actor", "account", "year"]).sum()
    return change
