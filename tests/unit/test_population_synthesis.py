import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paysim.errors import DataError, ModelError, ScenarioError
from paysim.population import describe, load_region, synthesize
from paysim.population.ages import pieces, single_ages
from paysim.population.bands import (
    apportion,
    band_rows,
    fraction_within_band,
    slopes_within_bands,
    years_in_open_band,
)
from paysim.population.health import treatment_shares
from paysim.population.keys import Domain, keys
from paysim.population.logistic import probabilities
from paysim.population.practices import side_by_side
from paysim.population.schema import COLUMN_NAMES
from paysim.population.traits import education_shares, ex_smoking_chances, preferential


@pytest.fixture(scope="module")
def region():
    return load_region("middenkempen")


@pytest.fixture(scope="module")
def population(region):
    return synthesize(region, seed=3)


def same(a, b):
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in COLUMN_NAMES)


def test_same_seed_same_people(region, population):
    again = synthesize("middenkempen", seed=3)
    assert same(population, again)
    assert population.practices == again.practices


def test_another_seed_other_people(region, population):
    other = synthesize(region, seed=4)
    assert len(other) == len(population)
    assert np.corrcoef(other.z_sbp, population.z_sbp)[0, 1] < 0.02
    assert other.practices != population.practices


@pytest.mark.parametrize("wanted", [1, 3_000, 10_000, 30_000])
def test_sampled_people_are_the_same_people(region, population, wanted):
    sample = synthesize(region, seed=3, sample=wanted)
    smallest = min(practice.list_size for practice in population.practices)
    assert abs(len(sample) - wanted) < max(smallest, wanted - smallest if wanted < smallest else smallest)
    rows = sample.person
    for name in COLUMN_NAMES:
        if name != "practice":
            assert getattr(sample, name).tobytes() == getattr(population, name)[rows].tobytes()
    names = [population.practices[i].name for i in population.practice[rows]]
    assert names == [sample.practices[i].name for i in sample.practice]
    assert [p.list_size for p in sample.practices] == np.bincount(sample.practice).tolist()
    weight = len(population) / len(sample)
    assert {practice.weight for practice in sample.practices} == {weight}
    assert f"{len(sample):,} of {len(population):,}" in sample.sample_note


def test_samples_spread_over_places_and_sizes(population, region):
    sample = synthesize(region, seed=3, sample=30_000)
    assert len(set(sample.municipality.tolist())) >= 6
    mean = len(sample) / len(sample.practices)
    assert mean == pytest.approx(len(population) / len(population.practices), rel=0.25)


def test_a_sample_as_large_as_the_region_is_the_region(region, population):
    everybody = synthesize(region, seed=3, sample=10_000_000)
    assert same(everybody, population)
    assert {practice.weight for practice in everybody.practices} == {1.0}


def test_a_sample_is_described_with_weights(region):
    frame = describe(synthesize(region, seed=3, sample=20_000), region)
    total = frame[(frame.margin == "persons") & (frame.group == "all")].iloc[0]
    assert total.result == pytest.approx(total.target)
    assert not (frame.role == "exact").any()
    drawn = frame[(frame.standard_error > 0) & (frame.target > 0) & (frame.margin != "deprived")]
    assert drawn.z.abs().max() < 4.5
    # deprived people gather in few practices: the error of a sample says so
    deprived = frame[frame.margin == "deprived"].iloc[0]
    assert deprived.standard_error > 5 * np.sqrt(0.04 * 0.96 / 20_000)


@pytest.mark.parametrize("bad", [-1, 1.5, True, "1", 2**63])
def test_seed_must_be_a_whole_number(region, bad):
    with pytest.raises(ScenarioError, match="seed"):
        synthesize(region, seed=bad)


@pytest.mark.parametrize("bad", [0, -5, 2.0])
def test_sample_must_be_a_positive_whole_number(region, bad):
    with pytest.raises(ScenarioError, match="sample"):
        synthesize(region, sample=bad)


def test_a_parameter_reaches_its_trait_and_nothing_else(region, population):
    more = synthesize(region.override([("population.deprived_share", 0.2)]), seed=3)
    assert more.deprived.mean() == pytest.approx(0.2, abs=0.006)
    assert (more.deprived >= population.deprived).all()
    for name in COLUMN_NAMES:
        if name not in ("deprived", "preferential"):  # which the deprived have more often
            assert np.array_equal(getattr(more, name), getattr(population, name)), name


