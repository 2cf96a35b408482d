"""The assembled health model: levels at base, treatment, mortality, utility, the parts that can be left out."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from paysim.diseases import DISEASES
from paysim.diseases.ages import DAYS_30, FEWEST_PERSONS, FIVE_YEARS, TEN_YEARS
from paysim.diseases.cohort import Cohort, can_happen, hazards
from paysim.diseases.disease import death_hazards
from paysim.diseases.health import (
    FLAGS,
    build_health,
    cohort_from_population,
    expected_at_base,
    health_parameters,
    module,
    settled,
)
from paysim.diseases.hospital_events import mortality_after
from paysim.diseases.mortality.life import fading
from paysim.diseases.vascular_events import load_published
from paysim.diseases.vascular_prevention.model import lowered
from paysim.errors import ModelError, ScenarioError
from paysim.kernel.spec import AGES, COVARIATES

_spec = importlib.util.spec_from_file_location("people", Path(__file__).parent / "test_diseases_people.py")
_people = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_people)

CROWD = 50_000


@pytest.fixture(scope="module")
def params():
    return health_parameters("NL")


@pytest.fixture(scope="module")
def cohort(params):
    return cohort_from_population(_people.make_people(CROWD), params)


@pytest.fixture(scope="module")
def model(params, cohort):
    return build_health(params, cohort, "NL")


@pytest.fixture(scope="module")
def base(model, cohort):
    return expected_at_base(model, cohort)


def one_person(sex, age, flags=(), **covariates):
    row = np.zeros((1, len(COVARIATES)))
    for name, value in ({"sbp": 140.0, "tc": 5.2, "hdl": 1.3, "bmi": 27.0} | covariates).items():
        row[0, COVARIATES.index(name)] = value
    held = {name: np.ones(1, bool) for name in flags}
    return Cohort(np.array([sex]), np.array([age]), row, held, np.zeros(1, int), np.ones(1, int))


@pytest.mark.parametrize("event", ["mi", "stroke"])
def test_admissions_equal_the_published_rates_net_of_transfers(base, event):
    for row in base["events"]:
        if row["event"] == event and row["persons"] >= FEWEST_PERSONS:
            assert not row["floored"]
            # Haemorrhages are taken out of strokes age by age, so a little is lost where they are nearly all.
            assert row["expected"] == pytest.approx(row["target"], rel=1e-6 if event == "mi" else 1e-3)
    totals = [sum(r[name] for r in base["events"] if r["event"] == event) for name in ("expected", "published")]
    assert totals[0] == pytest.approx(totals[1], rel=0.02)


def test_deaths_equal_the_life_table(base, model):
    dense = [row for row in base["deaths"] if row["persons"] >= FEWEST_PERSONS]
    assert len(dense) > 38
    for row in dense:
        assert row["expected"] == pytest.approx(row["life_table"], rel=0.005)
    assert not model.report["shortfall_deaths"].any()


def test_mean_utility_equals_the_norm(base, model):
    for row in base["utility"]:
        if row["persons"]:
            assert row["mean"] == pytest.approx(row["norm"], abs=0.01)
    assert model.base_utility.max() <= 1.0


def test_share_of_first_events_is_plausible(model):
    # Ranges of the first-ever share of admissions: 0.72-0.87 and 0.70-0.82.
    assert 0.72 < model.report["mi_first_share"] < 0.87
    assert 0.68 < model.report["stroke_first_share"] < 0.82


def test_recurrence_equals_the_published_rates(params, cohort, model):
    row = model.transition("mi_recurrent")
    later = cohort.has("prior_mi") & ~cohort.has("recent_mi")
    assert hazards(row, cohort)[later].mean() == pytest.approx(
        params["ischaemic_heart_disease.recurrent_later"], rel=0.1
    )
    first_year = np.exp(row.log_hr["recent_mi"]) * params["ischaemic_heart_disease.recurrent_later"]
    assert 0.056 < 1 - np.exp(-first_year) < 0.072  # Smolina 2012, men and women


def test_a_statin_lowers_the_hazard_by_the_trials_ratio(params, model):
    mmol = model.treatment_effects["statin"][0] * model.untreated_ldl
    for event, group in (("mi", "ischaemic_heart_disease"), ("stroke", "stroke")):
        ratio = params[f"{group}.rr_per_mmol_ldl"]
        for name, flags in ((f"{event}_first", ()), (f"{event}_recurrent", (f"prior_{event}",))):
            row = model.transition(name)
            before = hazards(row, one_person(0, 62, flags))
            after = hazards(row, one_person(0, 62, flags, ldl_drop=mmol))
            assert 0 < after[0] < before[0]
            assert after[0] / before[0] == pytest.approx(ratio**mmol)


def test_pressure_drugs_lower_the_hazard_by_the_trials_ratio(params, model):
    _, mmhg = model.treatment_effects["bp_drug_1"]
    row = model.transition("stroke_first")
    ratio = hazards(row, one_person(1, 75, sbp_drop=mmhg))[0] / hazards(row, one_person(1, 75))[0]
    assert ratio == pytest.approx(params["stroke.rr_per_10_mmhg"] ** (mmhg / 10))


def test_treatment_at_base_changes_nothing(model):
    """What counts is change since base: a flag alone has no effect on events."""
    row = model.transition("mi_first")
    treated = hazards(row, one_person(0, 62, ("statin", "bp_drug_1", "bp_drug_2")))
    np.testing.assert_array_equal(treated, hazards(row, one_person(0, 62)))


def test_risk_factors_rank_people(model):
    row = model.transition("mi_first")
    plain = hazards(row, one_person(0, 60))[0]
    assert hazards(row, one_person(0, 60, smoker=1.0))[0] / plain == pytest.approx(np.exp(0.6012))
    assert hazards(row, one_person(0, 60, sbp=160.0))[0] / plain == pytest.approx(np.exp(0.2777))
    assert hazards(row, one_person(0, 60, ("diabetes",)))[0] > plain
    assert hazards(row, one_person(0, 60, ("prior_stroke",)))[0] / plain == pytest.approx(1.6)


def test_coverage_of_treatment_is_kept(base, cohort, model):
    flow = {row["transition"]: row["expected"] for row in base["flows"]}
    # Starts replace stops and treat newcomers; they are neither fewer than the stops nor many times as many.
    assert flow["stop_statin"] < flow["start_statin"] < 3 * flow["stop_statin"]
    assert flow["stop_bp"] < flow["start_bp_drug_1"] < 3 * flow["stop_bp"]
    recent = cohort.has("recent_mi") & ~cohort.has("statin")
    untreated = cohort.has("prior_mi") & ~cohort.has("recent_mi") & ~cohort.has("statin")
    starting = hazards(model.transition("start_statin"), cohort)
    assert starting[recent].mean() > 5 * starting[untreated].mean()


def test_levers_multiply_starts_only(model):
    for row in model.transitions:
        treats = row.kind == "treatment_start" or row.name == "control_regained"
        assert (row.health_lever == "prevention") == treats
        assert row.activity_lever is None


def test_first_year_after_infarction_kills_as_published(params, cohort, model):
    published = load_published(params, "ischaemic_heart_disease")
    recent = cohort.has("recent_mi")
    dying = sum(death_hazards(row, cohort) for row in model.transitions if row.kind in ("death", "event"))
    wanted = cohort.at(mortality_after(published.by_30_days, published.by_1_year))
    found, expected = dying[recent].sum(), wanted[recent].sum()
    assert found == pytest.approx(expected, rel=0.25)  # of few people, whose other diseases are chance
    # Who dies at once, and in the month after, are those of the published 30 days.
    row = model.transition("mi_first")
    alive = (1 - row.dies_in_care) * np.exp(-mortality_after(published.by_30_days, published.by_1_year) * DAYS_30)
    np.testing.assert_allclose(1 - alive, published.by_30_days, atol=1e-9)
    late = one_person(0, 70, ("prior_mi",))
    assert hazards(model.transition("death_after_mi"), late)[0] > 0
    assert hazards(model.transition("death_in_year_after_mi"), late)[0] == 0.0


@pytest.mark.parametrize(
    ("flag", "others", "ratio"),
    [
        ("diabetes", ("diabetes",), "diabetes.mortality_hr"),
        ("smoker", ("smoker", "ex_smoker"), "smoking.all_cause_hr"),
        ("ckd_4", ("ckd_3a", "ckd_3b", "ckd_4", "ckd_5"), "chronic_kidney_disease.mortality_hr_4"),
    ],
)
def test_a_stated_hazard_ratio_is_one_of_all_deaths(params, cohort, model, flag, others, ratio):
    """Reckoned apart from the solver: deaths of any row, cancer as its rates share it out, at the same sex and age."""
    dying = np.zeros(len(cohort))
    for row in model.transitions:
        if row.kind in ("death", "event") and row.name not in model.report["by_rates"]:
            dying += death_hazards(row, cohort)
    likely = np.exp(cohort.covariates[:, COVARIATES.index("smoker")] * np.log(params["cancer.hr_smoker"]))
    likely[cohort.has("ex_smoker")] *= params["cancer.hr_ex_smoker"]
    cells = FIVE_YEARS.sums(cohort.by_age()) / FIVE_YEARS.sums(cohort.by_age(likely))
    dying += cohort.at(model.reference["deaths_by_rates"] * FIVE_YEARS.spread(cells)) * likely
    who, against = cohort.has(flag), ~cohort.any_of(others)
    usual = FIVE_YEARS.sums(cohort.by_age(dying * against)) / np.maximum(FIVE_YEARS.sums(cohort.by_age(against)), 1)
    faded = params[ratio] ** fading(params)[cohort.age]
    expected = (faded * cohort.at(FIVE_YEARS.spread(usual)))[who].sum()
    assert dying[who].sum() == pytest.approx(expected, rel=0.02 if who.sum() > 1000 else 0.15)


def test_men_of_75_to_84_are_mended_from_the_total(params):
    """The source repeats the women's cell; the mended one brings men to their printed total, 5.1% at 30 days."""
    published = load_published(params, "ischaemic_heart_disease")
    weights = _people.national_weights(params.table("mortality.national_population"))
    cases = published.admissions * weights
    assert (cases * published.by_30_days)[0].sum() / cases[0].sum() == pytest.approx(0.051, rel=0.01)
    assert (cases * published.by_1_year)[0].sum() / cases[0].sum() == pytest.approx(0.101, rel=0.01)
    assert (published.by_1_year >= published.by_30_days).all()


