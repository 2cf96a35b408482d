"""Mistakes in a scenario, one at a time: each is named at its own line and column, with the nearest valid name."""

import re

import pytest

from paysim.cli.app import run as command
from paysim.errors import InputError, ScenarioError
from paysim.scenario import load_scenario

GOOD = """\
schema: 1
name: test
title: A test
region: achterhoek
start: 2021-01-01
horizon_years: 10
base_years: 3
price_year: 2023
discounting: {costs: 0.03, effects: 0.015}
seed: 1
replicates: 1
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
      - nl/hospital_tariffs
    budget_neutral_to: {arm: dutch_today, on: general_practice}
    behaviour: {name: profit_altruism}
"""

CASES = [
    # unknown keys at every level
    ("seed: 1", "sed: 1", "10:1: sed: unknown key; allowed: .*; did you mean 'seed'"),
    ("seed: 1", "seed: 1\nend: 2020-01-01", "11:1: end: unknown key"),
    ("costs: 0.03,", "cost: 0.03,", "9:15: discounting.cost: unknown key; .*did you mean 'costs'"),
    ("    behaviour:", "    behavior:", r"30:5: arms\[1\].behavior: unknown key; .*did you mean 'behaviour'"),
    ("{arm: dutch_today, on", "{arms: dutch_today, on", r"29:25: arms\[1\].budget_neutral_to.arms: .*'arm'"),
    ("        payer:", "        payr:", r"23:9: arms\[1\].contracts\[0\].payr: unknown key; .*did you mean 'payer'"),
    ("share: 0.6", "shar: 0.6", r"26:32: arms\[1\].contracts\[0\].components\[0\].shar: .*did you mean 'share'"),
    ("value: 3}", "valu: 3}", r"16:26: parameters\[0\].valu: unknown key; .*did you mean 'value'"),
    ("profit_altruism}", "profit_altruism, frobnicate: 1}", r"30:40: arms\[1\].behaviour.frobnicate: unknown key"),
    ("    behaviour: {name: profit_altruism}", "    behaviour: {name: passive, altruism: 1}", "30:32: .*unknown key"),
    # missing keys
    ("region: achterhoek\n", "", "1:1: region: required key is missing"),
    ("schema: 1\n", "", "1:1: schema: required key is missing"),
    (", effects: 0.015", "", "9:1: discounting.effects: required key is missing"),
    ("    contracts: [nl/gp_segments_1_2_3, nl/deductible]\n", "", r"18:5: arms\[0\].contracts: required key"),
    ("{kind: capitation, share", "{share", r"26:13: arms\[1\].contracts\[0\].components\[0\].*: .*kind"),
    # wrong types and YAML traps
    ("horizon_years: 10", "horizon_years: ten", "6:16: horizon_years: whole number expected; found 'ten'"),
    ("horizon_years: 10", "horizon_years: 1:30", "6:16: .*whole number expected: write one plain number, not 1:30"),
    ("horizon_years: 10", "horizon_years: 10.5", "6:16: horizon_years: .*whole number.*; found 10.5"),
    ("horizon_years: 10", "horizon_years: 1e1", "6:16: horizon_years: whole number expected; found 10.0"),
    ("horizon_years: 10", 'horizon_years: "10"', "6:16: .*write the number without quotes; found '10'"),
    ("horizon_years: 10", "horizon_years: 012", "6:16: horizon_years: leading zeros are ambiguous"),
    ("horizon_years: 10", "horizon_years: true", "6:16: horizon_years: whole number expected; found true"),
    ("horizon_years: 10", "horizon_years:", "6:15: horizon_years: whole number expected; nothing is written here"),
    ("horizon_years: 10", "horizon_years: [10]", "6:16: horizon_years: whole number expected; found a list of 1"),
    ("costs: 0.03", "costs: 3%", "9:22: discounting.costs: number expected: write a percentage as a share, 3% as 0.03"),
    ("costs: 0.03", "costs: '0,03'", "9:22: discounting.costs: number expected: write a decimal point, not a comma"),
    ("per_person_year: 220", "per_person_year: 1.234,56", "26:76: .*a key is a name, not a number; is a comma meant as a decimal point"),
    ("per_person_year: 220", "per_person_year: '1.234,56'", "26:70: .*write 1.234,56 as 1234.56"),
    ("per_person_year: 220", "per_person_year: 220 EUR", "26:70: .*leave the currency out"),
    ("region: achterhoek", "region: NO", "4:9: no such population; found 'NO'|4:9: region: no such population; found 'NO'"),
    ("title: A test", "title: 3", "3:8: title: text expected; found 3"),
    ("seed: 1", "seed: 1\npopulation: close", "11:13: population: .*found 'close'; allowed: open, closed"),
    ("discounting: {costs: 0.03, effects: 0.015}", "discounting: 0.03", "9:14: discounting: mapping of keys expected"),
    ("diseases: [mortality, stroke]", "diseases: mortality", "12:11: diseases: list expected; found 'mortality'"),
    ("[nl/gp_segments_1_2_3, nl/deductible]", "nl/deductible", r"19:16: arms\[0\].contracts: list expected"),
    ("[nl/gp_segments_1_2_3, nl/deductible]", "[3]", r"19:17: arms\[0\].contracts\[0\]: name of a contract"),
    ("[nl/gp_segments_1_2_3, nl/deductible]", "[]", r"19:16: arms\[0\].contracts: list should have at least 1 item"),
    ("value: 3}", "value: {a: 1}}", r"16:33: parameters\[0\].value: number or text or list expected"),
    ("name: test", "name: Big Test", "2:7: name: a name is made of small letters"),
    ("name: test", "name: " + "x" * 65, "2:7: name: .*at most 64"),
    # values out of range
    ("schema: 1", "schema: 2", "1:9: schema: not one of the allowed values; found 2; allowed: 1"),
    ("horizon_years: 10", "horizon_years: 0", "6:16: horizon_years: must be greater than or equal to 1"),
    ("horizon_years: 10", "horizon_years: 101", "6:16: horizon_years: must be less than or equal to 100"),
    ("base_years: 3", "base_years: 0", "7:13: base_years: must be greater than or equal to 1"),
    ("price_year: 2023", "price_year: 23", "8:13: price_year: must be greater"),
    ("costs: 0.03", "costs: 0.3", "9:22: discounting.costs: must be less than or equal to 0.2"),
    ("costs: 0.03", "costs: -0.03", "9:22: discounting.costs: must be greater than or equal to 0"),
    ("costs: 0.03", "costs: .inf", "9:22: discounting.costs: a number must be finite"),
    ("seed: 1", "seed: -1", "10:7: seed: must be greater than or equal to 0"),
    ("replicates: 1", "replicates: 0", "11:13: replicates: must be greater than or equal to 1"),
    ("start: 2021-01-01", "start: 2021-02-30", "5:8: start: a day such as 2021-01-01 expected; found '2021-02-30'"),
    ("start: 2021-01-01", "start: 01/01/2021", "5:8: start: a day such as 2021-01-01 expected"),
    ("start: 2021-01-01", "start: 20210101", "5:8: start: text expected; found 20210101"),
    ("start: 2021-01-01", "start: '20210101'", "5:8: start: a day such as 2021-01-01 expected"),
    ("per_person_year: 220", "per_person_year: -220", "26:70: .*must be greater than or equal to 0; found -220"),
    ("share: 0.6", "share: 1.6", "26:39: .*share: must be less than or equal to 1; found 1.6"),
    ("share: 0.4", "share: -0.4", "27:44: .*share: must be greater than or equal to 0"),
    # names that nothing has
    ("region: achterhoek", "region: achterhok", "4:9: region: no such population; .*did you mean 'achterhoek'"),
    ("region: achterhoek", "region: ../../etc/passwd", "4:9: region: no such population"),
    ("nl/gp_segments_1_2_3,", "nl/gp_segments,", r"19:17: arms\[0\].contracts\[0\]: no such contract; .*gp_segments_1_2_3"),
    ("nl/gp_fees_2023", "nl/gp_fees_2032", "27:59: .*did you mean 'nl/gp_fees_2023'"),
    ("kind: capitation", "kind: capitaton", "26:13: .*kind.*did you mean 'capitation'|26:20: .*did you mean 'capitation'"),
    ("weights: [age]", "weights: [agee]", "26:85: .*did you mean 'age'"),
    ("profit_altruism", "profit_altruist", "30:23: .*behaviour.name: .*did you mean 'profit_altruism'"),
    ("on: general_practice", "on: general_practise", "29:47: .*did you mean 'general_practice'"),
    ("current: dutch_today", "current: dutch_todai", "13:10: current: no such arm; .*did you mean 'dutch_today'"),
    ("[dutch_today, mixed]", "[dutch_today, mixt]", r"14:29: compare_with\[1\]: no such arm; .*did you mean 'mixed'"),
    ("{arm: dutch_today", "{arm: dutch_toda", r"29:30: arms\[1\].budget_neutral_to.arm: no such arm"),
    ("stroke]", "strok]", r"12:23: diseases\[1\]: no such disease; .*did you mean 'stroke'"),
    ("stroke]", "births]", r"12:23: diseases\[1\]: no such disease; found 'births'; allowed: mortality, smoking"),
    ("stroke]", "qualityoflife]", r"12:23: diseases\[1\]: no such disease; found 'qualityoflife'"),
    ("[mortality, stroke]", "[stroke]", "12:11: diseases: every model needs mortality"),
    # things that contradict each other
    ("{arm: dutch_today", "{arm: mixed", "29:30: .*budget neutrality goes round in a circle: mixed -> mixed"),
    (
        "nl/deductible]\n",
        "nl/deductible]\n    budget_neutral_to: {arm: mixed, on: general_practice}\n",
        r"20:5: arms\[0\].budget_neutral_to: the current arm is the base and is not scaled",
    ),
    ("  - name: mixed", "  - name: dutch_today", r"20:11: arms\[1\].name: name of an arm comes twice"),
    ("[mortality, stroke]", "[stroke, stroke]", r"12:20: diseases\[1\]: name comes twice"),
    ("[dutch_today, mixed]", "[mixed, mixed]", r"14:23: compare_with\[1\]: name comes twice"),
    ("nl/deductible]", "nl/deductible, nl/deductible]", r"19:54: arms\[0\].contracts\[2\]: contract comes twice"),
    ("seed: 1", "seed: 1\nseed: 2", "11:1: seed: key comes twice; first at line 10, column 1"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_a_mistake_is_named_at_its_place(write, old, new, expected):
    assert GOOD.count(old) >= 1
    path = write("s.yaml", GOOD.replace(old, new, 1))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    lines = [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]
    assert any(re.match(expected, line) for line in lines), str(caught.value)
    assert all(problem.file and problem.line and problem.column for problem in caught.value.problems)


def test_the_text_that_the_mistakes_are_made_in_is_right(write):
    assert load_scenario(write("s.yaml", GOOD)).name == "test"


def test_a_benchmark_without_history_is_refused(write):
    text = GOOD.replace("base_years: 3", "base_years: 2")
    assert load_scenario(write("s.yaml", text)).base_years == 2
    path = write("s.yaml", text.replace("nl/deductible]", "nl/deductible, us/shared_savings_one_sided]"))
    with pytest.raises(ScenarioError, match=r"looks back on 3 years before the start; found base_years 2") as caught:
        load_scenario(path)
    assert caught.value.problems[0].key == "arms[0].contracts"


def test_two_deductibles_at_a_time_are_refused_and_one_after_the_other_is_not(write):
    second = """
      - name: lower
        payer: patients
        providers: insurers
        components: [{kind: deductible, annual_eur: 100}]"""
    arm = "contracts: [nl/gp_segments_1_2_3, nl/deductible]"
    both = "contracts:\n      - nl/gp_segments_1_2_3\n      - nl/deductible" + second
    with pytest.raises(InputError, match="one deductible at a time; found deductible/deductible, lower/deductible"):
        load_scenario(write("s.yaml", GOOD.replace(arm, both)))
    dated = both.replace("- nl/deductible", "- {use: nl/deductible, until_year: 1}").replace(
        "100}", "100, from_year: 1}"
    )
    load_scenario(write("s.yaml", GOOD.replace(arm, dated)))


def test_neutrality_of_an_arm_without_rates_is_refused(write):
    parts = """          - {kind: capitation, share: 0.6, rate_eur_per_person_year: 220, weights: [age]}
          - {kind: fee_for_service, share: 0.4, schedule: nl/gp_fees_2023}
"""
    text = GOOD.replace(parts, "          - {kind: pass_through_grant, eur_per_person_year: 10}\n")
    with pytest.raises(InputError, match=r"28:5: arms\[1\].budget_neutral_to: .*nothing to solve; found pass_through"):
        load_scenario(write("s.yaml", text))


@pytest.mark.parametrize("cap", ["savings_cap_share", "loss_cap_share"])
def test_a_share_above_one_is_refused_at_its_own_place(write, cap):
    text = GOOD.replace("kind: fee_for_service, share: 0.4, schedule: nl/gp_fees_2023", "kind: shared_savings, CAP")
    text = text.replace("CAP", f"sharing_rate: 0.5, {cap}: 5")
    with pytest.raises(InputError, match=rf"{cap} must lie between 0 and 1: .*5% is 0.05; found 5"):
        load_scenario(write("s.yaml", text))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "kind: fee_for_service, share: 0.4, schedule: nl/gp_fees_2023",
            "kind: pay_for_performance, eur_per_person_year: 1, targets: [{indicator: ldl_at_targt}]",
            "by an indicator that the model does not have; found 'ldl_at_targt'.*did you mean 'ldl_at_target'",
        ),
        ("        payer: insurers", "        insurers: [menziss]\n        payer: insurers", "did you mean 'menzis'"),
    ],
)
def test_what_contracts_name_must_be_in_the_region_and_the_model(write, capsys, old, new, expected):
    text = GOOD.replace(old, new).replace("  - {name: care.minutes, value: 3}\n", "").replace("parameters:\n", "")
    assert command(["check", str(write("s.yaml", text))]) == 2
    assert re.search(expected, capsys.readouterr().err)


