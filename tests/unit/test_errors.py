import pytest

from paysim.errors import (
    DataError,
    InputError,
    ModelError,
    OutputError,
    PaysimError,
    Problem,
    ScenarioError,
    nearest_name,
    shorten,
)


def test_a_problem_reads_as_one_line_with_place_key_found_allowed_and_nearest():
    problem = Problem("unknown key", "a.yaml", 10, 5, "arms[1].rat", "3", ("name", "rate"), "rate")
    assert str(problem) == "a.yaml:10:5: arms[1].rat: unknown key; found 3; allowed: name, rate; did you mean 'rate'?"


def test_a_problem_without_a_place_has_no_empty_parts():
    assert str(Problem("is empty")) == "is empty"
    assert str(Problem("is empty", "a.csv")) == "a.csv: is empty"


def test_every_problem_gets_its_own_line():
    error = ScenarioError(Problem("first", "a", 1, 2), "second")
    assert str(error) == "a:1:2: first\nsecond"
    assert [problem.message for problem in error.problems] == ["first", "second"]


def test_exit_codes_follow_who_must_act():
    assert {ScenarioError.exit_code, DataError.exit_code, OutputError.exit_code} == {2}
    assert ModelError.exit_code == PaysimError.exit_code == 1
    assert not issubclass(ModelError, InputError)


@pytest.mark.parametrize(
    ("wrong", "names", "nearest"),
    [
        ("achterhok", ["achterhoek", "middenkempen"], "achterhoek"),
        ("Gelderse-Vallei", ["achterhoek", "gelderse_vallei"], "gelderse_vallei"),
        ("gp_capitation", ["nl/gp_capitation", "nl/gp_bundled"], "nl/gp_capitation"),
        ("be/gp_capitation", ["nl/gp_capitation", "nl/gp_bundled"], "nl/gp_capitation"),
        ("zzz", ["achterhoek"], None),
        ("", ["achterhoek"], None),
        ("a", [], None),
        ("x" * 100_000, ["achterhoek"], None),
    ],
)
def test_nearest_name(wrong, names, nearest):
    assert nearest_name(wrong, names) == nearest


def test_long_lists_of_names_are_cut():
    text = str(Problem("no such thing", allowed=tuple(f"n{i}" for i in range(100))))
    assert "and 60 more" in text
    assert len(text) < 400


def test_shorten_gives_one_printable_line():
    assert shorten("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert len(shorten("x" * 10_000)) == 60
    assert shorten(3.5) == "3.5"