def test_deaths_outside_hospital_fill_up_the_cause_of_death_statistics(params):
    published = load_published(params, "ischaemic_heart_disease")
    weights = _people.national_weights(params.table("mortality.national_population"))
    deaths = (weights * published.events * published.fatal).sum(axis=1)
    np.testing.assert_allclose(deaths, [2941, 2038], rtol=0.02)  # CBS 2022, men and women


def test_less_schooling_means_more_deaths_and_the_gap_fades(params, model):
    row = model.transition("death_background")
    low, high = row.slopes["edu_low"], row.slopes["edu_high"]
    assert (low > 0).all()
    assert (high < 0).all()
    assert low[0, 95] == pytest.approx(0.25 * low[0, 50])
    # The residual share of the published log hazard ratio, men: 1.507 and 0.681 against 0.989.
    residual = params.get_list("mortality.education_residual")[0]
    assert low[0, 40] - high[0, 40] == pytest.approx(residual * np.log(1.507 / 0.681))


def test_diabetes_onset_follows_body_mass(model):
    row = model.transition("diabetes_onset")
    ratio = hazards(row, one_person(0, 60, bmi=32.0))[0] / hazards(row, one_person(0, 60, bmi=27.0))[0]
    assert ratio == pytest.approx(2.0)
    assert hazards(row, one_person(0, 60, ("diabetes",)))[0] == 0.0


