"""Calibration: known answers are found again, what is not known stays as uncertain as before, and files go round."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from paysim.analysis import calibration as subject
from paysim.analysis.calibration import (
    BLOCKS,
    Calibration,
    calibrate,
    expected,
    life_expectancy_by_education,
    posterior_draws,
    write_calibration,
)
from paysim.analysis.targets import OPEN, Target, shipped_targets
from paysim.cli.app import run
from paysim.diseases.health import cohort_from_population, health_parameters
from paysim.errors import ModelError, ScenarioError
from paysim.parameters.calibrated import with_calibrated
from paysim.population import load_region
from tests.unit.test_diseases_people import make_ill_people

WEAK = 30.0
"""Ranges this many times wider than the value on either side tell the fit next to nothing."""


@pytest.fixture(scope="module")
def params():
    return health_parameters("NL", calibrated=False)


def target(name, measure, what, value, tolerance=0.02, unit="per_1000", ages=(0, OPEN)):
    return Target(
        id=name,
        section="",
        measure=measure,
        what=(what,),
        among=(),
        sex="all",
        age_from=ages[0],
        age_to=ages[1],
        value=value,
        unit=unit,
        tolerance=tolerance,
        tolerance_kind="percent",
        low=None,
        high=None,
        standard="national",
        area="NL",
        year="2020",
        role="calibrate",
        status="found",
        source="made up",
        why="",
    )


def made_up(params, truth, asked, **more):
    """Return targets with the values that the model has with the parameters of `truth` in place."""
    true = params.override(truth.items())
    targets = [target(f"{measure}_{what}", measure, what, 1.0, **more) for measure, what in asked]
    return [replace(each, value=expected(each, true)) for each in targets]


def weakly(params, names):
    """Return the parameters with wide ranges: weak priors."""
    rows = [params.row(name) for name in names]
    return params.with_rows([replace(row, low=row.value / WEAK, high=row.value * WEAK) for row in rows])


def fit(block, targets, params, free=None):
    return subject._as_fit(subject._fit(block, free or BLOCKS[block], targets, params))


@pytest.fixture(scope="module")
def known(params):
    """The block of heart failure fitted to values made with other multipliers than those of the file."""
    truth = {"heart_failure.level": 1.3, "heart_failure.mortality_hr": 3.1}
    asked = [("incidence", "heart_failure_onset"), ("prevalence", "heart_failure")]
    targets = made_up(params, truth, asked)
    return truth, targets, fit("heart_failure", targets, weakly(params, truth), free=list(truth))


def test_known_multipliers_are_found_again(known):
    truth, targets, found = known
    for name, value in zip(found.names, found.values, strict=True):
        assert value == pytest.approx(truth[name], rel=0.01), name
    for row, each in zip(found.targets, targets, strict=True):
        assert row["published"] == each.value
        assert row["fitted"] == pytest.approx(each.value, rel=0.002)
        assert abs(np.log(row["prior"] / each.value)) > 0.05


def test_uncertainty_of_the_level_is_that_of_its_target(known):
    """New cases are proportional to the level, so its logarithm is as uncertain as the target's: half of 2%."""
    _, _, found = known
    assert found.sd[0] == pytest.approx(0.01, rel=0.02)
    covariance = np.array(found.covariance)
    np.testing.assert_allclose(covariance, covariance.T, rtol=1e-9)
    assert (np.linalg.eigvalsh(covariance) > 0).all()
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), found.sd)
    # More new cases and longer lives both raise the number of ill: given that number they go together.
    assert covariance[0, 1] > 0


def test_strong_priors_hold_against_weak_targets(params):
    truth = {"heart_failure.level": 1.3, "heart_failure.mortality_hr": 3.1}
    targets = made_up(params, truth, [("prevalence", "heart_failure")], tolerance=50.0)
    found = fit("heart_failure", targets, params, free=list(truth))
    np.testing.assert_allclose(found.values, found.prior, rtol=0.01)
    np.testing.assert_allclose(found.sd, found.prior_sd, rtol=0.01)


def test_a_multiplier_without_targets_keeps_its_prior(params):
    found = fit("heart_failure", [], params)
    assert found.values == pytest.approx(found.prior)
    assert found.sd == pytest.approx(found.prior_sd)
    row = params.row("heart_failure.level")
    assert found.prior_sd[0] == pytest.approx(np.log(row.high / row.low) / 3.92)


