"""The drawing of a disease: its states and arrows are those of its transitions."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.kernel.spec import AGES, Transition
from paysim.report.drawing import save
from paysim.report.states import arrows, draw_states, parts, rows_of

FLAGS = ("ill", "recent", "side")


def row(name, kind="onset", **more):
    return Transition(name, kind, np.zeros((2, AGES)), **more)


ROWS = (
    row("attack", "event", sets=("ill", "recent"), dies_in_care=0.1),
    row("recent_ends", "timer", required=("recent",), clears=("recent",), delay_years=1.0),
    row("healed", "timer", required=("ill",), clears=("ill",), delay_years=5.0),
    row("dies", "death", required=("ill",)),
    row("side_onset", forbidden=("side",), sets=("side",)),
    row("elsewhere", forbidden=("other",), sets=("other",)),
    row("death_of_all", "death"),
    row("start_drug", "treatment_start", required_any=("ill",), forbidden=("drug",), sets=("drug",)),
)


def states(*names):
    return frozenset(names)


def test_rows_are_those_that_change_or_kill_people_with_the_disease():
    names = [each.name for each in rows_of(ROWS, FLAGS)]
    assert names == ["attack", "recent_ends", "healed", "dies", "side_onset"]


def test_unconnected_flags_are_machines_of_their_own():
    assert parts(rows_of(ROWS, FLAGS), FLAGS) == [("ill", "recent"), ("side",)]
    bridge = row("bridge", required=("side",), sets=("ill",))
    assert parts([*ROWS, bridge], FLAGS) == [FLAGS]


def test_arrows_lead_from_every_state_that_can_be_reached():
    rows = rows_of(ROWS, FLAGS)
    found = {(each.name, each.start, each.end, each.kills, each.years) for each in arrows(rows, ("ill", "recent"))}
    none, both, ill = states(), states("ill", "recent"), states("ill")
    assert found == {
        ("attack", none, both, True, 0.0),
        ("attack", both, both, True, 0.0),
        ("attack", ill, both, True, 0.0),
        ("recent_ends", both, ill, False, 1.0),  # the longer timer cannot come first
        ("healed", ill, none, False, 5.0),
        ("dies", both, None, False, 0.0),
        ("dies", ill, None, False, 0.0),
    }


def test_flags_of_other_diseases_are_taken_as_given():
    rows = [row("worse", required=("other",), forbidden=("ill",), sets=("ill",))]
    assert [(each.start, each.end) for each in arrows(rows, ("ill",))] == [(states(), states("ill"))]


def test_what_a_state_forbids_has_no_arrow():
    rows = [row("onset", forbidden=("ill",), sets=("ill",)), row("worse", required_any=("ill",), sets=("recent",))]
    found = {(each.name, each.start) for each in arrows(rows, ("ill", "recent"))}
    assert ("onset", states("ill")) not in found
    assert ("worse", states()) not in found
    assert ("worse", states("ill")) in found


@pytest.mark.parametrize("flags", [FLAGS, ("side",), ("ill", "recent")])
def test_a_drawing_names_states_and_arrows_and_is_the_same_again(flags):
    figure = draw_states(ROWS, flags, "A disease")
    words = "\n".join(text.get_text() for text in figure.axes[0].texts)
    for each in rows_of(ROWS, flags):
        assert each.name in words
    for flag in (*flags, "without", "A disease"):
        assert flag in words
    assert save(figure, "png") == save(draw_states(ROWS, flags, "A disease"), "png")


def test_a_flag_that_nothing_sets_leaves_people_without():
    figure = draw_states(ROWS, ("never",), "Nothing")
    assert [text.get_text() for text in figure.axes[0].texts if "†" not in text.get_text()] == ["Nothing", "without"]


def test_words_stay_inside_the_drawing():
    rows = [
        row("onset", forbidden=("a", "b", "c"), sets=("a",)),
        row("worse", required=("a",), clears=("a",), sets=("b",)),
        row("worst", required=("b",), clears=("b",), sets=("c",)),
        row("a_long_way_back_to_the_state_of_nobody", required=("c",), clears=("c",)),
        row("dies", "death", required=("c",)),
    ]
    figure = draw_states(rows, ("a", "b", "c"), "A disease")
    figure.canvas.draw()
    inside = figure.bbox
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert box.x0 >= inside.x0, text.get_text()
        assert box.x1 <= inside.x1, text.get_text()
        assert box.y0 >= inside.y0, text.get_text()
        assert box.y1 <= inside.y1, text.get_text()