def test_first_tia_per_admission_is_as_published(params, cohort, model):
    row = model.transition("tia_first")
    admissions = cohort.at(model.reference["stroke"]).sum()
    assert hazards(row, cohort).sum() == pytest.approx(params["stroke.tia_per_admission"] * admissions)
    assert row.kind == "onset"
    assert row.service is None
    assert row.sets == ("prior_stroke", "recent_tia")


def test_same_population_gives_the_same_model(params, cohort, model):
    again = build_health(params, cohort_from_population(_people.make_people(CROWD), params), "NL")
    for one, two in zip(model.transitions, again.transitions, strict=True):
        np.testing.assert_array_equal(one.log_hazard, two.log_hazard)
        assert one.log_hr == two.log_hr


def test_a_disease_that_is_left_out_leaves_its_deaths_in_the_background(params, cohort):
    diseases = ("mortality", "ischaemic_heart_disease")
    model = build_health(params, cohort, "NL", diseases)
    names = {row.name for row in model.transitions}
    assert "mi_first" in names
    assert not names & {"stroke_first", "tia_first", "diabetes_onset", "death_after_stroke"}
    for row in expected_at_base(model, settled(cohort, diseases))["deaths"]:
        if row["persons"] >= FEWEST_PERSONS:
            assert row["expected"] == pytest.approx(row["life_table"], rel=0.005)


