"""What to know of an arm's programmes, in sentences: reach, cost, who bears it, and the nurses it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from paysim import catalog
from paysim.analysis.programmes import Reach, nurse_share, programmes_of
from paysim.errors import InputError
from paysim.reading import read_yaml

if TYPE_CHECKING:
    from paysim.analysis.runs import Run

FEWEST_PERSONS = 20
"""Simulated eligible people of a level of education below which its reach is not told.

A share of 20 people has a standard error of up to 11 percentage points.
"""

_MANY_HOURS = 0.1


def programmes(run: Run) -> list[str]:
    """Return sentences on every programme of every arm, and a warning where an arm's take many hours of nurses.

    A programme's sentences tell its reach and cost, and whom it did not ask for want of staff.
    """
    found = programmes_of(run)
    weight = float((run.manifest.get("sample") or {}).get("weight", 1.0))
    alike: dict[tuple[str, ...], list[str]] = {}  # what arms have in common is said once
    for each in found:
        name = title(each.programme)
        text = (
            f"{name} reaches {each.reach:.0%} of those it is for at the end, {each.participants / weight:,.0f} of "
            f"{each.eligible / weight:,.0f} simulated people{_by_education(each, weight)}, and costs "
            f"EUR {each.eur_per_year:,.0f} per participant-year"
        )
        if each.borne_eur > 0.005 * each.cost_eur:
            text += f"; EUR {each.borne_eur:,.0f} of its EUR {each.cost_eur:,.0f} nobody pays, the provider bears it"
        told = [f"{text}."]
        if each.not_asked > 0.0:
            told.append(
                f"{name} did not ask {each.not_asked:,.0f} persons in its last round "
                f"({each.not_asked / weight:,.0f} simulated) for want of staff: GPs and nurses of their practice have "
                "no hours left, and it hires none."
            )
        alike.setdefault(tuple(told), []).append(run.titles[each.arm])
    said = [f"{', '.join(arms)}: {text}" for told, arms in alike.items() for text in told]
    hours: dict[str, list[str]] = {}
    for arm in dict.fromkeys(each.arm for each in found):
        share = nurse_share(run, arm)
        if share > _MANY_HOURS:
            text = f"programmes take {share:.0%} as many hours of practice nurses as these have for patients"
            text += f". {_staff([each for each in found if each.arm == arm])}"
            hours.setdefault(text, []).append(run.titles[arm])
    said += [f"{', '.join(arms)}: {text}" for text, arms in hours.items()]
    return said


def title(programme: str) -> str:
    """Return the title of a programme of the library; the name in words of one that is not in it."""
    try:
        return str(read_yaml(catalog.find("programmes", programme)).data["title"])
    except InputError:
        return programme.replace("_", " ").capitalize()


def _by_education(each: Reach, weight: float) -> str:
    if each.fewest is None:
        return ""
    if each.fewest / weight < FEWEST_PERSONS:
        return " (too few to tell by education)"
    low, middle, high = (f"{share:.0%}" for share in each.by_education)
    return f" ({low} with low, {middle} with middle and {high} with high education)"


def _staff(found: Sequence[Reach]) -> str:
    """Return where the hours come from, by the rule of the arm's programmes."""
    rules = {each.hires for each in found}
    if rules == {True}:
        return (
            "They are paid for beside the appointment books, so nobody waits for them; whether such nurses can be "
            "hired is not asked."
        )
    if rules == {False}:
        return (
            "These are hours that employed nurses have left beside their appointments: nobody is hired, and people "
            "for whom no hours are left are not asked."
        )
    return (
        "Some programmes hire nurses, and whether these can be found is not asked; others have only the hours that "
        "employed nurses have left, and do not ask people for whom none are left."
    )
