"""What to know of an arm's programmes, in sentences: reach, cost, who bears it, and the nurses it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paysim.analysis.programmes import nurse_share, programmes_of

if TYPE_CHECKING:
    from paysim.analysis.runs import Run

_MANY_HOURS = 0.1


def programmes(run: Run) -> list[str]:
    """Return a sentence for every programme of every arm, and a warning where it takes many hours of nurses."""
    said, found = [], programmes_of(run)
    for each in found:
        text = (
            f"{run.titles[each.arm]}: {each.programme.replace('_', ' ')} reaches {each.reach:.0%} of those it is for "
            f"at the end ({each.low:.0%} with low and {each.high:.0%} with high education) and costs "
            f"EUR {each.eur_per_year:,.0f} per participant-year"
        )
        if each.borne_eur > 0.005 * each.cost_eur:
            text += f"; EUR {each.borne_eur:,.0f} of its EUR {each.cost_eur:,.0f} nobody pays, the provider bears it"
        said.append(f"{text}.")
    for arm in dict.fromkeys(each.arm for each in found):
        share = nurse_share(run, arm)
        if share > _MANY_HOURS:
            said.append(
                f"{run.titles[arm]}: programmes take {share:.0%} as many hours of practice nurses as these have for "
                "patients. They are paid for beside the appointment books, so nobody waits for them; whether such "
                "nurses can be hired is not asked."
            )
    return said
