"""Trials in silico: weights and ratios against closed forms, arms that differ by the treatment alone, bad files."""

from __future__ import annotations

import json
import math
from functools import cache

import numpy as np
import pytest

from paysim.analysis.trials import SHIPPED, read_trials, replicate_trials
from paysim.analysis.trials.arms import HEALTH, differences, factor, follow, health_tables, participants, treated
from paysim.analysis.trials.ratios import effective_number, matching_weights, rate_ratio, standardised
from paysim.analysis.validation import standard_scenario
from paysim.cli.app import run as command
from paysim.engine.model import Model, build_model
from paysim.errors import DataError, ScenarioError
from paysim.kernel.records import FIRST_TRANSITION, TICKS_PER_YEAR

PERSONS = 12_000


@cache
def model() -> Model:
    return build_model(standard_scenario("achterhoek"), PERSONS)


def trial(name):
    (found,) = (each for each in read_trials() if each.name == name)
    return found


@cache
def arms(name):
    """Both arms of a trial at the start and at the end."""
    tables = health_tables(model())
    control = participants(model(), tables, trial(name), 0)
    arm = treated(model(), tables, trial(name), control)
    start = control.people.copy(), arm.people.copy()
    return start, (follow(control, tables, trial(name).years), follow(arm, tables, trial(name).years))


# Weights and ratios ---------------------------------------------------------------------------------------------------


def test_weights_of_one_share_are_the_ratio_of_shares():
    women = np.array([0.0] * 30 + [1.0] * 70)
    weight = matching_weights(women[:, None], [0.4])
    assert weight[0] == pytest.approx(0.6 / 0.3, rel=1e-4)
    assert weight[-1] == pytest.approx(0.4 / 0.7, rel=1e-4)
    assert weight.mean() == pytest.approx(1.0)


def test_weights_give_several_means_at_once():
    draw = np.random.default_rng(5)
    traits = np.column_stack([draw.normal(70, 9, 900), draw.random(900) < 0.5, draw.normal(160, 12, 900)])
    weight = matching_weights(traits, [66.0, 0.3, 168.0])
    assert weight @ traits / weight.sum() == pytest.approx([66.0, 0.3, 168.0], rel=1e-3)
    assert 1 < effective_number(weight) < 900


def test_means_that_nobody_has_are_refused():
    with pytest.raises(DataError, match="cannot be weighted"):
        matching_weights(np.linspace(60, 80, 50)[:, None], [85.0], "hyvet")


def test_no_matching_leaves_everybody_equal():
    assert (matching_weights(np.zeros((7, 0)), []) == 1).all()


def test_ratio_and_error_of_independent_arms_are_those_of_poisson_counts():
    n, draw = 40_000, np.random.default_rng(3)
    ones = np.ones(n)
    control = np.stack([(draw.random(n) < 0.02).astype(float), ones])
    arm = np.stack([(draw.random(n) < 0.015).astype(float), ones])
    ratio, influence = rate_ratio(ones, control, arm)
    events = control[0].sum(), arm[0].sum()
    assert ratio == pytest.approx(events[1] / events[0])
    assert math.sqrt(influence @ influence) == pytest.approx(math.sqrt(1 / events[0] + 1 / events[1]), rel=0.02)


def test_what_both_arms_share_has_no_error():
    seen = np.stack([np.array([1.0, 0, 0, 1]), np.array([2.0, 5, 5, 1])])
    ratio, influence = rate_ratio(np.array([1.0, 2, 1, 3]), seen, seen)
    assert ratio == 1.0
    assert not influence.any()


def test_an_arm_without_events_gives_no_ratio():
    none = np.stack([np.zeros(3), np.ones(3)])
    some = np.stack([np.ones(3), np.ones(3)])
    assert math.isnan(rate_ratio(np.ones(3), some, none)[0])
    assert math.isnan(rate_ratio(np.ones(3), none, some)[0])


def test_standardised_ratio_is_the_weighted_mean_of_ratios():
    influence = np.array([0.1, -0.2])
    value, of_mean = standardised([(0.25, 0.5, influence), (0.75, 1.0, np.zeros(2))])
    assert value == 0.875
    assert of_mean == pytest.approx(0.125 * influence / 0.875)


# Arms -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["4s", "hps", "hyvet", "shep"])
def test_arms_differ_by_the_trials_difference_from_beginning_to_end(name):
    wanted = (trial(name).ldl, trial(name).sbp)
    start, end = arms(name)
    assert differences(*start) == pytest.approx(wanted, abs=1e-9)
    control, arm = (each.people for each in end)
    both = (control["alive"] == 1) & (arm["alive"] == 1)
    # What counts is treatment beyond what is usual with an indication, so people are compared who have the same.
    for flag in ("diabetes", "high_risk", "prior_mi", "prior_stroke"):
        both &= (control["flags"] ^ arm["flags"]) & model().flag_bit[flag] == 0
    assert both.sum() > 10
    assert differences(control[both], arm[both]) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("name", ["4s", "hps", "hyvet", "shep"])
