"""People from elsewhere: what comes in comes out, what is missing is drawn, and the order of rows does not matter."""

import dataclasses
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import paysim as ps
from paysim.cli.app import run
from paysim.diseases.health import health_parameters
from paysim.diseases.risk.factors import load_risk_factors
from paysim.engine.model import build_model
from paysim.errors import DataError
from paysim.population import load_region
from paysim.population.fields import FIELDS, schema_markdown
from paysim.population.people import age_at
from paysim.population.schema import CAN_LACK, COLUMNS
from paysim.population.synthea import condition_codes

PERSONS = 3_000


@pytest.fixture(scope="module")
def region():
    """Middenkempen, but with few people."""
    profile = load_region("middenkempen")
    counts = profile.persons.scaled_to(PERSONS)
    return dataclasses.replace(profile, persons=counts, simulated=counts)


@pytest.fixture(scope="module")
def achterhoek():
    return load_region("achterhoek")


@pytest.fixture(scope="module")
def people(region):
    return ps.synthesize(region, seed=5)


def differences(one, other, leave=("import_note",)):
    found = []
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        same = (a.dtype, a.tobytes()) == (b.dtype, b.tobytes()) if isinstance(a, np.ndarray) else a == b
        if not same and field.name not in leave:
            found.append(field.name)
    return found


