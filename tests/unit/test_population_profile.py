import shutil

import pytest

from paysim.errors import DataError, ScenarioError
from paysim.population import load_region, synthesize


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
        return str(folder / "middenkempen.yaml")

    return change


TABLE = "tables/persons_middenkempen.csv"
REGION = "middenkempen.yaml"


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
        "source: local, status: assumed}\n"
    )
    region = load_region(edit(REGION, "parameters:\n", row))
    assert region["frailty_sigma"] == 0.4
    population = synthesize(region)
    assert population.frailty.std() == pytest.approx(0.417, abs=0.02)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (REGION, "country: BE", "country: DE", r"middenkempen\.yaml:4:10: country: not one of"),
        (REGION, "municipalities:", "municipality:", r"unknown key.*did you mean 'municipalities'"),
        (REGION, "share: 0.5,", "share: 0.45,", r"insurers.*sum to 1; found 0\.95"),
        (REGION, "share: 0.5,", "share: 0.7,", r"insurers\[0\]\.share: value lies outside its range"),
        (REGION, "{name: Olen}", "{name: Lille}", r"municipalities\[5\]\.name: name comes twice"),
        (
            REGION,
            "name: deprived_share, value: 0.04",
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
    old = "name: practice_share_duo, value: 0.30, unit: proportion, range: [0.20, 0.40]"
    region = load_region(edit(REGION, old, old.replace("0.30", "0.45").replace("0.40]", "0.50]")))
    with pytest.raises(DataError, match="practice"):
        synthesize(region)


def test_overrides_are_marked_and_unknown_names_refused():
    region = load_region("achterhoek").override([("population.frailty_sigma", 0.9)])
    assert region.parameters.row("population.frailty_sigma").status == "override"
    with pytest.raises(ScenarioError, match=r"did you mean 'population\.frailty_sigma'"):
        region.override([("population.frailty_sgima", 0.9)])
