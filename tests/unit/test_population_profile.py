import shutil

import pytest

from paysim.diseases.health import health_parameters
from paysim.errors import DataError, ScenarioError
from paysim.population import describe, load_region, synthesize
from paysim.population.joint import all_traits
from paysim.population.profile import COUNTRIES
from paysim.population.published import published_levels


@pytest.fixture
def folder(root, tmp_path):
    """A copy of the shipped regions that a test may break."""
    shutil.copytree(root / "populations", tmp_path / "populations")
    return tmp_path / "populations"


@pytest.fixture
def edit(folder):
    def change(name, old, new, count=1):
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, count), encoding="utf-8")
        return str(folder / name if name.endswith(".yaml") else folder / "middenkempen.yaml")

    return change


TABLE = "tables/persons_middenkempen.csv"
REGION = "middenkempen.yaml"
OWN = "achterhoek.yaml"


def test_a_region_by_name_path_and_extra_folder(folder):
    by_name = load_region("middenkempen")
    by_path = load_region(folder / "middenkempen.yaml")
    assert by_name.persons.total == by_path.persons.total == 104_791
    assert load_region("middenkempen", [folder.parent]).persons.total == 104_791
    assert by_name.country == "BE"
    assert by_name["patients_per_gp_fte"] == 1150
    assert by_name.parameters.row("population.statin_ascvd").status == "recalled"


def test_unknown_region_names_the_nearest():
    with pytest.raises(ScenarioError, match="did you mean 'achterhoek'"):
        load_region("achterhoeck")


def test_a_row_of_the_region_wins_over_the_national_one(edit):
    row = (
        "parameters:\n  - {name: frailty_sigma, value: 0.4, unit: sd_log, range: [0.3, 0.5], "
        "source: local, status: assumed}\ntables:\n"
    )
    region = load_region(edit(REGION, "tables:\n", row))
    assert region["frailty_sigma"] == 0.4
    population = synthesize(region)
    assert population.frailty.std() == pytest.approx(0.417, abs=0.02)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (REGION, "country: BE", "country: DE", r"middenkempen\.yaml:4:10: country: not one of"),
        (REGION, "municipalities:", "municipality:", r"unknown key.*did you mean 'municipalities'"),
        (OWN, "share: 0.55,", "share: 0.5,", r"insurers.*sum to 1; found 0\.95"),
        (OWN, "share: 0.55,", "share: 0.75,", r"insurers\[0\]\.share: value lies outside its range"),
        (OWN, "{name: achmea,", "{name: menzis,", r"insurers\[1\]\.name: name comes twice"),
        (REGION, "{name: Olen}", "{name: Lille}", r"municipalities\[5\]\.name: name comes twice"),
        (
            OWN,
            "name: deprived_share, value: 0.02",
            "name: deprived_share, value: 4%",
            r"value: one number expected.*found 4%",
        ),
        (
            REGION,
            "name: persons",
            "name: person",
            r"tables\[0\]\.name: unknown table.*did you mean 'persons'",
        ),
        (REGION, "tables/persons_middenkempen.csv", "tables/persons_middenkemp.csv", "no such file"),
        (
            REGION,
            "year: 2021",
            "year: 2021\nrepresented_by: 104791",
            "represented_by: stands for nobody else.*fewer than",
        ),
        (
            REGION,
            "year: 2021",
            "year: 2021\nrepresented_by: 10",
            "represented_by: must be greater than or equal to 1000",
        ),
        ("amalo.yaml", "shared_table: true", "shared_table: yes", "shared_table: true or false expected"),
        ("amalo.yaml", "shared_table: true", "shared: true", "shared: unknown key.*did you mean 'shared_table'"),
        ("amalo.yaml", 'name: "Amalo"', 'name: "Amalo."', "no rows for Amalo., sex M; did you mean 'Amalo'"),
        (
            TABLE,
            "Grobbendonk,M,0,4",
            "Grobendonk,M,0,4",
            r"csv:6:1: municipality.*did you mean 'Grobbendonk'",
        ),
        (
            TABLE,
            "municipality,sex,age_from",
            "municipality,sex,age_form",
            r"age_form.*did you mean 'age_from'",
        ),
        (TABLE, "Grobbendonk,M,0,4", "Grobbendonk,X,0,4", r"csv:6:13: sex: not one of"),
        (TABLE, "Grobbendonk,M,5,9", "Grobbendonk,M,6,9", r"csv:7:15: age_from: a gap between bands.*age 5"),
        (TABLE, "Grobbendonk,M,5,9", "Grobbendonk,M,4,9", r"csv:7:15: age_from: bands overlap"),
        (TABLE, "Grobbendonk,M,95,120", "Grobbendonk,M,95,99", "age_to: the oldest band must be open"),
        (TABLE, "Grobbendonk,M,5,9,", "Grobbendonk,M,5,9,-", "persons: out of range"),
        (TABLE, "Grobbendonk,M,5,9,", "Grobbendonk,M,5,9,3,", "6 fields, but the table has 5"),
        (TABLE, "Grobbendonk,M,5,9,", "Grobbendonk,M,5,9,x", "whole number expected"),
    ],
)
def test_faults_have_a_place(edit, name, old, new, message):
    path = edit(name, old, new)
    with pytest.raises((ScenarioError, DataError), match=message):
        load_region(path)