@pytest.fixture(scope="module")
def written(people, tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    ps.write_people(people, folder / "people.csv", folder / "practices.csv")
    ps.write_people(people, folder / "people.parquet")
    return folder


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_round_trip_is_exact(people, region, written, suffix):
    back = ps.import_population(written / f"people.{suffix}", region, practices=written / "practices.csv", seed=5)
    assert differences(people, back) == []
    without = ps.import_population(written / f"people.{suffix}", region, seed=5)
    assert differences(people, without, ("import_note", "practices")) == []
    assert [p.name for p in without.practices] == [p.name for p in people.practices]
    assert [p.list_size for p in without.practices] == [p.list_size for p in people.practices]


def test_what_the_table_does_not_know_is_drawn_as_for_a_synthesized_person(people, region, written, write):
    table = pq.read_table(written / "people.parquet")
    known = ["person", "practice", "municipality", "sex", "age"]
    pa.csv.write_csv(table.select(known), written / "few.csv")
    back = ps.import_population(written / "few.csv", region, practices=written / "practices.csv", seed=5)
    assert differences(people, back) == []
    assert "drawn from the region's profile: education, deprived, smoker, z_sbp" in back.import_note
    assert "copd" in back.import_note
    assert "nobody" not in back.import_note
    nobody = write("nobody.yaml", f"schema: 1\nnobody: [{', '.join(CAN_LACK)}]\n")
    healthy = ps.import_population(written / "few.csv", region, mapping=nobody, seed=5)
    assert {"diabetes", "copd", "ckd", "cancer", "bp_drugs", "glp1"} < set(CAN_LACK)
    assert not any(getattr(healthy, name).any() for name in CAN_LACK)
    assert "nobody has: deprived, smoker, diabetes" in healthy.import_note


def test_known_stages_of_dementia_tell_who_lives_in_a_nursing_home(people, region, written):
    table = pq.read_table(written / "people.parquet").drop_columns(["nursing_home"])
    stage = pa.array(np.array(["none", "mild", "moderate_or_severe"])[np.arange(len(table)) % 3])
    table = table.set_column(table.schema.get_field_index("dementia"), "dementia", stage)
    pq.write_table(table, written / "dementia.parquet")
    back = ps.import_population(written / "dementia.parquet", region, seed=5)
    old = back.age >= 60
    assert not back.nursing_home[back.dementia < 2].any()
    assert 0.1 < back.nursing_home[old & (back.dementia == 2)].mean() < 0.9


def test_known_traits_are_kept_and_what_is_drawn_depends_on_them(region, written):
    table = pq.read_table(written / "people.parquet")
    persons = len(table)
    known = table.select(["person", "municipality", "sex", "age"])
    known = known.append_column("smoker", pa.array(np.arange(persons) % 2))
    pq.write_table(known.append_column("z_sbp", pa.array(np.full(persons, 1.5))), written / "smokers.parquet")
    back = ps.import_population(written / "smokers.parquet", region, seed=5)
    assert back.smoker.sum() == persons // 2
    assert (back.z_sbp == 1.5).all()
    adult = back.completed_age > 20
    assert back.z_hdl[adult & (back.smoker == 1)].mean() < back.z_hdl[adult & (back.smoker == 0)].mean()
    # Chronic lung disease is seen more often when more people smoke.
    assert back.copd[adult & (back.smoker == 1)].mean() > 1.5 * back.copd[adult & (back.smoker == 0)].mean()
    assert sum(p.list_size for p in back.practices) == persons
    assert (np.array([p.municipality for p in back.practices])[back.practice] == back.municipality).all()


def test_the_order_of_rows_does_not_matter(people, region, written):
    table = pq.read_table(written / "people.parquet")
    order = np.random.default_rng(1).permutation(len(table))
    pq.write_table(table.take(pa.array(order)), written / "shuffled.parquet", row_group_size=700)
    back = ps.import_population(written / "shuffled.parquet", region, practices=written / "practices.csv", seed=5)
    assert differences(people, back) == []
    names = pa.array([f"p{number:09d}" for number in range(len(table))])
    renamed = table.set_column(0, "person", names).take(pa.array(order))
    pq.write_table(renamed, written / "named.parquet")
    named = ps.import_population(written / "named.parquet", region, practices=written / "practices.csv", seed=5)
    assert differences(people, named) == []


def test_measurements_become_the_z_scores_that_the_engine_reads_back(write, achterhoek):
    head = "person,sex,age,municipality,sbp,tc,hdl,bmi\n"
    path = write("p.csv", head + "1,M,44.2,Aalten,150,5.1,1.3,27\n2,F,71,Winterswijk,120,4,1.6,31.5\n")
    back = ps.import_population(path, achterhoek)
    tables = load_risk_factors(health_parameters("NL"))
    for row, (sex, age, values) in enumerate([(0, 44, (150, 5.1, 1.3, 27)), (1, 71, (120, 4, 1.6, 31.5))]):
        z = np.array([getattr(back, f"z_{name}")[row] for name in ("sbp", "tc", "hdl", "bmi")])
        assert tables.mean[sex, age] + tables.sd[sex, age] * z == pytest.approx(values)
    # At 44.5 years, between the middles 35 and 45 of bands with means 125.1 and 128.1 and deviations 12 and 14.
    assert back.z_sbp[0] == pytest.approx((150 - (125.1 + 0.95 * 3.0)) / (12 + 0.95 * 2))


@pytest.mark.parametrize("country", ["NL", "BE"])
def test_every_plausible_measurement_gives_a_z_score_in_range(country):
    tables = load_risk_factors(health_parameters(country))
    for k, name in enumerate(("sbp", "tc", "hdl", "bmi")):
        for bound in (FIELDS[name].low, FIELDS[name].high):
            assert np.abs((bound - tables.mean[:, :, k]) / tables.sd[:, :, k]).max() <= 20


def test_a_mapping_renames_converts_and_ignores(write, achterhoek):
    theirs = "nr,geslacht,leeftijd,chol,rook,naam\n7,man,50,193.35,gestopt,Jan\n3,2,61,154.68,ja,An\n"
    mapping = """
schema: 1
columns:
  person: nr
  sex: {from: geslacht, levels: {M: [man, 1], F: [vrouw, 2]}}
  age: leeftijd
  tc: {from: chol, unit: mg/dL}
  smoker: {from: rook, levels: {yes: ja, no: [nee, gestopt]}}
  ex_smoker: {from: rook, levels: {yes: gestopt, no: [nee, ja]}}
  municipality: {constant: Aalten}
  ckd: {constant: G4}
ignore: [naam]
"""
    ours = "person,sex,age,tc,smoker,ex_smoker,municipality,ckd\n7,M,50,5,0,1,Aalten,G4\n3,F,61,4,1,0,Aalten,G4\n"
    a = ps.import_population(write("theirs.csv", theirs), achterhoek, mapping=write("m.yaml", mapping))
    b = ps.import_population(write("ours.csv", ours), achterhoek)
    assert differences(a, b, ("import_note", "z_tc")) == []
    assert a.z_tc == pytest.approx(b.z_tc, abs=1e-12)
    assert a.sex.tolist() == [1, 0]  # person 3 comes before person 7
    assert a.ckd.tolist() == [3, 3]


SAME = "person,sex,age,municipality\n1,M,40,Aalten\n2,F,41.5,Oost Gelre\n"


@pytest.fixture(scope="module")
def same(achterhoek, tmp_path_factory):
    path = tmp_path_factory.mktemp("same") / "a.csv"
    path.write_text(SAME)
    return ps.import_population(path, achterhoek)


@pytest.mark.parametrize(
    "text",
    [
        SAME.replace("\n", "\r\n"),
        SAME.rstrip("\n"),
        SAME + "\n\r\n\n",
        "\ufeff" + SAME,
        "# a registry\n\n# of two\n" + SAME,
        'person,"sex",age,municipality\n"1","M","40",Aalten\n2,F,41.5,"Oost Gelre"\n',
        "sex,age,municipality,person\nM,4e1,Aalten,1\nF,+41.50,Oost Gelre,2\n",
    ],
)
def test_the_same_table_written_otherwise_is_read_exactly(write, text, achterhoek, same):
    assert differences(same, ps.import_population(write("b.csv", text), achterhoek)) == []


def test_other_types_of_parquet_columns_are_read_exactly(tmp_path, achterhoek, same):
    table = pa.table(
        {
            "person": pa.array([1, 2], pa.int32()),
            "sex": pa.array(["M", "F"]).dictionary_encode(),
            "age": pa.array([40, 41.5], pa.float32()),
            "municipality": pa.array(["Aalten", "Oost Gelre"], pa.large_string()),
        }
    )
    pq.write_table(table, tmp_path / "b.parquet")
    assert differences(same, ps.import_population(tmp_path / "b.parquet", achterhoek)) == []
    smokers = table.append_column("smoker", pa.array([True, False]))
    pq.write_table(smokers, tmp_path / "c.parquet")
    assert ps.import_population(tmp_path / "c.parquet", achterhoek).smoker.tolist() == [1, 0]


def test_quotes_within_names(write, achterhoek):
    text = 'person,sex,age,municipality,practice\n1,M,40,Aalten,"Smith, ""old"" town"\n2,F,4,Aalten,B 10\n3,F,4,Aalten,B 9\n'
    back = ps.import_population(write("q.csv", text), achterhoek)
    assert [practice.name for practice in back.practices] == ["B 9", "B 10", 'Smith, "old" town']


@given(st.dates(date(1912, 1, 2), date(2021, 1, 1)), st.dates(date(2021, 1, 1), date(2022, 12, 31)))
def test_ages_from_dates_of_birth(birth, day):
    def birthday(year):
        leap = year % 4 == 0 and (year % 100 or year % 400 == 0)
        return date(year, 3, 1) if (birth.month, birth.day) == (2, 29) and not leap else birth.replace(year=year)

    completed = day.year - birth.year - (birthday(day.year) > day)
    last, following = birthday(birth.year + completed), birthday(birth.year + completed + 1)
    found = float(age_at(np.array([np.datetime64(birth)]), np.datetime64(day))[0])
    assert int(found) == completed
    assert found == pytest.approx(completed + (day - last).days / (following - last).days, abs=1e-12)


def test_whole_ages_get_a_drawn_fraction_of_the_year(write, achterhoek):
    rows = "".join(f"{n},F,{n % 111},Aalten\n" for n in range(3_000))
    back = ps.import_population(write("w.csv", "person,sex,completed_age,municipality\n" + rows), achterhoek)
    assert sorted(back.completed_age) == sorted(n % 111 for n in range(3_000))
    fraction = back.age - back.completed_age
    assert abs(fraction.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 3_000)
    assert "drawn from the region's profile: fraction of the year of age, practice" in back.import_note


def test_staff_follows_from_list_sizes_by_the_norms_of_the_region(write, achterhoek):
    rows = "".join(f"{n},F,30,Aalten,P\n" for n in range(4_190))
    back = ps.import_population(write("w.csv", "person,sex,age,municipality,practice\n" + rows), achterhoek)
    (practice,) = back.practices
    assert (practice.list_size, practice.gps) == (4_190, 2)
    assert practice.gp_fte == pytest.approx(2.0)  # 2,095 persons to a full-time GP
    assert practice.nurse_fte == pytest.approx(1.8)  # 0.9 nurses for somatic care to a GP
    assert practice.mental_nurse_fte == pytest.approx(0.6)


def test_the_note_travels_with_the_population(region, written, tmp_path):
    back = ps.import_population(written / "people.csv", region)
    assert back.import_note.startswith(f"{PERSONS:,} persons imported from people.csv (SHA-256 ")
    for suffix in ("csv", "parquet"):
        ps.write_population(back, tmp_path / f"kept.{suffix}")
        assert differences(back, ps.read_population(tmp_path / f"kept.{suffix}"), ()) == []


def test_a_sample_is_no_registry(people, tmp_path):
    with pytest.raises(DataError, match="a sample cannot be written as the people of a region"):
        ps.write_people(people.take_practices([0]), tmp_path / "p.csv")
    assert not list(tmp_path.iterdir())


def test_every_column_of_a_population_can_be_imported():
    for column in COLUMNS:
        field = FIELDS[column.name]
        if field.kind == "level" and field.levels:
            assert sorted(field.levels.values()) == list(range(int(column.high) + 1)), column.name
            assert sorted((field.words or {}).values()) == sorted(field.levels.values())
        if field.kind == "number":
            assert (field.low, field.high) == (column.low, column.high)


def test_the_documented_schema_is_the_one_in_use(root):
    assert schema_markdown() in (root / "docs" / "import.md").read_text("utf-8")


PATIENTS = """Id,BIRTHDATE,DEATHDATE,SSN,FIRST,LAST,RACE,GENDER,ADDRESS,CITY,INCOME
a,1950-06-01,,999-00-0001,Ada,Made,white,F,"1 Road, Flat 2",Springfield,1
b,1980-01-01,2020-05-05,999-00-0002,Bob,Made,white,M,2 Road,Springfield,1
c,2021-03-01,,999-00-0003,Cas,Made,white,M,3 Road,Springfield,1
d,1940-02-29,2021-02-01,999-00-0004,Dan,Made,white,M,4 Road,Shelbyville,1
e,2000-01-01,,999-00-0005,Eva,Made,white,F,5 Road,Springfield,1
"""
CONDITIONS = """START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION
2010-01-01,,a,x,44054006,Diabetes
2012-01-01,2012-02-01,a,x,22298006,Infarction
2013-01-01,2014-01-01,a,x,370143000,Depression
2015-01-01,2016-01-01,a,x,433144002,Kidney stage 3
2016-01-01T10:00:00Z,,a,x,431857002,Kidney stage 4
2018-01-01,,b,x,88805009,Heart failure
2020-01-01,,d,x,26929004,Alzheimer
2021-01-02,,d,x,230690007,Stroke
2019-01-01,,d,x,254837009,Breast
2020-01-01,,d,x,254637007,Lung
2020-01-01,,e,x,72892002,Something else
"""


@pytest.fixture
def synthea(write):
    return write("export/patients.csv", PATIENTS).parent, write("export/conditions.csv", CONDITIONS).parent


def test_synthea_gives_the_living_with_their_conditions(synthea, achterhoek):
    back = ps.import_population(synthea[0], achterhoek, format="synthea", reference_date="2021-01-01")
    assert len(back) == 3
    by_age = np.argsort(-back.age)  # d, a, e
    assert back.completed_age[by_age].tolist() == [80, 70, 21]
    assert back.sex[by_age].tolist() == [0, 1, 1]
    expected = {
        "diabetes": [0, 1, 0],
        "prior_mi": [0, 1, 0],  # ever
        "prior_stroke": [0, 0, 0],  # after the reference date
        "depression": [0, 0, 0],  # ended
        "ckd": [0, 3, 0],  # stage 4, which follows stage 3
        "cancer": [3, 0, 0],  # the worst of two
        "dementia": [1, 0, 0],
        "heart_failure": [0, 0, 0],
    }
    assert {name: getattr(back, name)[by_age].tolist() for name in expected} == expected
    assert "left out: 1 dead, 1 not yet born" in back.import_note
    assert "drawn from the region's profile: municipality, practice, education" in back.import_note


def test_synthea_people_of_the_region_keep_their_places(write, achterhoek):
    text = PATIENTS.replace("Springfield", "Aalten").replace("Shelbyville", "Winterswijk")
    folder = write("export/patients.csv", text).parent
    write("export/conditions.csv", CONDITIONS)
    back = ps.import_population(folder, achterhoek, format="synthea", reference_date="2021-01-01")
    assert back.municipality[np.argsort(-back.age)].tolist() == [7, 0, 0]
    assert "municipality" not in back.import_note


def test_synthea_codes_name_columns_and_levels():
    rows = condition_codes()
    for column, level in zip(rows["column"], rows["level"], strict=True):
        assert level in (FIELDS[column].levels or {}), (column, level)
        assert (FIELDS[column].levels or {})[level] > 0
    assert all(code.isdigit() and 6 <= len(code) <= 18 for code in rows["code"])


def test_people_of_another_region_are_refused_by_a_scenario(people):
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    with pytest.raises(DataError, match="region: the population is not of the scenario's region; found middenkempen"):
        build_model(scenario, population=people)
    scenario = ps.load_scenario("be/middenkempen_four_models")
    renamed = dataclasses.replace(people, insurers=("x", *people.insurers[1:]))
    with pytest.raises(DataError, match="insurers: the population is not of the scenario's region"):
        build_model(scenario, population=renamed)


def test_whole_practices_of_people_who_were_given(people):
    scenario = ps.load_scenario("be/middenkempen_four_models")
    model = build_model(scenario, sample=1_000, population=people)
    chosen = model.population
    assert 500 < len(chosen) < 1_500
    assert chosen.practices[0].weight == pytest.approx(PERSONS / len(chosen))
    assert np.isin(chosen.person, people.person).all()


def test_the_command_imports_and_prints_its_schema(written, tmp_path, capsys):
    assert run(["population", "import", "--schema"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in FIELDS)
    arguments = [str(written / "people.csv"), "--region", "middenkempen", "--out", str(tmp_path / "p.parquet")]
    assert run(["population", "import", *arguments]) == 0
    printed = capsys.readouterr().out
    assert f"note: {PERSONS:,} persons imported from people.csv" in printed
    assert f"next: paysim run SCENARIO --population {tmp_path / 'p.parquet'}" in printed
    assert len(ps.read_population(tmp_path / "p.parquet")) == PERSONS


def test_a_run_takes_its_people_from_a_file(people, tmp_path, monkeypatch, capsys):
    def simulate(*args, population, **more):
        assert differences(people, population) == []
        raise DataError("these people came in")

    monkeypatch.setattr("paysim.analysis.execution.simulate", simulate)
    ps.write_population(people, tmp_path / "p.parquet")
    arguments = ["be/middenkempen_four_models", "--population", str(tmp_path / "p.parquet")]
    assert run(["run", *arguments, "--json"]) == 2
    assert "these people came in" in capsys.readouterr().err


def test_too_young_patients_are_noted_and_imported_all_the_same(people):
    from paysim.population import implausible

    assert implausible(people) == []
    young = people.completed_age < 11
    child_smokers = dataclasses.replace(people, smoker=np.where(young, 1, people.smoker).astype(people.smoker.dtype))
    (note,) = implausible(child_smokers)
    assert note.startswith(f"{int(young.sum()):,} of")
    assert "people under 12 have smoker" in note


def test_a_registry_of_hardly_possible_people_warns_and_leaves_whole_numbers(region, tmp_path):
    """All are three years old, smoke and had an infarction: nobody in the nation is like them."""
    place = region.municipalities[0]
    rows = "".join(f"{k},{place},{'MF'[k % 2]},{3 if k % 3 else 50},1,1\n" for k in range(300))
    (tmp_path / "people.csv").write_text(f"person,municipality,sex,age,smoker,prior_mi\n{rows}")
    with pytest.warns(ps.population.ImplausibleWarning) as told:
        people = ps.import_population(tmp_path / "people.csv", region)
    assert [str(each.message) for each in told] == ps.population.implausible(people)
    assert {"smoker", "prior_mi"} <= {str(each.message).split("have ")[1].partition(":")[0] for each in told}
    child = people.completed_age == 3
    assert child.sum() == 200
    for name in ("statin", "bp_drugs", "enrolled"):
        assert not getattr(people, name)[child].any(), name
    assert people.statin[~child].any()
    for name in ("z_sbp", "z_tc", "z_hdl", "z_bmi"):
        assert np.isfinite(getattr(people, name)).all()
        assert 0.5 < getattr(people, name)[child].std() < 1.5


def test_an_imported_file_is_compared_by_shares(people, region):
    """Some of a region's people are no fault: only how they are made up is."""
    rows = ps.population.describe(dataclasses.replace(people, import_note="people.csv"), region)
    larger = dataclasses.replace(
        region, persons=dataclasses.replace(region.persons, persons=region.persons.persons * 100)
    )
    same = ps.population.describe(dataclasses.replace(people, import_note="people.csv"), larger)
    for frame, scale in ((rows, 1.0), (same, 100.0)):
        by_sex = frame[frame["margin"] == "persons by sex"]
        assert by_sex["result"].sum() == pytest.approx(scale * len(people))
        assert (by_sex["z"].abs() < 3).all()
        (total,) = frame.loc[frame["margin"] == "persons", "result"]
        assert total == len(people)
