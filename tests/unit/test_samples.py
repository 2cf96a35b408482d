"""Which measures a sample cannot tell, and that they are marked wherever a sample's table is printed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from paysim.analysis import samples
from paysim.analysis.compare import compare
from paysim.analysis.indicators import INDICATORS
from paysim.analysis.measures import MEASURES
from paysim.analysis.runs import load_run
from paysim.cli.app import run as command
from paysim.population.sampling import choose_practices
from paysim.population.schema import Practice
from paysim.report import caveats
from paysim.report.tables import levels
from tests.unit.conftest import write_synthetic_run

TABLE = """persons,measure,full,bias,standard_error,spread
10000,wait_gp_planned_days,2.0,-0.08,0.01,0.05
10000,spending_per_head,3000,0.04,0.001,0.01
10000,clinic_wait_weeks,6.0,0.01,0.015,0.2
30000,wait_gp_planned_days,2.0,-0.02,0.01,0.05
30000,spending_per_head,3000,0.001,0.001,0.01
30000,clinic_wait_weeks,6.0,-0.01,0.005,0.2
"""


@pytest.fixture
def table(tmp_path, monkeypatch):
    path = tmp_path / "sample_bias.csv"
    path.write_text(TABLE, "utf-8")
    monkeypatch.setattr(samples, "BIAS", path)
    samples.studied.cache_clear()
    yield
    samples.studied.cache_clear()


@pytest.mark.parametrize(
    ("bias", "error", "marked"),
    [
        (0.06, 0.0, True),
        (-0.06, 0.01, True),
        (0.05, 0.0, False),
        (0.03, 0.009, False),
        (-0.03, 0.011, True),
        (0.0, 0.03, True),
        (0.0, 0.0, False),
    ],
)
def test_marked_is_what_is_not_shown_to_be_within_five_percent(bias, error, marked):
    assert samples.is_marked(bias, error) is marked


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("persons", "wanted"),
    [
        (500, {"wait_gp_planned_days"}),
        (10_000, {"wait_gp_planned_days"}),
        (25_000, {"wait_gp_planned_days"}),
        (29_600, set()),  # a sample of 30,000 is never exactly that
        (99_999, set()),
        (300_000, set()),
    ],
)
def test_a_sample_is_judged_by_the_size_it_reaches(persons, wanted):
    assert samples.not_from_sample(persons) == wanted


def test_shipped_table_covers_the_measures_of_care_and_health_of_both_sizes():
    from paysim.reading import read_table

    table = read_table(samples.BIAS, samples.COLUMNS)
    known = {each.name for each in MEASURES}
    for size in (10_000, 30_000):
        names = [n for n, p in zip(table["measure"], table["persons"], strict=True) if p == size]
        assert len(names) == len(set(names))
        assert set(names) <= known | {each.name for each in INDICATORS}
        assert {"spending_per_head", "qalys_per_1000", "wait_gp_planned_days"} <= set(names)
    assert set(samples.studied()) == {10_000, 30_000}


def sampled(folder, persons):
    """A run folder whose manifest says that it is a sample."""
    path = write_synthetic_run(folder, arms=("dutch_today", "capitation"))
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    manifest |= {"persons": persons, "sample": {"persons": persons, "practices": 8, "weight": 30.0, "note": ""}}
    (path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return path


@pytest.mark.usefixtures("table")
def test_marks_stand_in_every_table(tmp_path, capsys):
    path = sampled(tmp_path / "run", 10_000)
    run = load_run(path)
    assert run.not_from_sample == {"wait_gp_planned_days"}
    labels = dict(compare(run)[["measure", "label"]].itertuples(index=False))
    marked = {name for name, label in labels.items() if samples.NOTE in label}
    assert marked == {"wait_gp_planned_days"}
    assert samples.NOTE in set(levels(run, ["wait_gp_planned_days"])["label"]).pop()
    assert samples.NOTE not in set(levels(run, ["clinic_wait_weeks"])["label"]).pop()
    assert any(samples.NOTE in sentence for sentence in caveats.before(run, compare(run)))
    assert command(["compare", str(path)]) == 0
    assert samples.NOTE in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("table")
def test_a_whole_region_has_no_marks(tmp_path):
    run = load_run(write_synthetic_run(tmp_path / "run", arms=("dutch_today", "capitation")))
    assert run.not_from_sample == frozenset()
    assert not compare(run)["label"].str.contains(samples.NOTE).any()
    assert not any(samples.NOTE in sentence for sentence in caveats.before(run, compare(run)))


def practices(count=60):
    sizes = np.random.default_rng(2).integers(1_200, 4_500, count)
    return tuple(Practice(f"P{k}", k % 5, int(size), 1.0, 1, 1.0, 1) for k, size in enumerate(sizes))


def test_samples_by_number_differ_and_come_nearest_first():
    lists, places = practices(), tuple("abcde")
    chosen = [choose_practices(lists, places, 10_000, number)[0] for number in range(20)]
    totals = [sum(lists[k].list_size for k in each) for each in chosen]
    assert len({tuple(each) for each in chosen}) == 20
    away = [abs(total - 10_000) for total in totals]
    assert away == sorted(away)
    assert tuple(chosen[0]) == tuple(choose_practices(lists, places, 10_000)[0])
