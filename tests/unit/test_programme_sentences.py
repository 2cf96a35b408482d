"""What a report says of programmes: the staff rule of the arm, and how many people lie behind a share."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from paysim.analysis.programmes import Reach
from paysim.analysis.runs import load_run
from paysim.report import method, rounds
from paysim.report import programmes as told
from paysim.web.texts import LANGUAGES
from paysim.web.texts.phrases import phrase

WEIGHT = 10.0


def reach(**changes):
    about = {
        "arm": "a",
        "programme": "copd_self_management",
        "participants": 450.0,
        "eligible": 2270.0,
        "reach": 450.0 / 2270.0,
        "by_education": (0.18, 0.25, 0.19),
        "fewest": 300.0,
        "cost_eur": 1000.0,
        "borne_eur": 0.0,
        "eur_per_year": 111.0,
        "not_asked": 0.0,
        "hires": True,
    }
    return Reach(**(about | changes))


@pytest.fixture
def sentences(monkeypatch):
    def of(*found, share=0.15):
        monkeypatch.setattr(told, "programmes_of", lambda run: list(found))
        monkeypatch.setattr(told, "nurse_share", lambda run, arm: share)
        return told.programmes(
            SimpleNamespace(titles={"a": "Arm", "b": "Other"}, manifest={"sample": {"weight": WEIGHT}})
        )

    return of


def test_a_share_comes_with_the_simulated_people_behind_it(sentences):
    first, *_ = sentences(reach())
    assert first == (
        "Arm: COPD self-management with an action plan reaches 20% of those it is for at the end, 45 of 227 simulated "
        "people (18% with low, 25% with middle and 19% with high education), and costs EUR 111 per participant-year."
    )


@pytest.mark.parametrize(("people", "few"), [(told.FEWEST_PERSONS - 1, True), (told.FEWEST_PERSONS, False)])
def test_education_is_told_from_enough_simulated_people(sentences, people, few):
    first, *_ = sentences(reach(fewest=people * WEIGHT))
    assert ("too few to tell by education" in first) == few
    assert ("with low" in first) != few


def test_a_folder_that_does_not_hold_them_says_nothing_of_education(sentences):
    assert "education" not in sentences(reach(fewest=None))[0]


@pytest.mark.parametrize(
    ("rules", "held", "other"),
    [
        ((True,), "can be hired is not asked", "nobody is hired"),
        ((False,), "nobody is hired", "paid for beside"),
        ((True, False), "Some programmes hire nurses", "paid for beside"),
    ],
)
def test_hours_of_nurses_follow_the_staff_rule(sentences, rules, held, other):
    last = sentences(*(reach(hires=each) for each in rules))[-1]
    assert held in last
    assert other not in last


def test_who_is_not_asked_for_want_of_staff_is_counted(sentences):
    said = sentences(reach(hires=False, not_asked=261.0), share=0.0)
    assert len(said) == 2
    assert "did not ask 261 persons in its last round (26 simulated) for want of staff" in said[1]


def test_a_programme_of_ones_own_has_its_name_in_words():
    assert told.title("walking_in_the_woods") == "Walking in the woods"


def test_all_of_it_has_words_in_every_language(sentences):
    kinds = [
        reach(hires=hires, fewest=fewest, not_asked=90.0, borne_eur=borne)
        for hires in (True, False)
        for fewest in (None, 10.0, 900.0)
        for borne in (0.0, 900.0)
    ]
    said = [text for each in kinds for text in sentences(each)] + sentences(reach(), reach(hires=False))
    said += [told.title(name) for name in told.catalog.names("programmes")]
    assert not {text for text in said for language in LANGUAGES if language != "en" and phrase(text, language) is None}


def test_a_check_that_did_not_pass_has_the_title_of_its_arm_and_comes_once():
    checks = [
        {"id": f"staff:a:{replicate}:walking", "what": "Walking: too few", "passed": False} for replicate in (0, 1)
    ]
    about = {"checks": checks, "seed": 1}
    run = SimpleNamespace(titles={"a": "Arm", "b": "Other"}, manifest=about, scenario={"base_years": 1, "region": "r"})
    said = [text for text in method.sentences(run) if "NOT passed" in text]
    assert said == ["NOT passed: Arm: Walking: too few."]


def test_what_arms_have_in_common_is_told_once(run_folder):
    """In the made-up run a programme goes the same way in four arms; then one asks somebody more in one of them."""
    run = load_run(run_folder)
    four = [run.titles[arm] for arm in run.arms[1:]]
    made = rounds.by_year(run)
    assert [caption.split(": ")[0] for caption, _, _ in made] == [", ".join(four)] * 2
    assert len([ax for ax in rounds.draw_rounds(run).figure.axes if ax.get_visible()]) == 1
    changed = rounds.table(run).copy()
    mine = (changed["arm"] == run.arms[2]) & (changed["round"] == 1)
    changed.loc[mine, "declined"] += 1
    parts = [name.split(": ")[0] for name, _ in rounds._once(run, changed)]
    assert parts == [", ".join([four[0], *four[2:]]), four[1]]


def test_sentences_of_arms_that_are_alike_name_them_together(sentences):
    same, hours = sentences(reach(), reach(arm="b"))
    assert same.startswith("Arm, Other: COPD")
    assert hours.startswith("Arm, Other: programmes take")
    assert [each.split(":")[0] for each in sentences(reach(), reach(arm="b", not_asked=30.0))] == [
        *("Arm", "Other", "Other", "Arm, Other"),
    ]
