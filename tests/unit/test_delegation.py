"""Rules of delegation: what is shipped, what they change, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from paysim import catalog
from paysim.care.delegation import COUNTRY_RULES, TASKS, load_delegation
from paysim.care.model import build_care, care_parameters, under_rules
from paysim.errors import DataError, ScenarioError
from paysim.scenario import load_scenario
from tests.unit.test_care import Cohort, cohort

SHIPPED = catalog.names("delegation")


@pytest.fixture(scope="module")
def people() -> Cohort:
    return cohort(5_000)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_rule_set_has_the_same_values_with_their_sources(name: str) -> None:
    rules = load_delegation(name)
    assert rules.name == name
    assert [row.name for row in rules.rows] == [row.name for row in load_delegation(COUNTRY_RULES["NL"]).rows]
    for row in rules.rows:
        assert row.unit
        assert row.source
        assert row.low is not None
        assert row.low <= row.value <= row.high, row.name  # type: ignore[operator]
        if row.name.endswith("_share"):
            assert 0.0 <= row.value <= 1.0  # type: ignore[operator]


def test_belgian_nurses_may_do_more_with_every_step() -> None:
    steps = [load_delegation(name) for name in ("be_before_new_deal", "be_new_deal", "be_reform")]
    for task in ("contact", "chronic_control"):
        shares = [next(r.value for r in each.rows if r.name == f"delegation.{task}_share") for each in steps]
        assert shares == sorted(set(shares))


def test_what_a_rule_set_leaves_out_is_that_of_the_catalogue(people: Cohort) -> None:
    care = build_care(care_parameters("NL"), people, "NL")
    for task in ("nurse_consult", "nurse_mental", "chronic_nurse"):
        k = care.services.index(task)
        assert np.array_equal(care.minutes[k], care.services.minutes[k])


def test_other_rules_change_who_does_what_and_no_need(people: Cohort) -> None:
    params = care_parameters("BE")
    care = build_care(params, people, "BE")
    reformed = under_rules(care, params, load_delegation("be_reform"))
    assert reformed.transitions is care.transitions
    assert np.array_equal(reformed.referral_probability, care.referral_probability)
    assert np.array_equal(reformed.urgent_share, care.urgent_share)
    assert reformed.base_delegation == pytest.approx(0.3)
    assert reformed.access.nurse_starts
    assert not care.access.nurse_starts
    # The nurse takes consultations, so what is left with the GP holds more calls and visits.
    consultations = reformed.contact_mix[:, :, 1:3].sum(axis=2)
    assert (consultations < care.contact_mix[:, :, 1:3].sum(axis=2)).all()


def test_supervision_is_paid_in_gp_minutes(people: Cohort) -> None:
    params = care_parameters("NL")
    care = build_care(params, people, "NL")
    strict = under_rules(care, params, load_delegation("be_before_new_deal"))
    for task in ("nurse_consult", "chronic_nurse"):
        k = care.services.index(task)
        assert strict.minutes[k, 0] == 2.0 > care.minutes[k, 0]
        assert strict.resource_cost_eur[k] > care.resource_cost_eur[k]


def test_the_countrys_own_rules_change_nothing(people: Cohort) -> None:
    params = care_parameters("NL")
    care = build_care(params, people, "NL")
    same = under_rules(care, params, load_delegation(COUNTRY_RULES["NL"]))
    for name in ("contact_mix", "base_delegation", "mental_share", "chronic_nurse_share", "nurse_referral_multiplier"):
        assert np.array_equal(getattr(same.access, name), getattr(care.access, name)), name
    assert np.array_equal(same.minutes, care.minutes)
    assert np.array_equal(same.resource_cost_eur, care.resource_cost_eur)


TEXT = Path(str(catalog.find("delegation", "be_new_deal"))).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("task: chronic_control", "task: contact", "task comes twice"),
        ("task: chronic_control", "task: contact", "no rule for chronic_control"),
        ("share: {value: 0.20,", "share: {value: 0.40,", "value lies outside its range"),
        ("    referral_ratio:", "    referal_ratio:", "referal_ratio"),
        ("task: treatment_start\n", "task: treatment_start\n    minutes: {value: 1, range: [0, 2], source: x, status: assumed}\n", "says nothing of treatment_start"),
        ("allowed: false\n    source: \"no such", "allowed: true\n    source: \"no such", "a task that is allowed needs share"),
        ("    referral_ratio: {", "    quality: {value: 1.1, range: [0.9, 1.3], source: x, status: assumed}\n    referral_ratio: {", "says nothing of contact"),
        ("    source: \"prescribing is reserved to physicians\"\n    status: recalled", "    source: x\n    status: recalled\n    quality: {value: 1.1, range: [0.9, 1.3], source: x, status: assumed}", "given for a task that is not allowed"),
        ("    allowed: false\n    source: \"prescribing is reserved to physicians\"\n    status: recalled", "    allowed: true\n    source: x\n    status: recalled\n    quality: {value: 0, range: [0, 1], source: x, status: assumed}", "value lies outside its range"),
        ("    allowed: true\n    source: \"as contacts", "    allowed: false\n    source: \"as contacts", "given for a task that is not allowed"),
    ],
)  # fmt: skip
def test_a_broken_rule_set_names_the_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in TEXT
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError, match=words) as raised:
        load_delegation(str(path))
    assert str(path) in str(raised.value)


def test_an_arm_names_its_rules(tmp_path: Path, root: Path) -> None:
    text = (root / "scenarios/nl/achterhoek_four_models.yaml").read_text(encoding="utf-8")
    first = "  - name: dutch_today\n"
    assert first in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(first, f"{first}    delegation: be_new_deal\n"), encoding="utf-8")
    arm = load_scenario(str(path)).arm("dutch_today")
    assert arm.delegation == load_delegation("be_new_deal")
    assert replace(arm, delegation=None) == load_scenario("nl/achterhoek_four_models").arm("dutch_today")
    path.write_text(text.replace(first, f"{first}    delegation: be_newdeal\n"), encoding="utf-8")
    with pytest.raises(ScenarioError, match="did you mean 'be_new_deal'") as raised:
        load_scenario(str(path))
    assert "mine.yaml" in str(raised.value)


def test_quality_that_nobody_knows_changes_nothing(tmp_path: Path) -> None:
    for name in SHIPPED:
        row = next(row for row in load_delegation(name).rows if row.name == "delegation.treatment_start_quality")
        assert (row.value, row.low, row.high, row.status) == (1.0, 1.0, 1.0, "assumed")
    text = Path(str(catalog.find("delegation", "nl_practice_nurse"))).read_text(encoding="utf-8")
    known = "quality: {value: 1.2, range: [1.0, 1.4], source: a trial, status: found}"
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("quality: null", known, 1), encoding="utf-8")
    row = next(row for row in load_delegation(str(path)).rows if row.name == "delegation.treatment_start_quality")
    assert (row.value, row.low, row.high, row.source, row.status) == (1.2, 1.0, 1.4, "a trial", "found")


def test_all_tasks_are_known() -> None:
    assert set(TASKS) == {"contact", "mental_contact", "chronic_control", "treatment_start"}
