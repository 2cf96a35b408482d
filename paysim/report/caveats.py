"""What a reader must know before, and right after, the verdict: the same words in the report and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paysim.analysis.compare import FEWEST_PRACTICES
from paysim.analysis.measures import MEASURES, by_arm, horizon
from paysim.analysis.samples import NOTE
from paysim.errors import NotInResults
from paysim.report.programmes import programmes
from paysim.report.wording import intervals, number, percent
from paysim.scenario.twins import PASSIVE, Look, warning, without_twin

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run

HEALTH = (
    "Health effects come only from detection and treatment in people at risk, with diabetes or after an event: "
    "programme, drugs, rehabilitation, control of blood glucose and help to stop smoking; waiting and dropped needs do "
    "no harm in the model, except that a wait for the nurse delays the start of treatment."
)
MARGIN = "Practice margin is what is left for the owners before their own pay."
ARCHETYPES = (
    "Read the arms as pure archetypes, not as contracts on offer: with a factor far from 1, one kind of payment takes "
    "the place of several, and each unit is paid that many times its written rate."
)
_CHOSEN = ("scenario", "default")  # what the author of the scenario asks for is no estimate
_RESPONSE = "behaviour."
_LITTLE = "less than 0.1%"


def is_small(run: Run) -> bool:
    """Tell whether the run has no intervals, too few practices and one replicate: it cannot say who gains or loses."""
    few = int(run.manifest.get("practices", 0)) < FEWEST_PRACTICES
    return few and int(run.manifest.get("replicates", 1)) < 2


def before(run: Run, comparison: pd.DataFrame) -> list[str]:
    """Return what to know before the verdict: uncertainty, size of the sample, what health and margin mean."""
    return [chance(run, comparison), *_size(run), *_biased(run), HEALTH, MARGIN]


def after(run: Run) -> list[str]:
    """Return what to know after the verdict: factors on rates, today's arm, what moves hospital spending."""
    return [*scales(run), *today(run), *alone(run), *hospital(run), *programmes(run)]


def chance(run: Run, comparison: pd.DataFrame) -> str:
    """Return what the intervals hold and what they leave out."""
    held = _assumed(run)
    if not intervals(comparison):
        lone = int(run.manifest.get("practices", 0)) < 2 and int(run.manifest.get("replicates", 1)) < 2
        why = (
            "there are too few practices"
            if is_small(run) and not lone
            else "that takes two practices or two replicates"
        )
        return (
            f"There are no 95% intervals: {why}. The uncertainty of parameters "
            f"({held}) is not shown either, so the differences are no statement about the world."
        )
    return (
        "Intervals hold chance in one simulated region only; they do not hold the uncertainty of parameters "
        f"({held}) and are too narrow as a statement about the world."
    )


def _assumed(run: Run) -> str:
    frame = run.parameters[~run.parameters["status"].isin(_CHOSEN)]
    names = [str(name) for name in frame.loc[frame["status"] == "assumed", "name"]]
    text = f"{len(names):,} of {len(frame):,} values are assumed"
    if any(name.startswith(_RESPONSE) for name in names):
        text += ", among them how strongly practices respond"
    return text


def _size(run: Run) -> list[str]:
    if not is_small(run):
        return []
    sample, count = run.manifest.get("sample"), int(run.manifest.get("practices", 0))
    note = str((sample or {}).get("note") or "")
    what = "this sample" if sample else "this region"
    held = f"{count} practice{'s' if count != 1 else ''}"
    lead = f"{note[:1].upper()}{note[1:]}: " if note else f"{held[:1].upper()}{held[1:]}: "
    return [f"{lead}{what} is too small to say who gains or loses money or health."]


def _biased(run: Run) -> list[str]:
    labels = [each.label for each in MEASURES if each.name in run.not_from_sample]
    if not labels:
        return []
    names = ", ".join(dict.fromkeys(labels))
    return [
        f'Marked "{NOTE}", because over 20 samples of this size they were not shown to be right within 5%: {names}.'
    ]


def scales(run: Run) -> list[str]:
    """Return a sentence per arm on the factor by which its written rates are multiplied."""
    said = []
    for arm in run.scenario["arms"]:
        scale, name = arm.get("scale"), str(arm["name"])
        if not isinstance(scale, int | float) or isinstance(scale, bool):
            continue
        target = arm.get("budget_neutral_to")
        reference = target.get("arm") if isinstance(target, dict) else target
        if scale == 1 and not reference:
            continue  # paid as written
        text = f"{run.titles[name]}: rates of general practice × {number(float(scale))} of the written rates"
        if reference:
            title = run.titles.get(str(reference), str(reference))
            text += f", so that, before anybody responds, insurers spend the same on general practice as under {title}"
        said.append(f"{text}.")
    return [*said, ARCHETYPES] if said else []


def today(run: Run) -> list[str]:
    """Return why the current arm shows no response, if others may."""
    if not _responds(run):
        return ["Nobody responds to payment here: arms differ in what is paid, and in what they name besides payment."]
    text = (
        f"{run.titles[run.current]} shows no response by construction: what practices do there is taken as their own "
        "optimum, the best response to today's contracts, and other arms move away from it."
    )
    return [text]


def alone(run: Run) -> list[str]:
    """Return a warning for each passive arm that responding arms are compared with and that has no responding twin."""
    looks = [
        Look(str(arm["name"]), tuple(arm.get("contracts") or ()), str(arm.get("behaviour", PASSIVE)))
        for arm in run.scenario["arms"]
    ]
    found = without_twin(looks, run.compare_with)
    texts = (warning(run.titles[name]) for name in found)
    return [f"{text[:1].upper()}{text[1:]}" for text in texts]


def _responds(run: Run) -> bool:
    return any(arm.get("behaviour", "passive") != "passive" for arm in run.scenario["arms"])


def hospital(run: Run) -> list[str]:
    """Return why hospital spending follows what practices do, with how far the two levers move."""
    moved = [_largest_move(run, name) or 0.0 for name in ("visit_intensity", "referral")]
    visits, referral = (percent(each).lstrip("+") for each in moved)
    if not (visits or referral) or not _responds(run):
        return []  # the practices move nothing, so neither does hospital spending by them
    text = (
        "Hospital spending follows visits: each visit has its chance of a referral, so fewer or more GP visits on the "
        f"practice's own initiative (up to {visits or _LITTLE} from base, mean over the horizon) change referrals; the "
        f"referral lever itself moves by at most {referral or _LITTLE}."
    )
    return [text]


def _largest_move(run: Run, lever: str) -> float | None:
    try:
        frame = horizon(run.wide("all"))
    except NotInResults:
        return None
    name = f"lever_{lever}"
    if name not in frame.columns:
        return None
    return max(abs(float(part[name].mean()) - 1.0) for part in by_arm(frame).values())