@pytest.mark.parametrize("left_out", [name for name in DISEASES if name not in ("mortality", "smoking")])
def test_a_disease_that_is_left_out_leaves_its_loss_of_utility_in_the_norm(params, left_out):
    """Nobody holds a state that nobody could come into, so mean utility has nothing by which it could rise."""
    crowd = cohort_from_population(_people.make_people(6_000), params)
    gone = module(left_out).FLAGS
    ill = (crowd.age >= 50) & (np.arange(len(crowd)) % 4 == 0)
    everybody = replace(crowd, flags={**crowd.flags, gone[0]: ill})
    modelled = tuple(name for name in DISEASES if name != left_out)
    cohort = settled(everybody, modelled)
    assert not cohort.any_of(gone).any()
    model = build_health(params, everybody, "NL", modelled)
    entered = {flag for row in model.transitions for flag in row.sets}
    lowers = {flag for flag in model.decrement if cohort.has(flag).any()}
    assert lowers <= entered  # whoever loses utility by name is replaced when they die
    for row in expected_at_base(model, cohort)["utility"]:
        if row["persons"] >= FEWEST_PERSONS:
            assert row["mean"] == pytest.approx(row["norm"], abs=0.01)


def test_who_is_treated_for_a_disease_left_out_is_at_high_risk(params, cohort):
    modelled = tuple(name for name in DISEASES if name not in ("diabetes", "stroke", "ischaemic_heart_disease"))
    left = settled(cohort, modelled)
    treated = cohort.any_of(("prior_mi", "prior_stroke", "diabetes")) & cohort.has("statin")
    assert treated.any()
    assert left.has("high_risk")[treated].all()
    assert not left.any_of(("sglt2", "antiplatelet")).any()  # for nothing else
    assert settled(cohort, DISEASES) is cohort
    np.testing.assert_array_equal(settled(cohort, ("mortality",)).has("smoker"), cohort.has("smoker"))


def test_belgium_has_its_own_life_table_and_scales_events():
    params = health_parameters("BE")
    cohort = cohort_from_population(_people.make_people(20_000), params)
    model = build_health(params, cohort, "BE")
    dutch = load_published(health_parameters("NL"), "stroke")
    np.testing.assert_allclose(model.reference["stroke"], 0.64 * dutch.admissions)
    assert model.reference["norm"][0, 30] == pytest.approx(0.885)
    assert all(name.startswith(("births.", "migration.")) for name in params.unused())


def test_a_village_still_has_a_model(params):
    """Thin cells borrow from their neighbours; nothing becomes infinite or negative."""
    cohort = cohort_from_population(_people.make_people(600), params)
    model = build_health(params, cohort, "NL")
    for row in model.transitions:
        assert not np.isnan(row.log_hazard).any()
        assert (row.log_hazard < 5).all()
    rate = hazards(model.transition("mi_first"), one_person(0, 65))[0]
    assert 0.001 < rate < 0.02


def test_changed_parameters_reach_the_model(params, cohort, model):
    higher = params.override([("ischaemic_heart_disease.recurrent_later", 0.02)])
    changed = build_health(higher, cohort, "NL")
    assert (
        hazards(changed.transition("mi_recurrent"), cohort).sum()
        > hazards(model.transition("mi_recurrent"), cohort).sum()
    )
    assert hazards(changed.transition("mi_first"), cohort).sum() < hazards(model.transition("mi_first"), cohort).sum()


def test_so_many_recurrences_that_first_events_hit_the_floor(params):
    people = _people.make_people(20_000)
    people.prior_mi = (people.age >= 40).astype(np.int8) & (people.person % 3 > 0)
    model = build_health(params, cohort_from_population(people, params), "NL")
    assert model.report["mi_floored"].any()


def test_all_parameters_are_read(params, cohort, model):
    assert [name for name in params.unused() if not name.startswith(("births.", "migration."))] == []


def test_recent_events_are_those_of_the_last_year(cohort, params):
    published = load_published(params, "stroke")
    expected = cohort.by_age(cohort.at(published.admissions * (1 - published.by_30_days))).sum()
    count = cohort.has("recent_stroke").sum()
    assert abs(count - expected) < 4 * np.sqrt(expected)
    assert not (cohort.has("recent_stroke") & ~cohort.has("prior_stroke")).any()


