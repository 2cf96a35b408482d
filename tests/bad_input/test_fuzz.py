"""Whatever is done to a valid input, the answer is a result or an `InputError` with a place: never a traceback."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from paysim.errors import DataError, InputError, ScenarioError
from paysim.reading import Column, read_table
from paysim.reading.documents import parse_yaml
from paysim.scenario import load_scenario

GOOD = """\
schema: 1
name: test
region: achterhoek
start: 2021-01-01
horizon_years: 10
price_year: 2023
discounting: {costs: 0.03, effects: 0.015}
diseases: [mortality, stroke]
current: dutch_today
compare_with: [dutch_today, mixed]
parameters:
  - {name: care.minutes, value: 3}
arms:
  - name: dutch_today
    contracts: [nl/gp_segments_1_2_3, nl/deductible]
  - name: mixed
    contracts:
      - name: gp_mixed
        payer: insurers
        providers: practices
        components:
          - {kind: capitation, share: 0.6, rate_eur_per_person_year: 220, weights: [age]}
          - {kind: fee_for_service, share: 0.4, schedule: nl/gp_fees_2023}
    budget_neutral_to: {arm: dutch_today, on: general_practice}
    behaviour: {name: profit_altruism}
"""
LINES = GOOD.splitlines()
WORDS = sorted(set(re.findall(r"[\w./-]+", GOOD)))
VALUES = [
    "", "null", "true", "NO", "012", "1:30", "1e3", "-1", "1e400", ".nan", ".inf", "3%", "1.234,56", "'x", "{}", "[]",
    "[[1]]", "{a: 1}", "&a b", "*a", "!!python/none", "é", "\t", "- x", ": ", "99999999999999999999", "\u202e", "\x07",
    "'\\0'", "../../x", "?", "|", "0x10", "2021-13-01", "-0.0", "#", "%", "@", "`", ">", "\ufeff", "\U0001f600",
]  # fmt: skip


@st.composite
def mutated(draw):
    """Return a scenario with one to three faults, and the lines that were touched."""
    lines, touched = list(LINES), set()
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(lines) - 1))
        touched.add(index)
        words = list(re.finditer(r"[\w./-]+", lines[index]))
        kind = draw(st.sampled_from(["word", "value", "delete", "repeat", "indent", "letter"]))
        if kind == "delete":
            lines[index] = ""
        elif kind == "repeat":
            lines.insert(index, lines[index])
        elif kind == "indent":
            lines[index] = draw(st.sampled_from([" ", "  ", "\t"])) + lines[index]
        elif words:
            word = draw(st.sampled_from(words))
            new = {
                "word": draw(st.sampled_from(WORDS)),
                "value": draw(st.sampled_from(VALUES)),
                "letter": word[0][:-1] + draw(st.characters()),
            }[kind]
            lines[index] = lines[index][: word.start()] + new + lines[index][word.end() :]
    return "\n".join(lines) + "\n"


@given(mutated())
@settings(max_examples=400)
def test_a_mutated_scenario_loads_or_is_refused_with_its_place(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        scenario = load_scenario(path)
    except ScenarioError as error:
        for problem in error.problems:
            assert problem.file
            assert problem.line is not None
            assert 1 <= problem.line <= text.count("\n") + 2
            assert problem.column is not None
            assert problem.column >= 1
            assert "\n" not in str(problem)
            assert len(str(problem)) < 2000
    else:
        assert scenario.arms


def _spots():
    for row, line in enumerate(LINES, start=1):
        for match in re.finditer(r"(\w+):", line):
            yield row, match


SPOTS = list(_spots())


@given(st.sampled_from(SPOTS), st.sampled_from("xqz"))
def test_a_misspelt_key_is_always_named_at_its_own_place(tmp_path_factory, spot, letter):
    row, match = spot
    lines = list(LINES)
    wrong = match[1] + letter
    lines[row - 1] = lines[row - 1][: match.start()] + wrong + lines[row - 1][match.end(1) :]
    path = tmp_path_factory.getbasetemp() / "key.yaml"
    path.write_text("\n".join(lines))
    try:
        load_scenario(path)
    except ScenarioError as error:
        # A component whose kind cannot be read is not looked into any further.
        if wrong.startswith("kind"):
            assert any(problem.line == row for problem in error.problems)
            return
        found = [p for p in error.problems if p.message == "unknown key" and p.line == row]
        assert [(p.column, p.nearest) for p in found] == [(match.start() + 1, match[1])]
    else:
        raise AssertionError(f"{wrong} was accepted")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
@example(b"\xff\xfea")
@example(b"a: \xc2\x85b")
@settings(max_examples=500)
def test_any_bytes_are_yaml_or_refused(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(raw)
    try:
        load_scenario(path)
    except ScenarioError as error:
        assert all(problem.file and problem.line for problem in error.problems)
    else:
        raise AssertionError("noise was accepted as a scenario")


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_any_text_is_parsed_or_refused(text):
    try:
        parse_yaml(text, "t.yaml")
    except ScenarioError as error:
        assert all(problem.file and problem.line and problem.column for problem in error.problems)


@given(st.binary(max_size=200) | st.text('abc,;"\n\r\t0123.-#eE \x0b\u2028', max_size=100).map(str.encode))
@settings(max_examples=500)
def test_any_bytes_are_a_table_or_refused(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(raw)
    try:
        table = read_table(path, {"a": int, "b": Column(float, required=False)}, allow_extra=["c"])
    except DataError as error:
        assert all(problem.file and problem.line and problem.column for problem in error.problems)
    else:
        assert len({len(column) for column in table.values()}) == 1


@given(st.text(max_size=50))
def test_any_name_is_found_or_refused(name):
    try:
        load_scenario(name)
    except InputError as error:
        assert str(error)
    else:
        raise AssertionError(f"{name!r} is no scenario")