def test_frailty_has_mean_one_in_every_cell(population):
    for sex in (0, 1):
        for level in (0, 1, 2):
            cell = population.frailty[(population.sex == sex) & (population.education == level)]
            assert cell.mean() == pytest.approx(1.0, abs=5 * cell.std() / np.sqrt(len(cell)))


def test_ages_leave_no_step_between_bands(population):
    completed = np.bincount(population.completed_age, minlength=111).astype(float)
    inner = np.abs(np.diff(completed))[20:80]
    border = np.arange(20, 80) % 5 == 4
    assert inner[border].mean() < 2.0 * inner[~border].mean()


def test_wide_bands_get_the_shape_of_the_country(root):
    """A zone with bands of ten years and more has in each of them the Flemish ages, and its own counts."""
    zone = load_region("leuven")
    expected = single_ages(zone)
    assert expected.sum() == pytest.approx(zone.persons.total)
    shape = np.zeros((2, 111))
    columns = zone.table("age_shape")
    np.add.at(shape, (np.array([sex == "F" for sex in columns["sex"]], int), columns["age_from"]), columns["persons"])
    counts = zone.persons
    for sex, low, high, persons in zip(counts.sex, counts.age_from, counts.age_to, counts.persons, strict=True):
        inside = slice(low, high + 1)
        assert expected[sex, inside].sum() == pytest.approx(persons)
        if high < 90:
            part = shape[sex, inside] / shape[sex, inside].sum()
            assert expected[sex, inside] / persons == pytest.approx(part, rel=1e-9)
    people = synthesize(zone, seed=3)
    found = np.zeros((2, 111))
    np.add.at(found, (people.sex, people.completed_age), 1.0)
    some = expected > 50
    z = (found - expected)[some] / np.sqrt(expected[some])
    assert np.abs(z).max() < 4.5
    assert (people.age < 111).all()


def test_bands_as_narrow_as_the_shape_are_not_cut():
    cut = pieces(load_region("achterhoek"))
    assert cut.share == pytest.approx(np.ones(cut.share.shape))
    assert cut.start.tolist() == list(range(0, 100, 5))
    assert (cut.before == 0).all()


def test_ex_smokers_are_drawn_among_those_who_do_not_smoke(region, population):
    chance = ex_smoking_chances(region)
    assert chance[:, :16].max() == 0.0
    who = population.smoker == 0
    expected = chance[population.sex, population.completed_age, population.education][who]
    z = (population.ex_smoker[who].sum() - expected.sum()) / np.sqrt((expected * (1 - expected)).sum())
    assert abs(z) < 4
    assert not population.ex_smoker[~who].any()


def test_preferential_odds_are_those_of_the_parameters(region):
    """With everybody alike but for one trait, the odds ratio of that trait is the parameter's."""
    n = 200_000
    age, education = np.full(n, 50), np.repeat([0, 1], n // 2)
    draw = keys(5, Domain.PERSON, np.arange(n))
    got = preferential(region, age, education, np.zeros(n, dtype=np.int8), draw)
    low, mid = (got[education == level].mean() for level in (0, 1))
    wanted = region["preferential_odds_low_education"]
    assert np.log(low / (1 - low) / mid * (1 - mid)) == pytest.approx(np.log(wanted), abs=0.05)
    assert got.mean() == pytest.approx(region["preferential_share"], abs=0.004)
    assert not preferential(load_region("achterhoek"), age, education, np.zeros(n, dtype=np.int8), draw).any()


def test_education_is_levelled_to_the_region():
    region = load_region("achterhoek")
    shares = education_shares(region)
    assert shares.sum(axis=2) == pytest.approx(np.ones((2, 111)))
    plain = education_shares(load_region("middenkempen"))
    assert shares[0, 40, 2] < plain[0, 40, 2]
    assert np.array_equal(shares[1, 10], shares[1, 25])
    wrong = region.override([("population.education_low", 0.3)])
    with pytest.raises(DataError, match="sum to 1"):
        education_shares(wrong)


def test_treated_shares_give_the_total_of_the_age(region):
    age = np.repeat([45, 85], 1000)
    ascvd = np.zeros(2000, dtype=bool)
    ascvd[1000:1900] = True
    row, group, shares = treatment_shares(region, "statin", age, ascvd, np.zeros(2000, dtype=np.int8))
    expected = np.bincount(row, shares[row, group])
    wanted = region.table("treatment")["statin"]
    assert expected[0] == pytest.approx(1000 * wanted[0])
    # nine in ten of the old have ASCVD: their share shrinks, the others keep the floor
    assert expected[4] == pytest.approx(1000 * wanted[4])
    assert shares[4, 0] == pytest.approx(region["primary_prevention_floor"])
    assert shares[4, 2] < region["statin_ascvd"]


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30), st.integers(0, 100_000))
def test_apportion_sums_and_stays_near_the_quota(shares, total):
    parts = apportion(total, np.array(shares))
    assert parts.sum() == total
    assert (np.abs(parts - total * np.array(shares) / sum(shares)) < 1 + 1e-6).all()