def test_high_risk_is_for_people_without_disease(cohort):
    free = ~cohort.any_of(("diabetes", "prior_mi", "prior_stroke"))
    assert not (cohort.has("high_risk") & ~free).any()
    assert cohort.has("high_risk")[cohort.has("statin") & free].all()
    share = cohort.by_age(cohort.has("high_risk")) / np.maximum(cohort.by_age(free), 1)
    bands = TEN_YEARS.sums(cohort.by_age(cohort.has("high_risk"))) / TEN_YEARS.sums(cohort.by_age(free))
    assert (np.diff(bands[:, 1:], axis=1) > -0.02).all()
    assert share.shape == (2, AGES)


def test_flags_allow_and_forbid(model):
    start = model.transition("start_statin")
    assert can_happen(start, one_person(0, 60, ("diabetes",)))[0]
    assert not can_happen(start, one_person(0, 60))[0]
    assert not can_happen(start, one_person(0, 60, ("diabetes", "statin")))[0]


def test_a_missing_column_is_our_fault(params):
    people = _people.make_people(100)
    people.frailty = people.frailty[:50]
    with pytest.raises(ModelError, match="frailty"):
        cohort_from_population(people, params)


def test_unknown_names_are_refused(params, cohort):
    with pytest.raises(ScenarioError, match="NL"):
        health_parameters("FR")
    with pytest.raises(ScenarioError, match="did you mean 'stroke'"):
        build_health(params, cohort, "NL", diseases=("mortality", "strok"))
    with pytest.raises(ScenarioError, match="mortality"):
        build_health(params, cohort, "NL", diseases=("stroke",))


def test_flags_of_transitions_are_known(model):
    assert model.flags == FLAGS
    for row in model.transitions:
        named = {*row.required, *row.required_any, *row.forbidden, *row.sets, *row.clears, *row.log_hr}
        assert named <= set(FLAGS), row.name


def test_an_exaggerated_effect_arrives(params, cohort):
    """With a rate ratio of 0.01 per mmol/L, a statin all but abolishes infarction."""
    strong = params.override([("ischaemic_heart_disease.rr_per_mmol_ldl", 0.01)])
    model = build_health(strong, cohort, "NL")
    mmol = model.treatment_effects["statin"][0] * model.untreated_ldl
    treated = cohort.covariates.copy()
    treated[:, COVARIATES.index("ldl_drop")] = mmol
    row = model.transition("mi_first")
    assert hazards(row, replace(cohort, covariates=treated)).sum() < 0.05 * hazards(row, cohort).sum()


def test_usual_treatment_is_no_change_of_treatment(cohort, model):
    """People of an age and indication are treated as usual on average, so that ageing into a group moves no hazard."""
    fall = lowered(model.treatment_effects, model.untreated_ldl, cohort)
    after = cohort.any_of(("prior_mi", "prior_stroke"))
    diabetes = cohort.has("diabetes") & ~after
    high = cohort.has("high_risk") & ~after & ~diabetes
    group = np.where(after, 3, np.where(diabetes, 2, np.where(high, 1, 0)))
    for k in range(2):
        beyond = fall[k] - model.usual_lowering[k, group, cohort.age]
        for g in range(1, 4):
            for low, high_age in ((50, 65), (65, 80), (80, 111)):
                some = (group == g) & (cohort.age >= low) & (cohort.age < high_age)
                if some.sum() > 200:
                    spread = 4 * fall[k][some].std() / np.sqrt(some.sum())
                    assert abs(beyond[some].mean()) < spread + 0.05 * fall[k][some].mean()


def test_education_counts_beside_people_of_the_same_age(params, cohort):
    """Each birth cohort has a mean of nothing, so rates by age stay while better educated people grow old."""
    column = COVARIATES.index("edu_low")
    persons, low = FIVE_YEARS.sums(cohort.by_age()), FIVE_YEARS.sums(cohort.by_age(cohort.covariates[:, column]))
    assert (np.abs(low) < 0.03 * persons + 5).all()
    assert np.unique(cohort.covariates[:, column]).size > 2
    on = cohort_from_population(_people.make_people(5_000), params.override([("trends.education", "on")]))
    np.testing.assert_array_equal(on.covariates[:, column], on.education == 0)