def test_a_circle_of_three_arms_is_found_at_each_of_them(write):
    arm = "  - {{name: {0}, contracts: [nl/deductible], budget_neutral_to: {{arm: {1}, on: general_practice}}}}\n"
    circle = "".join(arm.format(*pair) for pair in (("a", "b"), ("b", "c"), ("c", "a")))
    path = write("s.yaml", GOOD + circle)
    with pytest.raises(ScenarioError, match="a -> b -> c -> a") as caught:
        load_scenario(path)
    assert [problem.line for problem in caught.value.problems] == [31, 32, 33]


def test_a_fault_in_a_contract_file_is_named_in_that_file(write, tmp_path):
    contract = write(
        "contracts/mine.yaml", "schema: 1\nname: mine\npayer: insurers\nproviders: practices\ncomponents: 3\n"
    )
    path = write("s.yaml", GOOD.replace("nl/gp_segments_1_2_3", "mine"))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, extra=[tmp_path])
    assert str(caught.value).startswith(f"{contract}:5:13: components: list expected; found 3")


def test_all_mistakes_of_a_file_are_reported_together(write):
    text = GOOD.replace("seed: 1", "sed: 1").replace("horizon_years: 10", "horizon_years: x")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(write("s.yaml", text))
    assert [problem.key for problem in caught.value.problems] == ["horizon_years", "sed"]
    text = GOOD.replace("achterhoek", "achterhok").replace("stroke", "strok").replace("current: d", "current: t")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(write("s.yaml", text))
    assert [problem.line for problem in caught.value.problems] == [4, 12, 13]


@pytest.mark.parametrize("name", ["", "nl/achterhoek_four_model", "no/such.yaml", "a\0b.yaml", "."])
def test_a_scenario_that_does_not_exist(name):
    with pytest.raises(InputError, match=r"no such|cannot be read"):
        load_scenario(name)
