"""A region of one's own: what `population new` writes, and what it refuses."""

import json

import pytest

from paysim.cli.app import run
from paysim.errors import DataError, OutputError, ScenarioError
from paysim.population import describe, load_region, synthesize
from paysim.population.new_region import _LOCAL, new_region

BANDS = ((0, 17, 200), (18, 64, 600), (65, 120, 250))


def rows(*places, bands=BANDS):
    return "".join(
        f"{place}{sex},{low},{high},{number}\n" for place in places for sex in "MF" for low, high, number in bands
    )


ONE = "sex,age_from,age_to,persons\n" + rows("")
TWO = "\ufeffgemeente,sex,age_from,age_to,persons\r\n" + rows("Noord,", '"Zuid, ""het""",').replace("\n", "\r\n")


@pytest.mark.parametrize("country", ["NL", "BE"])
def test_a_region_from_a_table_works_at_once(write, tmp_path, country):
    made = new_region("my_land", country, write("t.csv", ONE), tmp_path, title='My "land": one')
    assert made.file == tmp_path / "my_land.yaml"
    assert made.profile.title == 'My "land": one'
    assert 'own table t.csv", status: assumed}' in made.file.read_text("utf-8")  # until a source is named
    assert made.profile.municipalities == ('My "land": one',)
    again = load_region(made.file)
    assert again.persons.total == 2_100
    people = synthesize(again, seed=1)
    frame = describe(people, again)
    assert (frame[frame.role == "exact"].difference == 0).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["my_land.yaml", "t.csv", "tables"]


def test_municipalities_come_from_the_column_that_is_named(write, tmp_path):
    made = new_region("two", "NL", write("t.csv", TWO), tmp_path, municipality_column="gemeente")
    assert made.profile.municipalities == ("Noord", 'Zuid, "het"')
    assert made.profile.persons.total == 4_200


@pytest.mark.parametrize("country", ["NL", "BE"])
def test_what_is_commented_out_is_right_when_it_is_taken_in(write, tmp_path, country):
    made = new_region("my_land", country, write("t.csv", ONE), tmp_path)
    lines = []
    for line in made.file.read_text("utf-8").splitlines():
        bare = line.removeprefix("# ")
        lines.append(bare if bare.startswith(("insurers:", "parameters:", "  - {")) else line)
    made.file.write_text("\n".join(lines), "utf-8")
    own = load_region(made.file)
    assert own["education_low"] == 0.26
    national = load_region({"NL": "netherlands", "BE": "belgium"}[country])
    assert own.insurers == national.insurers
    local = [name for name in _LOCAL if name in national]
    assert len(local) == len(_LOCAL) - (country == "NL")  # the Netherlands know no preferential reimbursement
    for name in [*(f"insurer_{each}" for each in own.insurers), *local]:
        given, known = (each.parameters.row(f"population.{name}") for each in (own, national))
        for what in ("value", "unit", "low", "high", "source", "status"):
            assert getattr(given, what) == getattr(known, what), (name, what)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        (ONE.replace("M,18,64", "M,19,64"), None, r"t\.csv:3:3: age_from: a gap between bands: My land, sex M, age 18"),
        (ONE.replace("F,65,120", "F,65,99"), None, r"t\.csv:7:6: age_to: the oldest band must be open"),
        (ONE.replace("M,0,17,200", "M,0,17,200.5"), None, r"t\.csv:2:8: persons: whole number expected"),
        (ONE.replace("M,0,17,200", "m,0,17,200"), None, r"t\.csv:2:1: sex: not one of the allowed values.*nearest|did you mean 'M'"),
        (ONE.replace("persons\n", "person\n"), None, r"t\.csv:1:21: person: unknown column.*did you mean 'persons'"),
        (ONE + "M,200,210,1\n", None, r"t\.csv:8:3: age_from: out of range"),
        (ONE.replace("F,", "M,"), None, r"t\.csv:.*bands overlap"),
        (TWO, None, r"t\.csv:1:1: gemeente: unknown column"),
        (TWO, "gemente", r"gemente: column is missing.*did you mean 'gemeente'"),
        (TWO.replace("Noord", "=Noord"), "gemeente", r"t\.csv:2:1: gemeente: not a name of a municipality"),
        (TWO.replace("Noord", " "), "gemeente", r"t\.csv:2:1: gemeente: not a name of a municipality"),
        (TWO.replace("Noord,F,0,17", "Noord,F,0,16"), "gemeente", r"t\.csv:6:9: age_from: a gap"),
        (TWO.replace("Noord,F,", "Oord,F,"), "gemeente", "no rows for Noord, sex F"),
        (ONE.replace("200", "0").replace("600", "0").replace("250", "0"), None, "holds no persons"),
    ],
)  # fmt: skip
def test_a_table_at_fault_leaves_nothing_behind(write, tmp_path, text, column, message):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(DataError, match=message):
        new_region("my_land", "NL", write("t.csv", text), out, municipality_column=column)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "country", "message"),
    [
        ("My Land", "NL", "name: not a name of a region"),
        ("../x", "NL", "name: not a name of a region"),
        ("achterhoek", "NL", "name: a region of the catalogue has this name"),
        ("my_land", "DE", "country: unknown country.*allowed: NL, BE"),
        ("my_land", "be", "did you mean 'BE'"),
    ],
)
def test_names_that_cannot_be(write, tmp_path, name, country, message):
    with pytest.raises(ScenarioError, match=message):
        new_region(name, country, write("t.csv", ONE), tmp_path)


def test_files_are_replaced_only_when_that_is_wanted(write, tmp_path):
    table = write("t.csv", ONE)
    made = new_region("my_land", "NL", table, tmp_path)
    before = made.file.read_bytes()
    with pytest.raises(OutputError, match=r"my_land\.yaml: is there already.*\n.*persons_my_land\.csv"):
        new_region("my_land", "BE", table, tmp_path)
    assert made.file.read_bytes() == before
    with pytest.raises(DataError):
        new_region("my_land", "BE", write("bad.csv", ONE.replace("M,18", "M,17")), tmp_path, overwrite=True)
    assert made.file.read_bytes() == before
    assert new_region("my_land", "BE", table, tmp_path, overwrite=True).profile.country == "BE"
    with pytest.raises(OutputError, match="the folder does not exist"):
        new_region("my_land", "NL", table, tmp_path / "nowhere")


def test_the_command_prints_what_to_do_next(write, tmp_path, capsys):
    table = write("t.csv", TWO)
    command = ["population", "new", "my_land", "--country", "NL", "--persons", str(table), "--out", str(tmp_path)]
    assert run(command) == 2
    assert "gemeente: unknown column" in capsys.readouterr().err
    assert run([*command, "--municipality-column", "gemeente"]) == 0
    shown = capsys.readouterr().out
    assert f"next: paysim population describe {tmp_path / 'my_land.yaml'}" in shown
    assert run([*command, "--municipality-column", "gemeente", "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["municipalities"] == 2
    own, people = str(tmp_path / "my_land.yaml"), str(tmp_path / "people.csv")
    assert run(["population", "build", own, "--out", people]) == 0
    assert run(["population", "describe", people]) == 2
    assert "my_land" in capsys.readouterr().err
    assert run(["population", "describe", people, "--region", own, "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["margins"][0]["difference"] == 0
