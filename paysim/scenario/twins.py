"""A comparison of arms that respond with one that does not mixes payment with response: which comparisons do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

PASSIVE = "passive"


class Look(NamedTuple):
    """What of an arm tells: its name, the names of its contracts, and its behaviour."""

    name: str
    contracts: tuple[str, ...]
    behaviour: str


def without_twin(arms: Sequence[Look], baselines: Iterable[str]) -> list[str]:
    """Return the arms compared with that are passive while others respond, and have no twin that responds.

    A twin is an arm with the same contracts. Against it, a difference is due to payment; against the passive arm, also
    to the drift of practices that respond to contracts that did not change.
    """
    responding = [set(arm.contracts) for arm in arms if arm.behaviour != PASSIVE]
    if not responding:
        return []
    by_name = {arm.name: arm for arm in arms}
    return [
        name
        for name in baselines
        if by_name[name].behaviour == PASSIVE and set(by_name[name].contracts) not in responding
    ]


def warning(baseline: str) -> str:
    """Return the warning on a passive arm without a twin."""
    return (
        f"arms that respond are compared with {baseline}, which does not: practices drift a little under contracts "
        "that did not change too, so a small difference may be no effect of payment, even one beyond chance. Add an "
        "arm with the same contracts and a behaviour, and compare with that (see limits of use, 12)."
    )