def test_a_target_that_a_multiplier_does_not_move_does_not_narrow_it(params):
    """New cases say nothing of how long people live with the disease."""
    targets = made_up(params, {"heart_failure.level": 1.1}, [("incidence", "heart_failure_onset")])
    found = fit("heart_failure", targets, params, free=["heart_failure.level", "heart_failure.mortality_hr"])
    level, mortality = 0, 1
    assert found.sd[level] < 0.2 * found.prior_sd[level]
    assert found.sd[mortality] == pytest.approx(found.prior_sd[mortality], rel=1e-6)
    assert found.values[mortality] == pytest.approx(found.prior[mortality], rel=1e-6)
    assert found.covariance[level][mortality] == pytest.approx(0.0, abs=1e-9)


def test_the_same_input_gives_the_same_fit(params):
    targets = made_up(params, {"heart_failure.level": 1.1}, [("incidence", "heart_failure_onset")])
    assert fit("heart_failure", targets, params) == fit("heart_failure", list(targets), params)


def test_a_value_far_beyond_the_range_ends_near_it(params):
    row = params.row("heart_failure.level")
    targets = made_up(params, {"heart_failure.level": 5.0}, [("incidence", "heart_failure_onset")], tolerance=0.001)
    assert fit("heart_failure", targets, params).values[0] == pytest.approx(
        row.high * (row.high / row.low) ** (1 / 3.92), rel=1e-3
    )


def test_expectations_in_all_units(params):
    one = target("x", "prevalence", "dementia", 1.0)
    per_1000 = expected(one, params)
    weights = one.weights.sum()
    assert expected(replace(one, unit="count"), params) == pytest.approx(per_1000 * weights / 1000)
    assert expected(replace(one, unit="percent"), params) == pytest.approx(per_1000 / 10)
    assert expected(replace(one, unit="proportion"), params) == pytest.approx(per_1000 / 1000)
    old = replace(one, age_from=80)
    assert expected(old, params) > 3 * per_1000
    both = replace(one, what=("dementia", "diabetes"))
    assert per_1000 < expected(both, params) < per_1000 + expected(replace(one, what=("diabetes",)), params)


def test_what_needs_a_simulation_has_no_expectation(params):
    with pytest.raises(ModelError, match="life_expectancy"):
        expected(target("x", "life_expectancy", "", 80.0, unit="years"), params)


@pytest.fixture(scope="module")
def calibration(params, known):
    """A calibration of two blocks, the second not identified."""
    _, _, first = known
    second = fit("dementia", [], params)
    changed = params.override(list(zip(first.names, first.values, strict=True)))
    return Calibration("NL", "netherlands", (first, second), changed, (0.6, 0.7), (6.0, 4.8))


def test_tables_of_a_calibration(calibration):
    frame = calibration.frame().set_index("parameter")
    assert set(frame.index) == {"heart_failure.level", "heart_failure.mortality_hr", *BLOCKS["dementia"]}
    level = frame.loc["heart_failure.level"]
    assert level["low"] < level["value"] < level["high"]
    assert np.log(level["high"] / level["low"]) == pytest.approx(3.92 * level["sd"])
    assert level["identified"] > 0.99
    assert frame.loc["dementia.level", "identified"] == pytest.approx(0.0, abs=1e-6)
    assert len(calibration.fit_frame()) == 2
    assert len(calibration.covariance_frame()) == 2 * 2 + 1


def test_posterior_draws_have_the_covariance_and_go_on(calibration):
    draws = posterior_draws(calibration, 20_000, seed=5)
    logs = np.log(draws.to_numpy())
    names = list(draws.columns)
    for each in calibration.fits:
        at = [names.index(name) for name in each.names]
        found, wanted = np.cov(logs[:, at], rowvar=False), np.array(each.covariance)
        scale = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted)))
        np.testing.assert_allclose(found / scale, wanted / scale, atol=0.05)
        np.testing.assert_allclose(np.median(draws[list(each.names)], axis=0), each.values, rtol=0.02)
    assert posterior_draws(calibration, 100, seed=5).equals(draws.head(100))
    assert not posterior_draws(calibration, 100, seed=6).equals(draws.head(100))
    # Blocks are independent of each other.
    assert abs(np.corrcoef(logs[:, 0], logs[:, 2])[0, 1]) < 0.03