def test_a_municipality_without_rows_is_refused(edit):
    path = edit(REGION, "  - {name: Vorselaar}", "  - {name: Vorselaar}\n  - {name: Geel}")
    with pytest.raises(DataError, match="no rows for Geel, sex M"):
        load_region(path)


def test_shares_of_practices_cannot_exceed_one(edit):
    row = "{name: practice_share_duo, value: 0.45, unit: proportion, range: [0.2, 0.5], source: local, status: assumed}"
    region = load_region(edit(REGION, "tables:\n", f"parameters:\n  - {row}\ntables:\n"))
    with pytest.raises(DataError, match="practice"):
        synthesize(region)


def test_insurers_of_the_region_win_over_those_of_the_country():
    assert load_region("middenkempen").insurers == load_region("amalo").insurers
    assert load_region("middenkempen").insurers[0] == "christian_mutuality"
    national, own = load_region("netherlands"), load_region("achterhoek")
    assert national.insurers[0] == "achmea"
    assert own.insurers[0] == "menzis"
    assert own["insurer_menzis"] == 0.55
    assert sum(national[f"insurer_{name}"] for name in national.insurers) == pytest.approx(1.0)


def test_a_zone_takes_its_rows_of_the_shared_table(folder):
    amalo = load_region(folder / "amalo.yaml")
    assert amalo.persons.total == 92_663
    assert amalo.municipalities == ("Amalo",)
    assert sorted(set(amalo.persons.age_from.tolist())) == [0, 5, 12, 18, 30, 40, 50, 60, 70, 80, 90]
    # without the key another place in the table is a fault, so that a mistyped name is not lost
    text = (folder / "amalo.yaml").read_text("utf-8")
    own = folder / "own.yaml"
    own.write_text(text.replace("shared_table: true", "shared_table: false"), "utf-8")
    with pytest.raises(DataError, match="municipality: not one of the allowed values"):
        load_region(own)


def test_few_people_stand_for_many(edit):
    region = load_region(edit(REGION, "year: 2021", "year: 2021\nrepresented_by: 10000"))
    whole = load_region("middenkempen")
    assert region.persons.total == 104_791
    assert region.simulated.total == 10_000
    assert region.weight == pytest.approx(10.4791)
    assert whole.weight == 1.0
    assert abs(region.simulated.persons * region.weight - whole.persons.persons).max() < region.weight
    people = synthesize(region, seed=2)
    assert len(people) == 10_000
    assert people.persons_in_region == 104_791
    assert {practice.weight for practice in people.practices} == {region.weight}
    assert "10,000 simulated persons represent 104,791" in people.sample_note
    sample = synthesize(region, seed=2, sample=3_000)
    assert {practice.weight for practice in sample.practices} == {104_791 / len(sample)}
    assert f"each person stands for {104_791 / len(sample):.3f}" in sample.sample_note
    frame = describe(people, region)
    assert (frame[frame.unit == "persons"].role != "exact").all()
    rounded = frame[(frame.role == "rounded") & (frame.standard_error > 0)]
    assert rounded.z.abs().max() < 5
    assert rounded[rounded.margin == "persons by sex"].result.sum() == pytest.approx(104_791)


def test_published_levels_have_known_traits_and_sources(root):
    traits = all_traits(synthesize("amalo", sample=1_000), health_parameters("BE"))
    for country in COUNTRIES:
        levels = published_levels(country)
        assert {level.trait for level in levels} | {level.among for level in levels} <= set(traits)
        assert all(level.source and level.age_from <= level.age_to for level in levels)
        assert all(0 < level.value < 1 for level in levels)


def test_overrides_are_marked_and_unknown_names_refused():
    region = load_region("achterhoek").override([("population.frailty_sigma", 0.9)])
    assert region.parameters.row("population.frailty_sigma").status == "override"
    with pytest.raises(ScenarioError, match=r"did you mean 'population\.frailty_sigma'"):
        region.override([("population.frailty_sgima", 0.9)])