@pytest.mark.parametrize(("fte", "people"), [(0.2, 1), (1.0, 1), (1.25, 1), (1.3, 2), (2.6, 3), (40.0, 8)])
def test_side_by_side(fte, people):
    assert side_by_side(fte) == people


@given(st.floats(0.001, 0.999), st.floats(-4, 4), st.integers(2, 200))
def test_intercepts_keep_the_margin_and_the_odds_ratio(target, log_odds, exposed):
    offset = np.zeros(400)
    offset[:exposed] = log_odds
    chance = probabilities(np.zeros(400, dtype=np.int64), np.array([target]), offset)
    assert chance.mean() == pytest.approx(target, abs=1e-8)
    odds = chance / (1 - chance)
    assert np.log(odds[0] / odds[-1]) == pytest.approx(log_odds, abs=1e-6)


def test_intercepts_of_sure_and_impossible_cells():
    chance = probabilities(np.array([-1, 0, 1, 2]), np.array([0.0, 1.0, 0.5]), 0.0)
    assert chance.tolist() == pytest.approx([0.0, 0.0, 1.0, 0.5])
    with pytest.raises(ModelError):
        probabilities(np.array([0, 0]), np.array([0.5]), np.array([0.0, np.nan]))


@given(st.floats(-1, 1), st.floats(1e-9, 1 - 1e-9))
def test_fraction_within_band_inverts_its_distribution(slope, uniform):
    t = float(fraction_within_band(np.array([uniform]), np.array([slope]))[0])
    assert 0.0 <= t <= 1.0
    assert (1 - slope) * t + slope * t * t == pytest.approx(uniform, abs=1e-9)


def test_slopes_follow_the_neighbours():
    falling = slopes_within_bands(np.array([300.0, 200.0, 100.0]), np.array([5.0, 5.0, 5.0]))
    assert (falling < 0).all()
    flat = slopes_within_bands(np.array([100.0, 100.0, 100.0]), np.array([5.0, 5.0, 5.0]))
    assert flat[:2].tolist() == [0.0, 0.0]


def test_years_in_the_open_band_have_the_mean_and_the_limit():
    u = (np.arange(100_000) + 0.5) / 100_000
    years = years_in_open_band(u, 2.2, 16.0)
    assert years.mean() == pytest.approx(2.2, rel=0.01)
    assert years.max() < 16.0


def test_overlapping_bands_are_refused():
    columns = {"age_from": np.array([0, 40]), "age_to": np.array([40, 120])}
    with pytest.raises(DataError, match=r"t\.csv: age_from: row 2 overlaps row 1"):
        band_rows(columns, "t.csv")


def test_a_cell_of_less_than_one_weighted_person_has_its_target() -> None:
    from paysim.population.logistic import probabilities

    cell, weight = np.array([0, 0, 1]), np.array([0.3, 0.2, 0.95])
    target, offset = np.array([0.4, 0.98]), np.array([0.5, -0.5, 3.0])
    found = probabilities(cell, target, offset, weight)
    np.testing.assert_allclose(np.bincount(cell, weight * found) / np.bincount(cell, weight), target, atol=1e-8)