def test_what_is_written_is_read_again(calibration, params, tmp_path):
    written = write_calibration(calibration, tmp_path / "new")
    assert [path.name for path in written] == ["multipliers.csv", "covariance.csv", "fit.csv", "calibration.yaml"]
    again = with_calibrated(params, tmp_path / "new" / "calibration.yaml")
    first = calibration.fits[0]
    for name, value in zip(first.names, first.values, strict=True):
        row = again.row(name)
        assert row.value == pytest.approx(value, rel=1e-3)  # written with four digits
        assert row.status == "derived"
        assert row.low < value < row.high
        assert "paysim calibrate netherlands" in row.source
    assert again.get_list("mortality.education_residual") == (0.6, 0.7)
    # Without a target a multiplier keeps its value, source and status.
    assert again.row("dementia.level") == params.row("dementia.level")
    before = (tmp_path / "new" / "calibration.yaml").read_bytes()
    write_calibration(calibration, tmp_path / "new")
    assert (tmp_path / "new" / "calibration.yaml").read_bytes() == before


GOOD = """schema: 1
country: NL
source: made up
parameters:
  - {parameter: dementia.level, value: 1.2, range: [1.0, 1.4]}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dementia.level", "dementia.lvel", "did you mean 'dementia.level'?"),
        ("value: 1.2", "value: much", "value"),
        ("value: 1.2", "value: [1.2, 1.3]", "one number expected"),
        ("value: 1.2", "value: .nan", "value"),
        ("range: [1.0, 1.4]", "range: [1.0]", "range"),
        ("range: [1.0, 1.4]", "range: [1.4, 1.0]", "range"),
        ("range: [1.0, 1.4]", "range: [1.3, 1.4]", "range"),
        ("country: NL", "country: FR", "country"),
        ("schema: 1", "schema: 2", "schema"),
        ("source: made up\n", "", "source"),
        ("source: made up", "source: made up\nauthor: me", "author"),
        ("parameters:", "paramters:", "did you mean 'parameters'?"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(params, write, old, new, message):
    assert with_calibrated(params, write("good.yaml", GOOD))["dementia.level"] == 1.2
    path = write("bad.yaml", GOOD.replace(old, new))
    with pytest.raises(ScenarioError) as caught:
        with_calibrated(params, path)
    assert "bad.yaml" in str(caught.value)
    assert message in str(caught.value)


def test_a_parameter_that_comes_twice_is_refused(params, write):
    line = GOOD.splitlines()[-1]
    with pytest.raises(ScenarioError, match="twice"):
        with_calibrated(params, write("bad.yaml", GOOD + line + "\n"))


@pytest.fixture
def short(monkeypatch):
    """Fit two blocks to no target, and solve no education gradient; count how often a block is fitted."""
    fitted = []
    whole = subject._fit

    def counted(block, free, targets, params):
        fitted.append(block)
        assert targets
        return whole(block, free, [], params)

    def solved(profile, params, wanted, seed):
        fitted.append("education")
        assert wanted == [6.0, 4.8]
        return {"residual": [0.6, 0.7], "gaps": wanted}

    blocks = {name: BLOCKS[name] for name in ("heart_failure", "dementia")}
    monkeypatch.setattr(subject, "BLOCKS", blocks)
    monkeypatch.setattr(subject, "_fit", counted)
    monkeypatch.setattr(subject, "_solve_education", solved)
    return fitted


def test_a_stopped_calibration_goes_on_where_it_was(short, tmp_path):
    said = []
    out = tmp_path / "c"
    first = calibrate("netherlands", out=out, say=said.append)
    assert short == ["heart_failure", "dementia", "education"]
    assert len(said) == 3
    record = json.loads((out / "blocks.json").read_text())
    assert set(record["blocks"]) == {"dementia", "heart_failure", "education"}
    again = calibrate("netherlands", out=out)
    assert len(short) == 3
    assert again.fits == first.fits
    assert again.frame().equals(first.frame())
    del record["blocks"]["heart_failure"]
    (out / "blocks.json").write_text(json.dumps(record))
    third = calibrate("netherlands", out=out)
    assert short[3:] == ["heart_failure"]
    assert third.frame().equals(first.frame())
    assert third.params.get_list("mortality.education_residual") == (0.6, 0.7)
    assert third.params["heart_failure.level"] == third.fits[0].values[0]


def test_a_folder_of_other_inputs_is_refused(short, tmp_path):
    calibrate("netherlands", out=tmp_path)
    fitted = len(short)
    for other in ({"seed": 2}, {}):
        with pytest.raises(ScenarioError, match="choose another folder"):
            calibrate("netherlands" if other else "achterhoek", out=tmp_path, **other)
    assert len(short) == fitted


@pytest.mark.parametrize("text", ["", "[]", "{", '{"key": 1}', '{"key": 1, "blocks": 3}'])
def test_a_broken_record_is_refused(short, tmp_path, text):
    (tmp_path / "blocks.json").write_text(text)
    with pytest.raises(ScenarioError, match="no record of a calibration"):
        calibrate("netherlands", out=tmp_path)
    assert not short


def test_blocks_name_parameters_and_every_calibration_target_finds_its_block(params):
    for names in BLOCKS.values():
        for name in names:
            row = params.row(name)
            assert 0 < row.low < row.value < row.high, name
    targets = shipped_targets(load_region("netherlands"), params)
    used = [each for each in targets if each.role == "calibrate" and subject._block_of(each)]
    assert {subject._block_of(each) for each in used} == set(BLOCKS)
    assert all(np.isfinite(expected(each, params)) and expected(each, params) > 0 for each in used)


@pytest.mark.parametrize("region", ["netherlands", "belgium"])
def test_new_cases_and_survival_rule(params, region):
    """Where a source counts new cases, the number of people ill is fitted to nothing; no survival is fitted at all."""
    targets = shipped_targets(load_region(region), params)
    fitted = [each for each in targets if each.role == "calibrate" and subject._block_of(each)]
    for block in BLOCKS:
        measures = {each.measure for each in fitted if subject._block_of(each) == block}
        assert measures != {"incidence", "prevalence"}, block
    free = [name for names in BLOCKS.values() for name in names]
    assert not [name for name in free if "mortality" in name or "survival" in name]
    assert {"dementia.level", "ischaemic_heart_disease.level"} <= set(free)


def test_shipped_levels_meet_the_new_cases_that_are_counted(params):
    """With the shipped calibration new cases are within half the tolerance of those published."""
    shipped = health_parameters("NL")
    targets = {each.id: each for each in shipped_targets(load_region("netherlands"), shipped)}
    for name in ("diabetes_incidence", "angina_incidence_M", "angina_incidence_F", "dementia_incidence_65_69"):
        each = targets[name]
        assert expected(each, shipped) == pytest.approx(each.value, rel=each.tolerance / 2), name


def test_a_steeper_residual_widens_the_gap_in_life_expectancy(params):
    cohort = cohort_from_population(make_ill_people(12_000, params), params)
    gaps = []
    for residual in (0.2, 0.9):
        changed = params.override([("mortality.education_residual", (residual, residual))])
        years = life_expectancy_by_education(changed, cohort, "NL")
        assert years.shape == (2, 3)
        assert ((years > 65) & (years < 95)).all()
        gaps.append(years[:, 2] - years[:, 0])
    assert (gaps[1] - gaps[0] > 0.5).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no such population"),
        (["netherland"], "did you mean 'netherlands'?"),
        (["nowhere.yaml"], "no such file"),
        (["netherlands", "--seed", "-1"], "--seed"),
        (["netherlands", "--sed", "1"], "--seed"),
        ([], "REGION"),
    ],
)
def test_bad_arguments_leave_with_2(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run(["calibrate", *arguments]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert not said.out
    assert not list(tmp_path.iterdir())


def test_a_file_where_a_folder_should_be_is_refused(short, capsys, write):
    path = write("out", "text")
    assert run(["calibrate", "netherlands", "--out", str(path)]) == 2
    assert "is a file" in capsys.readouterr().err
    assert not short
    assert path.read_text() == "text"
