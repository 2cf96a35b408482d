"""Whether to run a pilot, change it, or not run it as designed, with the reasons that matter most.

Thresholds are conventions (assumed): power as wanted by the pilot; an error of the first kind up to 1.5 times its
level, or within three standard errors of simulation of it; coverage up to 2.5 points short; a bias of a quarter of the
effect; chance payments in at most one trial of five; money lost less often than not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from paysim.pilots.parts import SOURCES
from paysim.pilots.study import Outcome, Study

RUN = "run it"
CHANGE = "change it"
DO_NOT_RUN = "do not run it as designed"

MOST_BIAS = 0.25
MOST_TYPE_1 = 1.5
MOST_SHORT = 0.025
_REASONS = 3
_ARITHMETIC = 0.5
"""Weight of a reserve that is too small whatever is measured: to be changed, but no finding of the trials."""


@dataclass(frozen=True)
class Verdict:
    """What to do, and at most three reasons, the weightiest first."""

    what: str
    reasons: tuple[str, ...]


def verdict(study: Study) -> Verdict:
    """Judge a pilot by its primary outcome and its money."""
    found = sorted(_faults(study), reverse=True)
    if not found:
        first = study.outcomes[0]
        good = (
            f"power {first.power:.0%} for a true effect of {first.true_effect:,.4g} {first.unit}",
            f"bias {first.bias:,.3g}, with {first.coverage:.0%} of intervals holding the truth",
            f"without effect it finds one in {first.type_1:.1%} of trials",
        )
        return Verdict(RUN, good)
    worst = found[0][0]
    return Verdict(DO_NOT_RUN if worst >= 1.0 else CHANGE, tuple(text for _, text in found[:_REASONS]))


def _faults(study: Study) -> Iterator[tuple[float, str]]:
    """Yield faults with their weight; from 1 on the pilot cannot answer its question."""
    yield from _measuring(study)
    yield from _paying(study)


def _measuring(study: Study) -> Iterator[tuple[float, str]]:
    first, pilot = study.outcomes[0], study.pilot
    slack = 3.0 * (pilot.alpha * (1.0 - pilot.alpha) / study.trials) ** 0.5
    if first.type_1 > max(MOST_TYPE_1 * pilot.alpha, pilot.alpha + slack):
        weight = 0.5 + 0.5 * min(2.0, first.type_1 / pilot.alpha / 4.0)
        text = f"without any effect it finds one in {first.type_1:.0%} of trials (wanted {pilot.alpha:.0%})"
        yield weight, f"{text}: {_why(first, without_effect=True)}"
    if first.power is None or first.wrong_sign is None:
        text = f"the contract does nothing to {first.name}: there is nothing to find, and what rejects is an error"
        yield 1.0, f"{text} ({first.type_1:.1%} of trials)"
        return
    target = max(abs(first.true_effect), 1e-300)
    error = 2.0 * (first.rmse**2 / study.trials) ** 0.5
    if abs(first.bias) > MOST_BIAS * target + error:
        weight = 0.5 + 0.5 * min(2.0, abs(first.bias) / target)
        text = f"the estimate is off by {first.bias:+,.3g} {first.unit} for a true effect of {first.true_effect:,.3g}"
        yield weight, f"{text}: {_why(first)}"
    if first.power < pilot.power:
        weight = 0.5 + 0.6 * min(1.0, (pilot.power - first.power) / pilot.power)
        text = (
            f"power is {first.power:.0%} (wanted {pilot.power:.0%}): it can show {first.detectable:,.3g} {first.unit}"
        )
        yield weight, f"{text}, the true effect is {first.true_effect:,.3g}"
    if first.coverage < 1.0 - pilot.alpha - MOST_SHORT:
        short = 1.0 - pilot.alpha - first.coverage
        yield 0.5 + min(0.5, short), f"only {first.coverage:.0%} of intervals hold the truth"
    if first.wrong_sign > max(pilot.alpha, first.type_1 + slack):  # else it is the error of the first kind again
        yield 0.9 + first.wrong_sign, f"{first.wrong_sign:.0%} of trials show an effect of the wrong sign"


def _paying(study: Study) -> Iterator[tuple[float, str]]:
    money = study.money
    if money is not None:
        if money.chance_bonus > 0.2:
            text = f"a contract that does nothing earns a bonus in {money.chance_bonus:.0%} of trials"
            yield 0.5 + 0.5 * money.chance_bonus, text
        if money.chance_penalty > 0.2:
            text = f"a contract that does nothing owes money in {money.chance_penalty:.0%} of trials"
            yield 0.5 + 0.5 * money.chance_penalty, text
        cash = money.cash[0]
        reserve = study.pilot.payment.reserve_eur_per_head if study.pilot.payment is not None else 0.0
        if cash.certain_need > reserve:
            text = f"the {cash.party} spends EUR {cash.certain_need:,.0f} a head, net of grants, before anything can be"
            text += f" paid by result, and its reserve is EUR {reserve:,.0f}: cash runs out whatever is measured, which"
            yield _ARITHMETIC, f"{text} no trial is needed to know (it takes EUR {cash.reserve_needed:,.0f})"
        elif cash.insolvent is not None and cash.insolvent > 0.2:
            text = f"cash of the {cash.party} runs out in {cash.insolvent:.0%} of trials"
            need = f"EUR {cash.reserve_needed:,.1f} a head"  # it may be cents more than the reserve there is
            yield 0.5 + 0.3 * cash.insolvent, f"{text}: it takes a reserve of {need}"
        if money.loss > 0.5:
            yield 0.5 + 0.4 * money.loss, f"whoever invests loses money in {money.loss:.0%} of trials"
        if money.payer_loss > 0.5:
            text = f"the payer pays more than it truly saves in {money.payer_loss:.0%} of trials"
            yield 0.5 + 0.4 * money.payer_loss, text


def _why(found: Outcome, without_effect: bool = False) -> str:
    """Return the largest source of the bias, in words; without effect, of that and of the spread between trials."""
    parts = {key: abs(bias) for key, bias in found.bias_by_source.items()}
    if without_effect:
        parts = {
            key: parts[key] ** 2 + found.variance_by_source[key]
            for key in ("selection", "level", "drift", "noise", "coding")
        }
    return SOURCES[max(parts, key=lambda key: parts[key])]
