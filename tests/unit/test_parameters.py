import dataclasses
import hashlib

import pytest

from paysim.errors import DataError, ScenarioError
from paysim.parameters import Override, Parameters

TEXT = """
schema: 1
parameters:
  - {name: minutes, value: 10, unit: minutes, range: [8, 12], source: "ours", status: assumed, note: "why"}
  - {name: share, value: 0.3, unit: proportion, range: [0.2, 0.4], distribution: beta, source: "X 2012", status: recalled}
  - {name: rate, value: 0.2, unit: per_year, source: "X 2012", status: found}
  - {name: knots, value: [1, 2.5], unit: years, source: "X 2012", status: found}
  - {name: reference, value: mid, unit: level, source: "X 2012", status: found}
tables:
  - {name: rates, file: rates.csv, unit: per_year, source: "X 2012", status: found}
"""


@pytest.fixture
def loaded(write):
    write("rates.csv", "# header\nage,rate\n0,0.1\n1,0.2\n")
    return Parameters.load(write("parameters.yaml", TEXT), "care")


def test_values_by_qualified_name(loaded):
    assert loaded["care.minutes"] == 10.0
    assert isinstance(loaded["care.minutes"], float)
    assert loaded.get_text("care.reference") == "mid"
    assert loaded.get_list("care.knots") == (1.0, 2.5)


def test_a_row_keeps_everything_the_file_says(loaded):
    row = loaded.row("care.share")
    assert (row.value, row.unit, row.low, row.high) == (0.3, "proportion", 0.2, 0.4)
    assert (row.distribution, row.source, row.status) == ("beta", "X 2012", "recalled")
    assert loaded.row("care.minutes").note == "why"
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.value = 1.0


def test_a_view_of_a_group_has_short_names_and_the_same_record_of_reading(loaded):
    view = loaded.group("care")
    assert view["minutes"] == 10.0
    assert view.names() == ["knots", "minutes", "rate", "reference", "share"]
    assert loaded.used() == ["care.minutes"]
    assert loaded.unused() == ["care.knots", "care.rate", "care.rates", "care.reference", "care.share"]


def test_looking_at_a_row_does_not_count_as_reading_it(loaded):
    loaded.row("care.share")
    assert loaded.used() == []


def test_an_unknown_name_names_the_nearest(loaded):
    with pytest.raises(ScenarioError, match=r"care\.minuts: unknown parameter; did you mean 'care\.minutes'"):
        loaded["care.minuts"]
    with pytest.raises(ScenarioError, match="did you mean 'minutes'"):
        loaded.group("care")["minuts"]
    with pytest.raises(ScenarioError, match="unknown group of parameters; did you mean 'care'"):
        loaded.group("cares")
    with pytest.raises(ScenarioError, match="unknown table; did you mean"):
        loaded.table("care.rate")


@pytest.mark.parametrize(
    ("reader", "name", "message"),
    [
        ("__getitem__", "care.reference", "is not one number"),
        ("__getitem__", "care.knots", "is not one number"),
        ("get_text", "care.minutes", "is not a text"),
        ("get_list", "care.minutes", "is not a list"),
    ],
)
def test_a_value_of_another_kind_is_refused(loaded, reader, name, message):
    with pytest.raises(DataError, match=message):
        getattr(loaded, reader)(name)


def test_a_table_is_read_from_beside_the_file(loaded):
    table = loaded.table("care.rates")
    assert table["age"].tolist() == [0, 1]
    assert table["rate"].tolist() == [0.1, 0.2]
    assert loaded.used() == ["care.rates"]


def test_the_frame_lists_every_value_and_fingerprints_tables(loaded, tmp_path):
    rows = {row["name"]: row for row in loaded.frame()}
    assert list(rows) == sorted(rows)
    assert set(rows["care.share"]) == {
        "name",
        "value",
        "unit",
        "low",
        "high",
        "distribution",
        "source",
        "status",
    }
    digest = hashlib.sha256((tmp_path / "rates.csv").read_bytes()).hexdigest()
    assert rows["care.rates"]["value"] == f"rates.csv, 2 rows, sha256 {digest}"


def test_merging_keeps_both_and_refuses_a_name_in_both(loaded, write):
    write("o/rates.csv", "a\n1\n")
    other = Parameters.load(write("o/parameters.yaml", TEXT), "other")
    both = loaded | other
    assert len(both) == 10
    assert "other.minutes" in both
    with pytest.raises(ScenarioError, match=r"care\.minutes: parameter is defined twice"):
        both | loaded


