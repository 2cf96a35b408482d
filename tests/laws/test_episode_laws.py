"""Episodes and stays of a real run against its event log, person by person."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, reduce

import numpy as np
import pytest

from paysim.accounting.activity import Activity
from paysim.accounting.episodes import EpisodeRules
from paysim.analysis.activities import pack, unpack
from paysim.contracts.contract import Contract
from paysim.contracts.terms import read_contract
from paysim.engine.accounts import Accounts
from paysim.engine.cell import Base, Cell, by_year, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.kernel.records import (
    ADMITTED,
    DEPARTED,
    DIED,
    DIED_BEFORE_CARE,
    FIRST_TRANSITION,
    TICKS_PER_DAY,
    TICKS_PER_WEEK,
    TICKS_PER_YEAR,
)
from paysim.scenario import load_scenario
from tests.toy import in_order

YEARS, SAMPLE = 2, 2500
ADMISSIONS = ("admission_mi", "admission_stroke", "admission_other", "elective_admission")


def bundle(**changes: object) -> Contract:
    """The bundle of the library from any emergency admission, so that a small run has many, with a window of 60 days."""
    shipped = read_contract("us/episode_bundle_retrospective")
    (part,) = shipped.components
    kinds = tuple(replace(each, after_discharge=False, window_days=60.0) for each in part.terms.episodes)
    kinds = (*kinds, replace(kinds[0], name="other", triggers=("admission_other",)))
    terms = replace(part.terms, episodes=kinds, services=ADMISSIONS, lag_quarters=0, **changes)
    return replace(shipped, components=(replace(part, terms=terms),))


@lru_cache(maxsize=1)
def model() -> Model:
    scenario = load_scenario("us/achterhoek_episode_bundle")
    tariffs, retrospective, prospective = scenario.arms
    stays = read_contract("nl/hospital_admissions").components[1]
    stays = replace(read_contract("nl/hospital_admissions"), components=(stays,))
    arms = (
        tariffs,
        replace(retrospective, contracts=(*tariffs.contracts, bundle())),
        replace(prospective, contracts=(*tariffs.contracts, bundle(payment="prospective", low_quantile=0.0), stays)),
    )
    return build_model(replace(scenario, arms=arms, horizon_years=YEARS), sample=SAMPLE)


@lru_cache(maxsize=1)
def base() -> Base:
    return run_base(model(), 0)


@lru_cache(maxsize=3)
def run(number: int) -> tuple[Cell, np.ndarray]:
    log: list[np.ndarray] = []
    return run_arm(model(), base(), model().scenario.arms[number], 0, on_events=log.append), in_order(log)


@pytest.fixture(scope="module")
def rules() -> EpisodeRules:
    found = bundle().components[0].episode_rules
    assert found is not None
    return found


def test_stays_are_the_admissions_that_are_counted() -> None:
    for quarter in (*base().quarters, *run(2)[0].quarters):
        assert quarter.stays is not None
        for name in ADMISSIONS:
            service = quarter.service_names.index(name)
            rows = quarter.stays.service == service
            counted = quarter.stays.summed(rows.astype(float), quarter.person_years.shape)
            np.testing.assert_array_equal(counted, quarter.services[:, :, service])
        assert set(quarter.stays.service) <= {quarter.service_names.index(name) for name in ADMISSIONS}


def winter_wave(region):  # type: ignore[no-untyped-def]
    """Admit one in a hundred people over 65 each week of the first two months."""
    for _ in range(8):
        yield region.env.timeout(TICKS_PER_WEEK)
        old = region.living(from_age=65)
        region.hospital.admit(old[region.draw(old, "winter wave") < 0.01], stay_days=7.0, ward="acute_medical")


def test_admissions_by_a_process_of_ones_own_have_a_date_too() -> None:
    cell = run_arm(model(), base(), model().scenario.arms[2], 0, own_processes=(winter_wave,))
    service = cell.quarters[0].service_names.index("admission_other")
    for quarter, without in zip(cell.quarters, run(2)[0].quarters, strict=True):
        assert quarter.stays is not None
        assert without.stays is not None
        stays = (quarter.stays.service == service).sum()
        assert stays == quarter.services[:, :, service].sum()
    assert len(cell.quarters[0].stays.days) > len(run(2)[0].quarters[0].stays.days) + 25  # type: ignore[union-attr]


def test_lengths_of_stay_have_the_means_of_the_diseases() -> None:
    quarters = (*base().quarters, *run(2)[0].quarters)
    stays = reduce(Activity.plus, quarters).stays
    assert stays is not None
    days = stays.days[stays.service == quarters[0].service_names.index("admission_other")]
    transitions = [each for each in model().transitions if each.service == "admission_other"]
    means = [each.admission_days for each in transitions]
    assert min(means) - 4.0 * days.std() / np.sqrt(len(days)) < days.mean()
    assert days.mean() < max(means) + 4.0 * days.std() / np.sqrt(len(days))


def test_episodes_are_those_of_the_event_log(rules: EpisodeRules) -> None:
    """Every admission of the log, one person after the other, and by it which episodes ended when."""
    cell, log = run(1)
    services = [""] * FIRST_TRANSITION + [each.service or "" for each in model().transitions]
    kind_of = {name: k for k, kind in enumerate(rules.kinds) for name in kind.triggers}
    end = YEARS * TICKS_PER_YEAR / TICKS_PER_DAY
    open_before = set(base().state.people["id"][base().open_episodes[rules]["row"]].tolist())
    expected, dropped = [], 0
    for person in np.unique(log["person"]):
        if int(person) in open_before:
            continue
        running: list[float] | None = None  # kind, start, until
        gone = False
        for event in log[log["person"] == person]:
            day = event["tick"] / TICKS_PER_DAY
            service = services[event["process"]]
            if running is not None and day >= running[2]:
                expected.append((running[0], round(running[1], 6)))
                running = None
            if event["outcome"] in (ADMITTED, DIED) and service in kind_of:
                kind = kind_of[service]
                if running is not None and kind < running[0]:
                    dropped += 1
                    running = None
                if running is None:
                    running = [kind, day, day + 60.0]
            gone = event["outcome"] in (DIED, DIED_BEFORE_CARE, DEPARTED)
            if gone and running is not None:
                dropped += 1
                running = None
        if running is not None and running[2] <= end:
            expected.append((running[0], round(running[1], 6)))
    whole = reduce(Activity.plus, cell.quarters).episodes[rules]
    at = whole.ended & (whole.start >= 0.0)
    found = list(zip(whole.kind[at].tolist(), np.round(whole.start[at], 6).tolist(), strict=True))
    of_others = len(found) - len(expected)  # later episodes of those who were in one at the start
    assert 0 <= of_others <= len(open_before)
    assert len(expected) > 60
    assert dropped > 5
    assert not set(expected) - set(found)


def test_what_is_paid_in_episodes_is_what_they_cost_in_the_end(rules: EpisodeRules) -> None:
    quarters = (*base().quarters, *run(1)[0].quarters)
    whole = reduce(Activity.plus, quarters).episodes[rules]
    last = quarters[-1].episodes[rules]
    going_on = last.total[~last.ended & (last.begun >= 0.0)].sum()
    assert np.isclose(whole.payments.sum(), whole.total[whole.ended].sum() + going_on, rtol=1e-12)
    assert whole.begun.sum() == whole.ended.sum() + (~last.ended & (last.begun >= 0.0)).sum()
    services = sum(quarter.services.sum(axis=(0, 1)) for quarter in quarters)
    prices = {
        "admission_mi": 7031.0,
        "admission_stroke": 4571.0,
        "admission_other": 3743.8,
        "elective_admission": 3041.3,
    }
    names = quarters[0].service_names
    paid = sum(services[names.index(name)] * price for name, price in prices.items())
    assert 0.2 * paid < whole.payments.sum() < paid


def test_a_bundle_changes_money_alone_and_a_run_without_one_keeps_no_claims() -> None:
    first, second = run(0)[0], run(2)[0]
    for mine, theirs in zip(first.quarters, second.quarters, strict=True):
        np.testing.assert_array_equal(mine.services, theirs.services)
        np.testing.assert_array_equal(mine.person_years, theirs.person_years)
    tariffs = model().scenario.arms[0]
    plain = replace(model(), scenario=replace(model().scenario, arms=(tariffs,)))
    accounts = Accounts(plain, base().state, tariffs.contracts, first.ledger, 0, base().quarters)
    assert accounts.admissions is None


def test_the_year_is_reconciled_as_a_reading_of_its_episodes_says(rules: EpisodeRules) -> None:
    """By hand from the rows: targets of the base years, the limits, and what the ledger holds."""
    cell = run(1)[0]
    years = by_year((*base().quarters, *cell.quarters))
    before, now = [each.episodes[rules] for each in years[:3]], years[3].episodes[rules]
    amount = difference = 0.0
    for kind in range(3):
        totals = [each.total[each.ended & (each.kind == kind)] for each in before]
        known = np.concatenate(totals)
        if not len(known):
            continue
        weight = np.concatenate([np.full(len(each), 1.0 / len(each) / 3.0) for each in totals if len(each)])
        order = np.argsort(known)
        reached = np.cumsum(weight[order]) / weight.sum()
        low, high = known[order][(reached >= 0.01 - 1e-9).argmax()], known[order][(reached >= 0.99 - 1e-9).argmax()]
        target = 0.97 * (np.clip(known, low, high) @ weight) / weight.sum()
        mine = now.total[now.ended & (now.kind == kind) & (now.start >= 0.0)]
        amount += target * len(mine)
        difference += target * len(mine) - np.clip(mine, low, high).sum()
    above, below = years[3].indicators["cardiac_rehabilitation"].sum(axis=0)
    quality = above / below if below > 0.0 else 0.0
    limited = np.clip(difference, -0.2 * amount, 0.2 * amount)
    wanted = limited * (1.0 - 0.1 * (1.0 - quality) if limited > 0.0 else 1.0 - 0.1 * quality)
    table = cell.ledger.columns()
    rows = (table["contract"] == "us_episode_bundle_retrospective") & (table["period"] == 3)
    posted = table["cents"][rows & (table["actor"] == "hospital")].sum() / 100.0
    assert abs(posted - wanted) <= 0.011
    assert posted != 0.0


def test_stays_and_episodes_are_kept_with_a_run(rules: EpisodeRules) -> None:
    quarters = run(2)[0].quarters
    kept = unpack(pack(quarters))
    for mine, theirs in zip(quarters, kept, strict=True):
        assert list(mine.episodes) == list(theirs.episodes)
        for one, other in ((mine.episodes[each], theirs.episodes[each]) for each in mine.episodes):
            assert all(np.array_equal(value, getattr(other, name)) for name, value in vars(one).items())
        assert mine.stays is not None
        assert theirs.stays is not None
        np.testing.assert_array_equal(mine.stays.days, theirs.stays.days)
    assert rules in kept[0].episodes
