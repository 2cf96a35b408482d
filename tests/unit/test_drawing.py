"""A saved figure shows all that is drawn, and the same bytes each time."""

import struct

import numpy as np
import pytest

from paysim.report import drawing


def size(png):
    """Width and height in pixels, of the header of a png file."""
    return struct.unpack(">II", png[16:24])


def sheet(title):
    ax = drawing.new_axes(4.0, 3.0)
    with drawing.styled():
        ax.plot([0.0, 1.0], [0.0, 1.0])
        ax.text(0.5, 1.02, title, transform=ax.transAxes)
    return ax.figure


def test_a_sheet_grows_for_a_name_that_reaches_beyond_it_and_never_shrinks():
    assert size(drawing.save(sheet("short"), "png")) == (600, 450)
    figure = sheet("short")
    figure.set_layout_engine("none")
    figure.axes[0].text(-0.5, 0.5, "a long name beside the axes", transform=figure.axes[0].transAxes)
    wide, high = size(drawing.save(figure, "png"))
    assert wide > 650
    assert high == 450


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_same_figure_has_the_same_bytes(kind):
    assert drawing.save(sheet("one"), kind) == drawing.save(sheet("one"), kind)


def test_long_names_of_five_arms_stand_inside_the_sheet_and_apart():
    titles = {f"arm_{i}": f"Proactive care for frail older people that nobody pays, {i}" for i in range(5)}
    look = drawing.looks(list(titles), "arm_0", titles)
    ax = drawing.new_axes(8.6, 4.0)
    with drawing.styled():
        for i, style in enumerate(look.values()):
            ax.plot(np.arange(3.0), np.full(3, float(i)), style.marker, color=style.color, label=style.label)
        drawing.legend(ax)
        ax.figure.draw_without_rendering()
    (legend,) = ax.figure.legends
    boxes = [text.get_window_extent() for text in legend.get_texts()]
    assert len(boxes) == 5
    for place, box in enumerate(boxes):
        assert ax.figure.bbox.x0 <= box.x0 < box.x1 <= ax.figure.bbox.x1
        assert ax.bbox.y1 <= box.y0 < box.y1 <= ax.figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