def test_an_override_replaces_the_value_marks_it_and_leaves_the_original(loaded):
    changed = loaded.override([("care.minutes", 99), ("care.knots", [3, 4])])
    assert changed["care.minutes"] == 99.0
    assert changed.row("care.minutes").status == "override"
    assert changed.get_list("care.knots") == (3.0, 4.0)
    assert loaded["care.minutes"] == 10.0


def test_a_wrong_override_is_reported_where_the_user_wrote_it(loaded):
    wrong = [
        Override("care.minuts", 1.0, "s.yaml", 4, 11),
        Override("care.reference", 1.0, "s.yaml", 5, 11),
        Override("care.knots", (1.0,), "s.yaml", 6, 11),
        Override("care.share", float("nan"), "s.yaml", 7, 11),
        Override("care.minutes", 1.0, "s.yaml", 8, 11),
        Override("care.minutes", 2.0, "s.yaml", 9, 11),
        Override("care.rate", "4%", "s.yaml", 10, 11),
    ]
    with pytest.raises(ScenarioError) as caught:
        loaded.override(wrong)
    assert str(caught.value).splitlines() == [
        "s.yaml:4:11: care.minuts: unknown parameter; did you mean 'care.minutes'?",
        "s.yaml:5:11: care.reference: a text expected; found 1.0",
        "s.yaml:6:11: care.knots: a list of 2 numbers expected; found (1.0,)",
        "s.yaml:7:11: care.share: a number must be finite; found nan",
        "s.yaml:9:11: care.minutes: parameter is overridden twice",
        "s.yaml:10:11: care.rate: one number expected; write a percentage as a share, 3% as 0.03; found 4%",
    ]


ROW = "{{schema: 1, parameters: [{{name: {name}, value: {value}, unit: {unit}, source: {source}, status: {status}{more}}}]}}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "assumed"}, "a number that is assumed needs a range"),
        ({"status": "recalled"}, "a number that is recalled needs a range"),
        ({"status": "guessed"}, "allowed: found, derived, recalled, assumed"),
        ({"more": ", range: [2, 3]"}, "value lies outside its range; found 1.0; allowed: 2 to 3"),
        ({"more": ", range: [3, 0]"}, "low end of the range is above the high end"),
        ({"more": ", range: [1]"}, "at least 2 items"),
        ({"more": ", distribution: beta"}, "beta needs a range"),
        ({"more": ", distribution: betta, range: [0, 2]"}, "did you mean 'beta'"),
        ({"more": ", distribution: beta, range: [0, 2]"}, "a beta value lies between 0 and 1"),
        ({"more": ", distribution: lognormal, range: [0, 2]"}, "cannot be negative or zero"),
        ({"source": "''"}, "source"),
        ({"unit": "''"}, "unit"),
        ({"name": "Big"}, "a name is made of small letters"),
        ({"value": "[]"}, "an empty list is no value"),
        ({"value": "true"}, "number or text or list expected; found true"),
        ({"value": "4%"}, r"value: one number expected; write a percentage as a share, 3% as 0\.03; found 4%"),
        ({"value": "' 4.5 %'"}, "one number expected; write a percentage as a share"),
        ({"value": "'1,5'"}, "one number expected; write a decimal point, not a comma; found 1,5"),
        ({"value": "'10'"}, "one number expected; write the number without quotes"),
        ({"value": "[1, x]"}, r"value\[1\]: number expected"),
        ({"more": ", sourc: x"}, "did you mean 'source'"),
    ],
)
def test_a_file_that_lacks_something_is_refused(write, change, message):
    row = {"name": "a", "value": "1", "unit": "u", "source": "s", "status": "found", "more": ""} | change
    path = write("p.yaml", ROW.format(**row))
    with pytest.raises(ScenarioError, match=message) as caught:
        Parameters.load(path, "g")
    assert all(p.file == str(path) and p.line == 1 and p.column for p in caught.value.problems)


def test_a_table_that_does_not_exist_names_the_nearest(write):
    write("rates.csv", "a\n1\n")
    text = "{schema: 1, tables: [{name: t, file: rate.csv, unit: u, source: s, status: found}]}"
    with pytest.raises(ScenarioError, match=r"p\.yaml:1:38: tables\[0\]\.file: no such file.*'rates\.csv'"):
        Parameters.load(write("p.yaml", text), "g")


def test_every_parameter_file_of_the_package_loads(root):
    files = sorted((root / "paysim").rglob("parameters*.yaml"))
    assert files
    for path in files:
        if "national" in path.parts:  # with names of insurers too: read with the regions
            continue
        loaded = Parameters.load(path, path.parent.name)
        assert loaded.frame()
