"""What every disease folder must satisfy, found by scanning."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import paysim.diseases
from paysim.diseases.ages import FEWEST_PERSONS, FIVE_YEARS, TEN_YEARS
from paysim.diseases.cohort import Cohort, hazards
from paysim.diseases.disease import Built, Context, Onset, expected_deaths
from paysim.diseases.health import (
    FLAGS,
    build_health,
    cohort_from_population,
    deaths_at_base,
    health_parameters,
    module,
    settled,
)
from paysim.diseases.risk.factors import load_risk_factors
from paysim.kernel.spec import AGES, COVARIATES, Transition

FOLDER = Path(paysim.diseases.__file__).parent
DISEASES = sorted(path.name for path in FOLDER.iterdir() if (path / "parameters.yaml").is_file())
MODELS = sorted(path.parent.name for path in FOLDER.glob("*/model.py"))
BUILT = [name for name in paysim.diseases.DISEASES if name not in paysim.diseases.REQUIRED]
WITH_STAGES = [name for name in MODELS if hasattr(module(name), "stages")]
WITH_ONSET = [name for name in MODELS if hasattr(module(name), "onset")]
FOR_LIFE = ("ischaemic_heart_disease", "stroke", "diabetes", "dementia", "heart_failure", "copd")
FOR_LIFE += ("peripheral_arterial_disease", "chronic_kidney_disease")
TRANSIENT = ("recent_mi", "recent_stroke", "poor_control")
"""States that people leave alive: their share need not grow with age."""
OVERLAPPING = ("ischaemic_heart_disease", "stroke", "diabetes")
"""Diseases of which a person can be in several states at once."""
PEOPLE = Path(__file__).parent.parent / "unit" / "test_diseases_people.py"


@pytest.fixture(scope="module", params=["NL", "BE"])
def country(request):
    return request.param


@cache
def parameters(country):
    return health_parameters(country)


@cache
def cohort_of(country, n=15_000):
    spec = importlib.util.spec_from_file_location("people", PEOPLE)
    people = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(people)
    params = parameters(country)
    return cohort_from_population(people.make_ill_people(n, params), params)


@cache
def context_of(country):
    params = parameters(country)
    return Context(params, cohort_of(country), cohort_of(country), load_risk_factors(params), paysim.diseases.DISEASES)


@cache
def built(name, country):
    return module(name).build(context_of(country))


@cache
def stages_of(name, country):
    return module(name).stages(parameters(country))


@cache
def model_of(country):
    return build_health(parameters(country), cohort_of(country), country)


@pytest.fixture(scope="module")
def model(country):
    return model_of(country)


def test_there_are_diseases_to_check():
    assert {"mortality", "ischaemic_heart_disease", "stroke", "diabetes", "vascular_prevention"} <= set(DISEASES)


def test_what_a_scenario_can_name_has_a_folder():
    assert set(paysim.diseases.REQUIRED) <= set(paysim.diseases.DISEASES) <= set(DISEASES)


@pytest.mark.parametrize("name", DISEASES)
def test_every_value_has_unit_source_and_status(name, country):
    rows = [row for row in health_parameters(country).frame() if str(row["name"]).startswith(f"{name}.")]
    assert rows
    for row in rows:
        assert row["unit"], row["name"]
        assert len(str(row["source"])) > 10, row["name"]
        assert row["status"] in {"found", "derived", "recalled", "assumed"}, row["name"]


@pytest.mark.parametrize("name", DISEASES)
def test_every_table_tells_its_source(name):
    for path in (FOLDER / name).glob("*.csv"):
        header = [line for line in path.read_text().splitlines() if line.startswith("#")]
        text = " ".join(header).lower()
        for word in ("source", "status"):
            assert word in text, f"{path.name}: no {word} in its header"
        assert "unit" in text or " per " in text, f"{path.name}: no unit in its header"


def test_transitions_are_complete(model):
    names = [row.name for row in model.transitions]
    assert len(set(names)) == len(names)
    for row in model.transitions:
        assert isinstance(row, Transition)
        assert row.source, row.name
        assert row.log_hazard.shape == (2, AGES), row.name
        assert not np.isnan(row.log_hazard).any(), row.name
        assert set(row.slopes) <= set(COVARIATES), row.name
        for value in row.log_hr.values():
            assert np.isfinite(value), row.name


def test_probabilities_are_probabilities(model):
    for row in model.transitions:
        for value in (row.dies_before_care, row.dies_in_care):
            array = np.asarray(value)
            assert ((array >= 0) & (array <= 1)).all(), row.name


def test_what_fires_changes_what_allows_it(model):
    """An onset, start or stop must not be able to fire again at once, for ever."""
    for row in model.transitions:
        if row.kind in ("onset", "treatment_start", "treatment_stop", "timer"):
            changed = (set(row.sets) & set(row.forbidden)) | (set(row.clears) & set(row.required))
            assert changed, row.name


def test_events_claim_a_service_and_days(model):
    events = [row for row in model.transitions if row.kind == "event"]
    assert events
    for row in events:
        assert row.service in {"admission_mi", "admission_stroke", "admission_other", "elective_admission"}, row.name
        assert row.admission_days > 0, row.name


def test_every_flag_can_be_reached_or_is_given(model):
    reachable = {flag for row in model.transitions for flag in row.sets}
    assert set(model.flags) <= reachable
    assert set(model.decrement) <= set(model.flags)
    assert set(model.treatment_effects) <= set(model.flags)
    assert all(-0.5 < change <= 0 for change in model.decrement.values())


def test_utility_and_risk_factors_are_in_range(model):
    assert ((model.base_utility > 0.3) & (model.base_utility <= 1.0)).all()
    low, high = np.array([90, 3.0, 0.9, 18]), np.array([170, 7.5, 2.2, 32])
    assert ((model.risk_factors.mean > low) & (model.risk_factors.mean < high)).all()
    assert (model.risk_factors.sd > 0).all()


def test_mortality_rises_from_thirty(model):
    total = model.reference["life_table"]
    assert (np.diff(total[:, 30:], axis=1) > 0).all()


@pytest.mark.parametrize("name", MODELS)
def test_names_of_a_module(name):
    found = module(name)
    assert found.__doc__
    flags, chronic = getattr(found, "FLAGS", ()), getattr(found, "CHRONIC", ())
    assert isinstance(flags, tuple)
    assert isinstance(chronic, tuple)
    assert len(set(flags)) == len(flags)
    assert set(flags) <= set(FLAGS)
    assert set(chronic) <= set(flags)


def test_every_flag_has_one_owner():
    owned = [flag for name in MODELS for flag in getattr(module(name), "FLAGS", ())]
    assert len(owned) == len(set(owned))
    assert set(owned) == set(FLAGS)
    assert len(FLAGS) == len(set(FLAGS))


def test_a_folder_with_flags_and_stages_can_be_named_in_a_scenario():
    """A disease that somebody adds as a folder must not be forgotten by the model."""
    assert set(WITH_STAGES) | set(WITH_ONSET) <= set(paysim.diseases.DISEASES)


@pytest.mark.parametrize("name", BUILT)
def test_a_disease_is_built_as_tables(name, country):
    found = built(name, country)
    assert isinstance(found, Built)
    assert isinstance(found.transitions, tuple)
    assert set(found.mortality_hr) <= set(module(name).FLAGS)
    for ratio in found.mortality_hr.values():
        assert (np.asarray(ratio) >= 1.0).all()
    for row in found.transitions:
        named = {*row.required, *row.required_any, *row.forbidden, *row.sets, *row.clears, *row.log_hr, *row.fresh}
        assert named <= set(FLAGS), row.name
        # It changes its own states, and may end the state of being at high risk.
        assert {*row.sets, *row.clears} <= {*module(name).FLAGS, "high_risk", "antiplatelet"}, row.name
        assert (row.kind == "timer") == (row.delay_years > 0), row.name


@pytest.mark.parametrize("name", WITH_ONSET)
def test_onset_is_rates_and_ranking(name, country):
    onset = module(name).onset(parameters(country))
    assert isinstance(onset, Onset)
    assert onset.rates.shape == (2, AGES)
    assert ((onset.rates >= 0) & (onset.rates < 1)).all()
    assert onset.rates.any()
    assert set(onset.slopes) <= set(COVARIATES)
    assert set(onset.log_hr) <= set(FLAGS)
    for value in (*onset.slopes.values(), *onset.log_hr.values()):
        assert np.isfinite(value).all()


@pytest.mark.parametrize("name", WITH_STAGES)
def test_stages_are_shares_of_people(name, country):
    found = stages_of(name, country)
    for flag, share in found.items():
        assert share.shape == (2, AGES), flag
        assert ((share >= 0) & (share <= 1)).all(), flag
    if name not in OVERLAPPING:
        assert (sum(found.values()) <= 1).all()


@pytest.mark.parametrize("name", FOR_LIFE)
def test_share_with_a_disease_for_life_grows_until_old_age(name, country):
    """Nobody is cured, so shares grow with age until excess mortality takes as many as fall ill."""
    whole = sum(share for flag, share in stages_of(name, country).items() if flag not in TRANSIENT)
    assert (np.diff(whole[:, :75], axis=1) >= -1e-9).all()


@pytest.mark.parametrize("name", WITH_STAGES)
def test_more_new_cases_mean_more_people_ill(name, country):
    params = parameters(country)
    scale = next(each for each in (f"{name}.level", f"{name}.national_scale") if each in params)
    more = module(name).stages(params.override([(scale, 1.2 * params[scale])]))
    until = slice(0, 85)  # of the oldest so many are ill that more new cases come from fewer
    before = stages_of(name, country)
    for flag, share in before.items():
        assert (more[flag][:, until] >= share[:, until] - 1e-9).all(), flag
    assert any((more[flag] > 1.05 * share).any() for flag, share in before.items())


def entries(found):
    """Rows by which people fall ill who need not be ill already."""
    return [row for row in found.transitions if row.kind == "onset" and not (row.required or row.required_any)]


@pytest.mark.parametrize("name", [each for each in WITH_ONSET if each in BUILT])
def test_expected_cases_are_the_published_rates(name, country):
    cohort, found = cohort_of(country), built(name, country)
    (published,) = found.reference.values()
    persons = TEN_YEARS.sums(cohort.by_age())
    wanted = TEN_YEARS.sums(cohort.by_age() * published)
    expected = TEN_YEARS.sums(cohort.by_age(sum(hazards(row, cohort) for row in entries(found))))
    dense = (persons >= FEWEST_PERSONS) & (wanted > 0)
    assert dense.sum() >= 6
    np.testing.assert_allclose(expected[dense], wanted[dense], rtol=1e-6)


def test_hazards_are_numbers_and_not_absurd(country, model):
    cohort = cohort_of(country)
    dying = np.zeros(len(cohort))
    for row in model.transitions:
        rate = hazards(row, cohort)
        assert np.isfinite(rate).all(), row.name
        assert (rate >= 0).all(), row.name
        assert rate.max(initial=0.0) < 50, row.name
        dying += rate if row.kind == "death" else 0.0
    assert (dying > 0).all()
    assert np.quantile(dying, 0.999) < 4


def is_life_table(model, cohort):
    """Where a child of a small cohort has a deadly disease, more deaths are expected than in the table, and told."""
    persons = FIVE_YEARS.sums(cohort.by_age())
    over = model.report["shortfall_deaths"]
    dense = (persons >= FEWEST_PERSONS) & (over == 0)
    assert dense.sum() > 30
    dying = FIVE_YEARS.sums(deaths_at_base(model, cohort))
    table = FIVE_YEARS.sums(cohort.by_age(cohort.at(model.reference["life_table"])))
    np.testing.assert_allclose(dying[dense], table[dense], rtol=1e-6)
    np.testing.assert_allclose((dying - table)[over > 0], over[over > 0], rtol=1e-6)
    assert over.sum() < 0.025 * table.sum()


def test_all_diseases_together_kill_as_the_life_table_says(country, model):
    is_life_table(model, cohort_of(country))


@pytest.mark.parametrize("name", BUILT)
def test_a_disease_left_out_leaves_its_deaths_in_the_background(name):
    cohort, whole = cohort_of("NL"), model_of("NL")
    rest = tuple(each for each in paysim.diseases.DISEASES if each != name)
    model, without = build_health(parameters("NL"), cohort, "NL", rest), settled(cohort, rest)
    is_life_table(model, without)
    left = {row.name for row in whole.transitions} - {row.name for row in model.transitions}
    assert {row.name for row in built(name, "NL").transitions} <= left
    assert {row.name for row in model.transitions} <= {row.name for row in whole.transitions}
    assert not set(model.chronic) & set(module(name).CHRONIC)
    own = sum(
        expected_deaths(row, cohort).sum() for row in built(name, "NL").transitions if row.kind in ("death", "event")
    )
    if own > 1:  # fewer are lost among the thin cells that borrow their level
        # What is levelled together: background deaths, and those after infarction and stroke, of the same background.
        together = [
            sum(
                expected_deaths(r, people).sum()
                for r in m.transitions
                if r.name.startswith(("death_background", "death_after"))
            )
            for m, people in ((model, without), (whole, cohort))
        ]
        if name not in ("ischaemic_heart_disease", "stroke"):
            assert together[0] > together[1]


def ratios_of(params, name):
    """Hazard and rate ratios among the numbers of a folder, ratios of death apart."""
    rows = (row for row in params.frame() if str(row["name"]).startswith(f"{name}."))
    ratios = [str(row["name"]) for row in rows if str(row["unit"]).startswith(("hazard ratio", "rate ratio"))]
    return [each for each in ratios if "mortality" not in each]


def terms(onset):
    return {name: np.asarray(value, float) for name, value in (*onset.slopes.items(), *onset.log_hr.items())}


@pytest.mark.parametrize("name", WITH_ONSET)
def test_a_hazard_ratio_of_one_changes_nothing_and_a_larger_one_arrives(name):
    """Each ratio moves its own terms and no rate; at one they vanish, exaggerated they point the right way."""
    params = parameters("NL")
    onset = module(name).onset(params)
    moved = 0
    for ratio in ratios_of(params, name):
        none, large = (module(name).onset(params.override([(ratio, value)])) for value in (1.0, 20.0))
        for changed in (none, large):
            np.testing.assert_array_equal(changed.rates, onset.rates)
        before, after, strong = terms(onset), terms(none), terms(large)
        # A ratio that stands at one in the file moves its term only when it is large.
        mine = [term for term in before if not np.array_equal(after[term], strong[term])]
        moved += len(mine)
        for term in mine:
            assert not after[term].any(), (ratio, term)
            assert (strong[term] > 0).all(), (ratio, term)
        for term in set(before) - set(mine):
            np.testing.assert_array_equal(after[term], before[term])
    if name != "ischaemic_heart_disease":  # ranked by a risk equation
        assert moved > 0


def test_without_any_ratio_all_of_a_sex_and_age_fall_ill_alike():
    """With all ratios at one, and frailty without a say, onset depends on sex and age alone."""
    params = parameters("NL")
    names = [ratio for name in MODELS if name in DISEASES for ratio in ratios_of(params, name)]
    changes = [(name, 1.0) for name in names] + [("mortality.frailty_incidence_exponent", 0.0)]
    context = Context(
        params.override(changes), cohort_of("NL"), cohort_of("NL"), load_risk_factors(params), paysim.diseases.DISEASES
    )
    for name in ("heart_failure", "copd", "dementia", "peripheral_arterial_disease", "depression", "cancer"):
        for row in entries(module(name).build(context)):
            rate = hazards(row, context.cohort)
            able = rate > 0
            expected = context.cohort.at(np.exp(row.log_hazard))
            np.testing.assert_allclose(rate[able], expected[able], rtol=1e-12, err_msg=row.name)


@pytest.mark.parametrize("name", [each for each in WITH_STAGES if f"{each}.mortality_hr" in parameters("NL")])
def test_an_exaggerated_hazard_ratio_of_death_shortens_lives_with_the_disease(name):
    params = parameters("NL")
    harmless, deadly = (
        module(name).stages(params.override([(f"{name}.mortality_hr", value)])) for value in (1.0001, 8.0)
    )
    flag = next(iter(deadly))
    assert deadly[flag][0, 80] < harmless[flag][0, 80]


@pytest.mark.parametrize("name", ["copd", "dementia"])  # on the background; in a row of its own
def test_an_exaggerated_hazard_ratio_of_death_reaches_the_model(name):
    """People with the disease die more, all others less: the total stays that of the life table."""
    cohort = cohort_of("NL")
    params = parameters("NL").override([(f"{name}.mortality_hr", 4.0)])
    flag = module(name).CHRONIC[0]
    held = cohort.has(flag)

    def dying(model):
        death = sum(hazards(row, cohort) for row in model.transitions if row.kind == "death")
        return death[held].sum(), death[~held].sum()

    (with_it, without), (before, other) = dying(build_health(params, cohort, "NL")), dying(model_of("NL"))
    assert with_it > 1.1 * before
    assert without < other


def one_person(sex=0, age=70, flags=()):
    held = {name: np.ones(1, bool) for name in flags}
    nothing = np.zeros(1, int)
    return Cohort(np.array([sex]), np.array([age]), np.zeros((1, len(COVARIATES))), held, nothing, nothing + 1)


@pytest.mark.parametrize("name", BUILT)
def test_nobody_without_the_disease_dies_of_it(name, country):
    for row in built(name, country).transitions:
        if row.kind == "death":
            assert hazards(row, one_person())[0] == 0.0, row.name
            assert hazards(row, one_person(flags=row.required))[0] > 0.0, row.name
            assert set(row.required) & set(module(name).FLAGS)