def test_people_are_those_the_trial_would_take(name):
    design, (control, _) = trial(name), arms(name)[0]
    cohort, who = model().cohort, control["id"]
    assert ((cohort.age[who] >= design.ages[0]) & (cohort.age[who] <= design.ages[1])).all()
    assert not cohort.any_of(design.none_of)[who].any()
    assert not design.any_of or cohort.any_of(design.any_of)[who].all()
    for flag in design.off:
        assert not (control["flags"] & model().flag_bit[flag]).any()
    for name, (low, high) in design.between.items():
        assert ((factor(control, name) >= low) & (factor(control, name) < high)).all()


def test_risk_factors_are_judged_off_the_trials_drugs():
    """Pressure without drugs: as observed, plus what the drugs took away."""
    control, cohort = arms("shep")[0][0], model().cohort
    effects = model().health.treatment_effects
    one, two = (cohort.has(f"bp_drug_{k}")[control["id"]] for k in (1, 2))
    observed = control["covariates"][:, 1]
    assert one.any()
    assert factor(control, "sbp") == pytest.approx(
        observed + one * effects["bp_drug_1"][1] + two * effects["bp_drug_2"][1]
    )


def test_arms_are_the_same_people_with_the_same_keys():
    control, arm = arms("hps")[0]
    for name in ("id", "key", "sex", "age", "birth", "scores"):
        assert (control[name] == arm[name]).all()
    statin = model().flag_bit["statin"]
    assert ((control["flags"] | statin) == arm["flags"]).all()


def test_only_health_happens():
    kinds = dict(enumerate((each.kind for each in model().transitions), start=FIRST_TRANSITION))
    for followed in arms("hps")[1]:
        seen = {kinds[number] for number in followed.log["process"] if number in kinds}
        assert "event" in seen
        assert seen <= set(HEALTH)
        assert followed.log["process"][followed.log["process"] < FIRST_TRANSITION].max(initial=0) == 0  # birthdays
        assert followed.log["tick"].max() <= round(5.0 * TICKS_PER_YEAR)


def test_a_treatment_without_effect_changes_nobodys_life():
    """A trial of nothing: no flags, no fall of LDL or pressure."""
    from dataclasses import replace

    tables, design = health_tables(model()), replace(trial("hps"), on=(), ldl=0.0, sbp=0.0)
    control = participants(model(), tables, design, 0)
    arm = treated(model(), tables, design, control)
    logs = [follow(each, tables, 2.0).log for each in (control, arm)]
    assert len(logs[0]) > 1_000
    # Clocks are set anew once more, which may round to the next millisecond.
    for name in ("person", "process", "outcome"):
        assert (logs[0][name] == logs[1][name]).all()
    assert np.abs(logs[0]["tick"] - logs[1]["tick"]).max() <= 5


def test_an_exaggerated_effect_arrives():
    from dataclasses import replace

    tables, design = health_tables(model()), replace(trial("hps"), on=(), ldl=60.0)
    control = participants(model(), tables, design, 0)
    arm = follow(treated(model(), tables, design, control), tables, 5.0)
    numbers = [model().processes.index(name) for name in ("mi_first", "mi_recurrent")]
    assert follow(control, tables, 5.0).first_event(numbers)[0].sum() > 5
    assert arm.first_event(numbers)[0].sum() == 0


def test_first_events_against_a_plain_reckoning():
    followed = arms("hps")[1][0]
    numbers = [model().processes.index(name) for name in ("stroke_first", "stroke_recurrent", "haemorrhagic_stroke")]
    event, years = followed.first_event(numbers)
    died, lived = followed.death()
    ids = followed.people["id"].tolist()
    ticks: dict[int, int] = {}
    for entry in followed.log:
        if entry["process"] in numbers:
            ticks[int(entry["person"])] = min(int(entry["tick"]), ticks.get(int(entry["person"]), 1 << 60))
    assert event.sum() == len(ticks) > 5
    for k, person in enumerate(ids):
        end = min(int(followed.people["death"][k]), followed.end)
        assert years[k] == pytest.approx(min(ticks.get(person, end), end) / TICKS_PER_YEAR)
        assert lived[k] == pytest.approx(end / TICKS_PER_YEAR)
        assert died[k] == (followed.people["alive"][k] == 0)


@pytest.fixture
def built(monkeypatch):
    """The model that these tests share, instead of one more."""
    monkeypatch.setattr("paysim.analysis.trials.build_model", lambda scenario, sample: model())


# Replication ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("built")
def test_treatment_lowers_events():
    found = replicate_trials("achterhoek", ["hps"], sample=PERSONS, replicates=3)
    frame = found.frame.set_index("outcome")
    assert set(frame["state"]) <= {"met", "missed"}
    assert frame.loc["coronary", "simulated"] < 0.9
    assert (frame["simulated_low"] < frame["simulated"]).all()
    assert (frame["simulated"] < frame["simulated_high"]).all()
    (hps,) = found.replications
    assert hps.ldl_difference == pytest.approx(1.29)
    assert (hps.mean_age, hps.women) == pytest.approx((64.0, 0.25), rel=1e-3)
    again = replicate_trials("achterhoek", ["hps"], sample=PERSONS, replicates=3)
    assert again.as_dict() == found.as_dict()


