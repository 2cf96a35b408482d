"""Programmes that are wrong: each fault is named with its place, what is allowed and what was probably meant."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from paysim import catalog
from paysim.care.delegation import load_delegation
from paysim.care.programmes import read_programme
from paysim.engine.model import build_model
from paysim.errors import ScenarioError
from paysim.parameters import Override, Parameter
from paysim.scenario import load_scenario
from tests.toy import few_people, scenario

GOOD = catalog.find("programmes", "copd_self_management").read_text(encoding="utf-8")


def _refused(path: Path, old: str, new: str) -> str:
    assert len(re.findall(old, GOOD)) >= 1, old
    path.write_text(re.sub(old, new, GOOD, count=1), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        read_programme(str(path))
    text = str(caught.value)
    assert re.search(r"\.yaml:\d+:\d+: ", text)
    return text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  uptake:", "  uptak:", "did you mean"),
        (r"uptake: \{value: 0.45", "uptake: {value: 1.4", "less than or equal to 1"),
        (r"uptake: \{value: 0.45", "uptake: {value: 0.9", "outside its range"),
        (r", unit: share of invitees", "", "required key is missing"),
        (r"range: \[2, 15\], ", "", "needs a range"),
        ("practice_nurse:", "nurse_practitioner:", "practice_nurse"),
        ("provider: practices", "provider: pratices", "practices"),
        ("payer: insurers", "payer: me", "insurers"),
        (r"age: \[40, 110\]", "age: [110, 40]", "the lower first"),
        ("by: none", "by: none\n  top_share: {value: 0.2, unit: x, source: y, status: found}", "needs a score"),
        ("- name: all", "- name: all\n      from: {value: 0.2, unit: x, source: y, status: found}", "needs a score"),
        (r"copd_admission: \{value: 0.69", "copd_admission: {value: 0", "greater than 0"),
        ("every: quarter", "every: fortnight", "month"),
        ("  health: ", "  helth: ", "health"),
        (r"any_of: \[copd\]", "any_of: [COPD]", "small letters"),
        (
            "payer: insurers",
            "payment: {eur_per_year: {value: 9, unit: EUR, source: y, status: found}}",
            "needs a payer",
        ),
        ("effects:", "effects:\n        until_leaving: [statin]", "not begun by it"),
    ],
)
def test_a_fault_in_the_file_has_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in _refused(tmp_path / "wrong.yaml", old, new)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (r"any_of: \[copd\]", "any_of: [coopd]", "copd"),
        ("copd_admission:", "copd_admision:", "copd_admission"),
        ("effects:", "effects:\n        starts: {statine: {value: 1, unit: x, source: y, status: found}}", "statin"),
    ],
)
def test_what_the_model_does_not_have_is_refused_with_the_nearest_name(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(re.sub(old, new, GOOD, count=1), encoding="utf-8")
    wrong = replace(scenario(), programmes=(read_programme(str(path)),))
    with pytest.raises(ScenarioError, match=rf"wrong\.yaml:\d+:\d+.*did you mean '?{said}"):
        build_model(wrong, population=few_people())


def test_a_disease_that_the_scenario_leaves_out_cannot_be_acted_on() -> None:
    short = scenario()
    without = replace(
        short,
        diseases=tuple(name for name in short.diseases if name != "copd"),
        programmes=(read_programme("copd_self_management"),),
    )
    with pytest.raises(ScenarioError, match="no such process among those of the diseases that the scenario names"):
        build_model(without, population=few_people())


def _by_gps(rows: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Return rules under which nothing is done by nurses."""
    return tuple(replace(row, value=0.0) if isinstance(row.value, float) else row for row in rows)


def test_staff_whom_nobody_employs() -> None:
    people = few_people()
    nobody = replace(people, practices=tuple(replace(each, nurse_fte=0.0) for each in people.practices))
    short = scenario()
    rules = load_delegation("be_before_new_deal")
    alone = tuple(replace(arm, delegation=replace(rules, rows=_by_gps(rules.rows))) for arm in short.arms)
    wanted = replace(short, arms=alone, programmes=(read_programme("copd_self_management"),))
    with pytest.raises(ScenarioError, match="needs practice nurses, and no practice of this region employs one"):
        build_model(wanted, population=nobody)


def test_an_override_out_of_bounds() -> None:
    wrong = replace(
        scenario(),
        programmes=(read_programme("copd_self_management"),),
        parameters=(Override("programmes.copd_self_management.invite.uptake", 1.5),),
    )
    with pytest.raises(ScenarioError, match="less than or equal to 1"):
        build_model(wrong, population=few_people())


def test_an_override_of_a_number_that_is_not_there() -> None:
    wrong = replace(
        scenario(),
        programmes=(read_programme("copd_self_management"),),
        parameters=(Override("programmes.copd_self_management.invite.uptak", 0.5),),
    )
    with pytest.raises(ScenarioError, match=r"did you mean 'programmes\.copd_self_management\.invite\.uptake'"):
        build_model(wrong, population=few_people())


def _scenario(path: Path, programmes: str) -> Path:
    text = catalog.find("scenarios", "nl/achterhoek_programmes").read_text(encoding="utf-8")
    path.write_text(text.replace("programmes: [community_prevention]", f"programmes: {programmes}"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("programmes", "said"),
    [
        ("[comunity_prevention]", "community_prevention"),
        ("[community_prevention, community_prevention]", "comes twice"),
        ("[{name: community_prevention, start_year: -1}]", "greater than or equal to 0"),
        ("[{name: community_prevention, payer: nobdy}]", "nobody"),
        ("[{name: community_prevention, start: 1}]", "start_year"),
        ("community_prevention", "list expected"),
    ],
)
def test_a_fault_in_the_scenario_has_its_place(tmp_path: Path, programmes: str, said: str) -> None:
    path = _scenario(tmp_path / "wrong.yaml", programmes)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(str(path))
    assert said in str(caught.value)
    assert re.search(r"wrong\.yaml:\d+:\d+: ", str(caught.value))


def test_a_programme_of_ones_own_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD.replace("name: copd_self_management", "name: mine"), encoding="utf-8")
    loaded = load_scenario(str(_scenario(tmp_path / "scenario.yaml", "[mine.yaml]")))
    assert "mine" in [each.name for each in loaded.programmes]
