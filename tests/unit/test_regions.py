"""Regions added up: by hand, and that a region's own numbers are its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import paysim as ps
from paysim.analysis.regions import POOLED, Regions, chosen_regions, seed_of
from paysim.analysis.worlds import PEOPLE
from paysim.cli.app import app
from paysim.errors import DataError, NotInResults
from paysim.scenario import Scenario

PEOPLE_OF = {"north": 1000.0, "south": 3000.0}
MEASURES = ["spending_per_head", "qalys_per_1000", "wait_gp_planned_days", "deaths_in_region"]


@pytest.fixture
def made_up(tmp_path: Path) -> Regions:
    rows = {}
    for region, people in PEOPLE_OF.items():
        for replicate in range(2):
            for arm, k in (("old", 1.0), ("new", 1.1)):
                rows[region, replicate, arm] = {
                    PEOPLE: people,
                    "person_years": people * 5.0 * k,
                    "spending_total": people * (2000.0 + 100.0 * replicate) * k,
                    "qalys": people * 4.0 * k,
                    "wait_gp_planned_days": 2.0 * k * (people / 1000.0),
                    "deaths": people / 100.0,
                }
    index = pd.MultiIndex.from_tuples(rows, names=["region", "replicate", "arm"])
    return Regions(("north", "south"), pd.DataFrame(list(rows.values()), index=index), "old", tmp_path)


def test_totals_are_added_before_they_are_divided_and_levels_weighed_by_people(made_up: Regions) -> None:
    table = made_up.table(MEASURES).set_index(["measure", "region"])
    spending = table.loc[("spending_per_head", POOLED)]
    assert spending["people"] == 4000.0
    assert spending["baseline_value"] == pytest.approx(2050.0 / 5.0)
    assert spending["difference"] == pytest.approx(41.0)  # over the baseline's years: longer lives cost
    assert table.loc[("qalys_per_1000", POOLED)]["difference"] == pytest.approx(80.0)  # by the baseline's years
    assert table.loc[("wait_gp_planned_days", POOLED)]["baseline_value"] == pytest.approx((1000 * 2 + 3000 * 6) / 4000)
    assert table.loc[("deaths_in_region", POOLED)]["value"] == pytest.approx(40.0)
    assert list(dict.fromkeys(made_up.table()["region"])) == [POOLED, "north", "south"]


def test_unknown_measures_and_arms_are_refused(made_up: Regions) -> None:
    with pytest.raises(NotInResults):
        made_up.table(["ed_visits_per_1000"])
    with pytest.raises(DataError, match="old"):
        made_up.table(MEASURES, baseline="odl")


@pytest.fixture(scope="module")
def belgian() -> Scenario:
    scenario = ps.load_scenario("be/middenkempen_four_models")
    arms = tuple(scenario.arms[:2])
    against = (arms[0].name,)
    return replace(scenario, arms=arms, compare_with=against, horizon_years=1, base_years=1, replicates=1)


def test_names_of_regions(belgian: Scenario) -> None:
    assert chosen_regions(belgian, ["gent", "brugge", "gent"]) == ("brugge", "gent")
    zones = chosen_regions(belgian, ["*"])
    assert len(zones) == 56
    assert not {"flanders", "belgium", "netherlands", "achterhoek"} & set(zones)
    for names, words in ((["gnet"], "gent"), (["achterhoek"], "BE"), ([], "at least one")):
        with pytest.raises(DataError, match=words):
            chosen_regions(belgian, names)
    assert seed_of(1, "gent") != seed_of(1, "brugge")
    found = CliRunner().invoke(app, ["regions", "be/middenkempen_four_models", "--region", "gnet"])
    assert isinstance(found.exception, DataError)


@pytest.mark.slow
def test_a_region_more_changes_no_other_and_workers_change_nothing(belgian: Scenario, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as two:
        both = ps.regions(belgian, ["brugge", "gent"], tmp_path / "both", sample=1500, executor=two)
    with ThreadPoolExecutor(1) as one:
        alone = ps.regions(belgian, ["gent"], tmp_path / "alone", sample=1500, executor=one)
        again = ps.regions(belgian, ["gent", "brugge"], tmp_path / "again", sample=1500, executor=one)
    assert (tmp_path / "both" / "regions.csv").read_bytes() == (tmp_path / "again" / "regions.csv").read_bytes()
    pd.testing.assert_frame_equal(both.totals, again.totals)
    pd.testing.assert_frame_equal(
        both.totals.xs("gent", level="region"), alone.totals.xs("gent", level="region"), check_like=True
    )