@pytest.mark.slow
def test_published_intervals_of_the_netherlands():
    """What is known to be met; misses are in docs/trials.md with their reasons."""
    found = replicate_trials("netherlands", replicates=5).frame
    states = {(row["trial"], row["outcome"]): row["state"] for row in found.to_dict("records")}
    met = [
        *(
            ("4s", "coronary"),
            ("hps", "coronary"),
            ("hps", "deaths_by_cause"),
            ("hyvet", "stroke"),
            ("hyvet", "deaths"),
        ),
        *(("shep", each) for each in ("stroke", "coronary", "heart_failure", "deaths")),
    ]
    assert [pair for pair in met if states[pair] != "met"] == []
    assert (found["simulated"] < 1).all()


@pytest.mark.parametrize(("names", "replicates"), [(["4"], 1), (["hps", "jupiter"], 1), (["hps"], 0)])
def test_unknown_trials_and_counts_are_refused(names, replicates):
    with pytest.raises(ScenarioError):
        replicate_trials("achterhoek", names, replicates=replicates)


@pytest.mark.usefixtures("built")
def test_command_prints_json(capsys):
    code = command(
        ["trials", "shep", "--country", "achterhoek", "--sample", str(PERSONS), "--replicates", "1", "--json"]
    )
    assert code == 0
    (found,) = json.loads(capsys.readouterr().out)["replications"]
    assert found["trial"] == "shep"
    assert found["sbp_difference"] == pytest.approx(12.0)
    assert {each["outcome"] for each in found["ratios"]} == {"stroke", "coronary", "heart_failure", "deaths"}


# Files ----------------------------------------------------------------------------------------------------------------


def test_shipped_trials_name_what_the_model_has():
    found = read_trials(SHIPPED, model().flag_bit, model().processes)
    assert {each.name for each in found} == {"4s", "hps", "hyvet", "shep"}
    for each in found:
        assert each.source
        assert all(outcome.status in ("found", "recalled") for outcome in each.outcomes)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ages: [40, 80]", "ages: [80, 40]", "first age is above"),
        ("ages: [40, 80]", "agse: [40, 80]", "did you mean 'ages'"),
        ("pad, diabetes]", "pad, diabetis]", "unknown flag.*did you mean 'diabetes'"),
        ("between: {tc: [3.5, 20.0]}", "between: {tc: [20.0, 3.5]}", "hold nobody"),
        ("between: {tc: [3.5, 20.0]}", "between: {ldl: [3.5, 20.0]}", "unknown risk factor"),
        ("lowers: {ldl: 1.29}", "lowers: {ldl: '1,29'}", "decimal point, not a comma"),
        ("lowers: {ldl: 1.29}", "lowers: {ldl: -1.29}", "ldl"),
        ("women: 0.25, prior_mi: 0.41", "woman: 0.25, prior_mi: 0.41", "did you mean 'women'"),
        ("ratio: 0.75, low: 0.66", "ratio: 0.57, low: 0.66", "outside of its interval"),
        ("processes: [stroke_first, stroke_recurrent", "processes: [strokefirst, stroke_recurrent", "unknown process"),
        ("share: 0.153", "share: 0.653", "nothing for other causes"),
        ("name: hps", "name: 4s", "comes twice"),
    ],
)
def test_a_fault_in_a_file_is_named_with_its_place(tmp_path, old, new, message):
    text = SHIPPED.read_text("utf-8")
    assert old in text
    path = tmp_path / "trials.yaml"
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read_trials(path, model().flag_bit, model().processes)
    assert all(problem.line and problem.column for problem in caught.value.problems)


def test_reasons_of_the_shipped_trials_say_which_miss_they_explain():
    outcomes = [outcome for each in read_trials() for outcome in each.outcomes]
    assert any(outcome.why for outcome in outcomes)
    for outcome in outcomes:
        assert not outcome.why or outcome.why.startswith(("above: ", "below: ")), outcome.name


def test_a_stronger_effect_is_not_explained_by_a_reason_for_a_weaker_one():
    from paysim.analysis.trials import _ratio

    deaths = next(each for each in trial("4s").outcomes if each.name == "deaths_by_cause")
    n = 4_000
    lived = np.ones(n)

    def seen(events):
        died = np.zeros(n)
        died[:events] = 1.0
        return [np.stack([died, lived])] * 3

    strong, weak = (_ratio(deaths, lived, seen(400), seen(events)) for events in (180, 390))
    assert (strong.state, strong.missed) == ("missed", "below")
    assert (weak.state, weak.missed) == ("missed", "above")
    assert strong.why == "no reason is known for a value this low"
    assert weak.why == deaths.why.removeprefix("above: ")
    assert strong.by_cause
