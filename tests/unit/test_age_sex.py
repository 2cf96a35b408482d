"""In a run: the mix of lists by sex and age, what a capitation makes of it, and health as people report it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import paysim as ps
from paysim.accounting.segments import SEGMENT_DEPRIVED
from paysim.analysis.runs import Run
from paysim.contracts.terms import read_contract

ARM = "by_sex_and_age"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    scenario = ps.load_scenario("nl/achterhoek_shared_savings")
    today = scenario.arm("today")
    capitation = read_contract("examples/capitation_by_sex_and_age")
    other = replace(today, name=ARM, contracts=(capitation, *today.contracts[1:]))
    short = replace(scenario, horizon_years=1, base_years=1, arms=(today, other))
    return ps.simulate(short, tmp_path_factory.mktemp("run") / "r", sample=1500)


def _total(run: Run, measure: str, group: str, dimension: str = "sex") -> float:
    table = run.results
    rows = (table["arm"] == ARM) & (table["measure"] == measure) & (table["dimension"] == dimension)
    return float(table[rows & (table["group"] == group)]["value"].iloc[0])


def test_lists_hold_men_and_women_as_the_region_does(run: Run) -> None:
    quarters = run.cell(ARM, 0).quarters
    for each in quarters:
        assert each.age_sex is not None
        sums = each.age_sex.sum(axis=2)[each.person_years > 0.0]
        np.testing.assert_allclose(sums, 1.0, rtol=1e-12)
    counts = sum((each.person_years[:, :, None] * each.age_sex).sum(axis=(0, 1)) for each in quarters)
    men, women = counts[:20].sum(), counts[20:].sum()
    whole = _total(run, "person_years", "men") + _total(run, "person_years", "women")
    # People on no list are in the results and on no list here: one or two in a hundred.
    assert men / (men + women) == pytest.approx(_total(run, "person_years", "men") / whole, abs=0.005)
    old = counts.reshape(2, 20)[:, 15:17].sum() / counts.sum()  # 75 to 84
    assert old == pytest.approx(_total(run, "person_years", "75-84", "age") / whole, abs=0.005)


def test_a_capitation_by_sex_and_age_is_posted_to_the_cent(run: Run) -> None:
    weights = {  # of the contract's file: women and men under 20, under 70 and beyond, outside and in a deprived area
        "women": ((0.8, 1.0, 2.0), (1.0, 1.2, 2.4)),
        "men": ((0.8, 0.6, 1.9), (1.0, 0.9, 2.3)),
    }
    rate = np.zeros((24, 40))
    for cell in range(40):
        sex, age = ("men", "women")[cell // 20], cell % 20 * 5
        for segment in range(24):
            rate[segment, cell] = 120.0 * weights[sex][SEGMENT_DEPRIVED[segment]][(age >= 20) + (age >= 70)]
    ledger = run.ledger.astype({"actor": str})
    for period, each in enumerate(run.cell(ARM, 0).quarters):
        owed = each.person_years[0] @ (each.age_sex[0] * rate).sum(axis=1)[:, None]
        actor = f"practice:{each.practice_names[0]}"
        mine = (ledger["arm"] == ARM) & (ledger["period"] == period) & (ledger["actor"] == actor)
        posted = ledger[mine & (ledger["component"] == "capitation")]["cents"].sum()
        assert posted == pytest.approx(100.0 * owed[0], abs=0.51)
        assert ps.explain(run, each.practice_names[0], period, arm=ARM).postings  # or it fails


def test_health_as_reported_is_that_of_the_results(run: Run) -> None:
    above, below = run.cell(ARM, 0).quarters[3].indicators["health_utility"].T
    whole = _total(run, "person_years", "men") + _total(run, "person_years", "women")
    qalys = _total(run, "qalys", "men") + _total(run, "qalys", "women")
    assert above.sum() / below.sum() == pytest.approx(qalys / whole, rel=1e-9)
    assert 0.7 < above.sum() / below.sum() < 1.0
