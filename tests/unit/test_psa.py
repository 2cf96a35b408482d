"""Draws of parameters, and studies over them: distributions, keys, workers, resuming, and what fails."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import paysim as ps
from paysim.analysis import psa as studies
from paysim.analysis import worlds
from paysim.analysis.worlds import PEOPLE, World, uncertain
from paysim.behaviour import behaviour_correlations
from paysim.cli.app import app
from paysim.diseases.health import health_correlations
from paysim.parameters import Override, Parameter
from paysim.parameters.draws import at_quantile, draw, is_uncertain, quantile
from paysim.scenario import Scenario

SAMPLE = 1500


def _parameter(value: Any, low: float | None, high: float | None, family: str | None = None) -> Parameter:
    return Parameter("group.name", value, "unit", low, high, family, "mine", "assumed")


FAMILIES = (
    _parameter(2.0, 1.0, 3.0, "normal"),
    _parameter(2.0, 1.0, 4.0, "lognormal"),
    _parameter(0.3, 0.2, 0.4, "beta"),
    _parameter(5.0, 3.0, 7.5, "gamma"),
    _parameter(2.0, 1.0, 3.0, "uniform"),
    _parameter(2.0, 1.0, 4.0),
    _parameter(0.0, 0.0, 0.26),
    _parameter(1.0, 0.0, 1.0),
)


@pytest.mark.parametrize("parameter", FAMILIES, ids=[str(each.distribution) for each in FAMILIES])
def test_draws_lie_in_the_range_and_rise_with_the_quantile(parameter: Parameter) -> None:
    values = np.array([at_quantile(parameter, u) for u in np.linspace(0.0005, 0.9995, 999)])
    assert parameter.low is not None
    assert parameter.high is not None
    assert (np.diff(values) > 0.0).all()
    assert values.min() >= parameter.low
    assert values.max() <= parameter.high
    span = parameter.high - parameter.low
    assert values.max() - values.min() > 0.9 * span
    if parameter.distribution in ("normal", "beta", "gamma", "uniform"):
        assert values.mean() == pytest.approx(parameter.value, abs=0.02 * span)
    elif parameter.distribution == "lognormal":
        assert np.exp(np.log(values).mean()) == pytest.approx(parameter.value, rel=1e-3)
    else:  # the mean of a triangle is the mean of its corners
        corners = (parameter.low + parameter.high + float(parameter.value)) / 3.0  # type: ignore[arg-type]
        assert values.mean() == pytest.approx(corners, abs=2e-3 * span)


def test_a_cut_normal_has_the_spread_of_its_formula() -> None:
    values = np.array([at_quantile(FAMILIES[0], u) for u in (np.arange(4000) + 0.5) / 4000])
    z = 1.959963984540054
    cut = 1.0 - 2.0 * z * math.exp(-(z**2) / 2.0) / math.sqrt(2.0 * math.pi) / 0.95
    assert values.std() == pytest.approx(math.sqrt(cut) / z, rel=1e-3)


def test_what_is_certain_is_not_drawn() -> None:
    for certain in (
        _parameter("text", None, None),
        _parameter(1.0, None, None),
        _parameter(1.0, 1.0, 1.0),
        _parameter(1.0, 0.0, 2.0, "fixed"),
        replace(_parameter(1.0, 0.0, 2.0), status="override"),
    ):
        assert not is_uncertain(certain)
        assert draw([certain], 1, 0) == ()
    both = at_quantile(_parameter((1.0, 2.0), 0.0, 4.0, "normal"), 0.5)
    assert isinstance(both, tuple)
    assert 1.0 < both[0] < both[1]


def test_quantiles_are_keyed_by_name_and_uniform() -> None:
    rows = [replace(_parameter(1.0, 0.0, 2.0, "uniform"), name=f"group.{k}") for k in range(50)]
    all_of = {each.name: each.value for each in draw(rows, 7, 3)}
    assert {each.name: each.value for each in draw(rows[::7], 7, 3)}.items() <= all_of.items()
    many = np.array([quantile(1, k, "a") for k in range(4000)])
    assert many.mean() == pytest.approx(0.5, abs=0.02)
    assert many.std() == pytest.approx(12**-0.5, abs=0.01)
    other = np.array([quantile(1, k, "b") for k in range(4000)])
    assert abs(np.corrcoef(many, other)[0, 1]) < 0.05
    assert quantile(1, 2, "a") != quantile(2, 1, "a")


def test_diseases_are_drawn_with_the_correlations_of_their_calibration() -> None:
    """The covariance that `paysim calibrate` wrote is that of the draws, within the error of a correlation."""
    table = pd.read_csv(Path(ps.__file__).parent / "diseases" / "calibration" / "nl" / "covariance.csv")
    covariance = table.pivot(index="first", columns="second", values="covariance")
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    values = [{each.name: each.value for each in worlds.draw_of(scenario, number)} for number in range(400)]
    pairs = {(a, b) for a, b in zip(table["first"], table["second"], strict=True) if a < b} & {
        (a, b) for a in values[0] for b in values[0]
    }
    assert pairs
    for first, second in {*pairs, ("cancer.level", "diabetes.level")}:
        both = covariance.loc[first, second] if (first, second) in pairs else 0.0
        expected = both / math.sqrt(covariance.loc[first, first] * covariance.loc[second, second])
        logs = np.log([[each[first], each[second]] for each in values])
        found = np.arctanh(np.corrcoef(logs.T)[0, 1])  # Fisher: normal with variance 1 / (n - 3)
        assert found == pytest.approx(np.arctanh(expected), abs=4.0 / math.sqrt(len(values) - 3)), (first, second)


def test_minutes_and_prices_of_services_are_drawn_and_used() -> None:
    from paysim.care.catalogue import load_services
    from paysim.care.model import care_parameters

    scenario = ps.load_scenario("nl/achterhoek_four_models")
    drawn = {each.name for each in uncertain(scenario)}
    assert {"services.gp_consult.minutes_gp", "services.background_hospital.resource_cost_eur"} <= drawn
    services, values = load_services(), care_parameters("NL")
    same = services.with_values(values)
    for name in ("minutes", "material_eur", "reference_price_eur", "given_cost_eur"):
        np.testing.assert_array_equal(getattr(same, name), getattr(services, name))
    changes = [("services.gp_consult.minutes_gp", 9.0), ("services.gp_visit.reference_price_eur", 1.0)]
    changed = services.with_values(values.override(changes))
    assert changed.minutes[services.index("gp_consult"), 0] == 9.0
    assert changed.reference_price_eur[services.index("gp_visit")] == 1.0
    assert (changed.minutes != services.minutes).sum() == 1


@pytest.fixture(scope="module")
def short() -> Scenario:
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    return replace(
        scenario,
        base_years=1,
        horizon_years=1,
        arms=(scenario.arms[0], scenario.arm("capitation")),
        compare_with=("dutch_today",),
    )


@pytest.fixture(scope="module")
def study(short: Scenario, tmp_path_factory: pytest.TempPathFactory) -> studies.Psa:
    out = tmp_path_factory.mktemp("psa") / "study"
    with ThreadPoolExecutor(1) as one:
        return ps.psa(short, out, draws=2, replicates=2, sample=SAMPLE, executor=one)


def test_a_study_has_every_cell_and_what_was_drawn(short: Scenario, study: studies.Psa) -> None:
    outcomes = study.outcomes()
    assert len(outcomes) == 2 * 2 * 2
    assert outcomes[["cost", "effect"]].gt(0.0).all(axis=None)
    drawn = uncertain(short)
    assert len(drawn) > 300
    assert list(study.parameters.columns) == [each.name for each in drawn]
    together = {**behaviour_correlations(), **health_correlations("NL")}
    for number, row in study.parameters.iterrows():
        changed = {each.name: each.value for each in draw(drawn, short.seed, int(str(number)), together)}
        for name, value in changed.items():
            assert row[name] == (value[0] if isinstance(value, tuple) else value), name
    summary = study.summary()
    base = summary[summary["arm"] == short.compare_with[0]]
    assert not base[["difference", "difference_low", "difference_high"]].to_numpy().any()
    assert (summary["low"] <= summary["mean"]).all()
    assert not study.manifest["failures"]


def test_a_world_is_the_scenario_run_with_its_values(short: Scenario, study: studies.Psa, tmp_path: Path) -> None:
    """An independent way to the same numbers: the values of a draw written into the scenario and simulated."""
    world = World(short, SAMPLE, 1, 0).drawn()
    run = ps.simulate(world, tmp_path / "run", sample=SAMPLE)
    results = run.results
    mine = results[(results["dimension"] == "all") & (results["period"] == -1)]
    seen = study.results
    here = seen[(seen["draw"] == 1) & (seen["replicate"] == 0) & (seen["measure"] != PEOPLE)]
    for arm in run.arms:
        wanted = mine[mine["arm"] == arm].set_index("measure")["value"]
        found = here[here["arm"] == arm].set_index("measure")["value"]
        assert len(found) > 100
        assert dict(found) == dict(wanted)


def test_without_uncertainty_every_draw_has_the_values_of_the_scenario(short: Scenario) -> None:
    given = tuple(Override(each.name, each.value) for each in uncertain(short))
    fixed = replace(short, parameters=given)
    assert uncertain(fixed) == ()
    assert World(fixed, SAMPLE, 5, 0).drawn().parameters == given


def _files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.mark.slow
def test_any_workers_and_any_interruption_give_the_same_files(
    short: Scenario, study: studies.Psa, tmp_path: Path
) -> None:
    wanted = _files(study.path)
    ps.psa(short, tmp_path / "more", draws=1, replicates=2, sample=SAMPLE, workers=2)  # spawned processes
    one = sorted((tmp_path / "more" / "cells").iterdir())
    one[0].unlink()  # not done yet
    one[1].write_bytes(one[1].read_bytes()[:-100])  # damaged
    again = ps.psa(short, tmp_path / "more", draws=2, replicates=2, sample=SAMPLE, workers=2)
    assert _files(again.path) == wanted


@pytest.mark.slow
def test_a_world_that_fails_costs_only_itself(
    short: Scenario, study: studies.Psa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = worlds.build_model

    def failing(scenario: Scenario, sample: int | None) -> Any:
        if scenario.seed == World(short, SAMPLE, 0, 0).drawn().seed:
            raise ps.DataError(studies.Problem("something is wrong"))
        return plain(scenario, sample)

    monkeypatch.setattr(worlds, "build_model", failing)
    with ThreadPoolExecutor(1) as one:
        found = ps.psa(short, tmp_path / "s", draws=2, sample=SAMPLE, executor=one)
        assert [(each["draw"], "something is wrong" in each["error"]) for each in found.manifest["failures"]] == [
            (0, True)
        ]
        assert set(found.outcomes()["draw"]) == {1}
        both = study.outcomes()
        kept = both[(both["draw"] == 1) & (both["replicate"] == 0)].reset_index(drop=True)
        assert found.outcomes().equals(kept)
        with pytest.raises(ps.DataError, match="no draw could be simulated"):
            ps.psa(short, tmp_path / "t", draws=1, sample=SAMPLE, executor=one)


def test_folders_and_numbers_that_cannot_be_are_refused(short: Scenario, study: studies.Psa, tmp_path: Path) -> None:
    with pytest.raises(ps.DataError, match="draws"):
        ps.psa(short, tmp_path / "a", draws=0)
    with pytest.raises(ps.OutputError, match="larger study"):
        ps.psa(short, study.path, draws=1, sample=SAMPLE)
    with pytest.raises(ps.OutputError, match="another study"):
        ps.psa(replace(short, seed=99), study.path, draws=1, sample=SAMPLE)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ps.OutputError, match="other files"):
        ps.psa(short, tmp_path, draws=1, sample=SAMPLE)
    with pytest.raises(ps.DataError, match="no finished sensitivity analysis"):
        ps.load_psa(tmp_path)
    with pytest.raises(ps.PaysimError, match="no such measure"):
        study.outcomes(effect="qualys")


def test_damage_is_found(study: studies.Psa, tmp_path: Path) -> None:
    for name, data in _files(study.path).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert ps.load_psa(tmp_path).manifest == study.manifest
    (tmp_path / "psa_outcomes.csv").write_text("draw\n")
    with pytest.raises(ps.DataError, match="differs from what was written"):
        ps.load_psa(tmp_path)


def test_the_command_says_what_is_wrong() -> None:
    text = CliRunner().invoke(app, ["psa", "nl/achterhoek_four_models", "--draws", "0"])
    assert text.exit_code == 2


def test_a_study_tells_who_gains_by_education(study: studies.Psa) -> None:
    whole, parts = study.results, study.by_education
    for name in ("qalys_discounted", "spending_total_discounted", PEOPLE):
        keys = ["draw", "replicate", "arm"]
        all_of_it = whole[whole["measure"] == name].set_index(keys)["value"]
        added = parts[parts["measure"] == name].groupby(keys)["value"].sum()
        assert added[all_of_it.index].to_numpy() == pytest.approx(all_of_it.to_numpy(), rel=1e-9)
    from paysim.analysis.distributional import distributional, groups_of

    groups = groups_of(study)
    assert groups.effect.shape == (1, 2, 3)
    frame = study.outcomes().groupby(["draw", "arm"])[["effect"]].mean()["effect"].unstack("arm")
    change = (groups.effect[0] * groups.people).sum(axis=1) / groups.people.sum()
    assert change == pytest.approx((frame["capitation"] - frame["dutch_today"]).to_numpy(), rel=0.2, abs=1e-6)
    table = distributional(groups, 50_000.0)
    assert table["weighted"].notna().all()


def test_a_study_has_a_report_with_its_tables(study: studies.Psa, run_folder: Path) -> None:
    from paysim.analysis.studied import keep_study, kept_study
    from paysim.errors import DataError
    from paysim.report.document import write_report

    text = write_report(study).read_bytes()
    assert write_report(study).read_bytes() == text
    page = text.decode()
    assert "Cost-effectiveness under uncertainty" in page
    assert "costs per QALY here mean little" in page  # of an open region
    for name in ("ce_plane", "ce_frontier", "ce_acceptability", "ce_information", "equity_impact"):
        assert f"figures/{name}.csv" in page
        assert (study.path / "figures" / f"{name}.csv").is_file()
    assert "ce_single_parameters" not in page  # two draws tell nothing of single parameters
    run = ps.load_run(run_folder)
    with pytest.raises(DataError, match="another scenario"):
        keep_study(run, study)
    assert kept_study(run) is None
