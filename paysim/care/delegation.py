"""Who may do what in general practice: rule sets of delegation, as data.

A rule set is a YAML file of the catalogue (`delegation/`): for every task whether it may leave the GP, to which
profession, and at what share, minutes and supervision. An arm of a scenario names one; else that of the country holds.
Its values are the group ``delegation`` of the model's parameters.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from paysim import catalog
from paysim.care.catalogue import STAFF, load_services
from paysim.errors import DataError, Problem
from paysim.parameters import Parameter, Status
from paysim.reading import Document, Name, Reader, bind, read_yaml

GROUP = "delegation"
COUNTRY_RULES = {"NL": "nl_practice_nurse", "BE": "be_before_new_deal"}
"""The rule set of each country, where an arm names no other."""

SERVICE = {"contact": "nurse_consult", "mental_contact": "nurse_mental", "chronic_control": "chronic_nurse"}
"""Task -> the service that it becomes when a nurse does it; its minutes are those of the catalogue unless given."""

NURSE_OF = {"contact": "nurse", "mental_contact": "mental_nurse", "chronic_control": "nurse"}
"""Task -> which of the catalogue's staff does it then."""

TASKS = {
    "contact": ("share", "minutes", "supervision_minutes", "referral_ratio"),
    "mental_contact": ("share", "minutes", "supervision_minutes"),
    "chronic_control": ("share", "minutes", "supervision_minutes"),
    "treatment_start": ("quality",),
}
"""Task -> what a rule may say of it.

contact: of what is not urgent, the share of what nurses can do. mental_contact: the share of these that goes to the
nurse for mental health. chronic_control: the share of planned controls. treatment_start: drugs started and adjusted by
protocol at a control; all or nothing. Its quality is the rate at which people are started, stepped up and enrolled,
against that of the GP; null where no effect is known, and then none is simulated.
"""
_NEEDED = ("share", "referral_ratio")
_UNITS = {
    "contact_share": "share of delegable contacts",
    "mental_contact_share": "share of delegated contacts",
    "chronic_control_share": "share of chronic controls",
    "contact_referral_ratio": "ratio to a contact with the GP",
    "treatment_start_quality": "ratio to treatment started by the GP",
}

_Positive = Annotated[float, Field(ge=0)]


class _Term(Reader):
    value: _Positive
    range: Annotated[list[_Positive], Field(min_length=2, max_length=2)]
    source: Annotated[str, Field(min_length=1)]
    status: Status


class _Rule(Reader):
    task: Literal["contact", "mental_contact", "chronic_control", "treatment_start"]
    profession: Literal["somatic_nurse", "mental_nurse"]
    allowed: bool
    source: Annotated[str, Field(min_length=1)]
    status: Status
    share: _Term | None = None
    minutes: _Term | None = None
    supervision_minutes: _Term | None = None
    referral_ratio: _Term | None = None
    quality: _Term | None = None


class _File(Reader):
    version: Annotated[Literal[1], Field(alias="schema")]
    name: Name
    title: Annotated[str, Field(min_length=1)]
    country: Literal["NL", "BE"]
    rules: Annotated[list[_Rule], Field(min_length=1)]


@dataclass(frozen=True)
class DelegationRules:
    """A rule set.

    Attributes
    ----------
    rows
        Every value as a parameter of the group ``delegation``; all rule sets have the same names.
    """

    name: str
    title: str
    country: str
    rows: tuple[Parameter, ...]

    @property
    def needs_nurses(self) -> bool:
        """Whether anything is done by nurses."""
        shares = ("contact_share", "chronic_control_share", "treatment_start_allowed")
        return any(row.value for row in self.rows if row.name.removeprefix(f"{GROUP}.") in shares)


def load_delegation(name: str, extra: Sequence[str | os.PathLike[str]] = ()) -> DelegationRules:
    """Read a rule set by its name in the catalogue, or from a path that ends in ``.yaml``.

    Raises
    ------
    ScenarioError
        Nothing has that name; names the nearest.
    DataError
        With file, line and column: a key is missing or unknown, a task is missing or comes twice, a term does not
        belong to its task or is given for what is not allowed, a value lies outside its range.
    """
    document = read_yaml(catalog.find("delegation", name, extra))
    file = bind(_File, document, DataError)
    problems = list(_faults(file, document))
    if problems:
        raise DataError(*problems)
    rules = {rule.task: rule for rule in file.rules}
    rows = [row for task in TASKS for row in _rows(rules[task])]  # type: ignore[index]
    return DelegationRules(file.name, file.title, file.country, tuple(rows))


def _faults(file: _File, document: Document) -> Iterator[Problem]:
    seen: list[str] = []
    for k, rule in enumerate(file.rules):
        here = ("rules", k)
        if rule.task in seen:
            yield document.problem("task comes twice", (*here, "task"), found=rule.task)
        seen.append(rule.task)
        for key in ("share", "minutes", "supervision_minutes", "referral_ratio", "quality"):
            term = getattr(rule, key)
            if term is None:
                if rule.allowed and key in _NEEDED and key in TASKS[rule.task]:
                    yield document.problem(f"a task that is allowed needs {key}", (*here, "task"), found=rule.task)
                continue
            if key not in TASKS[rule.task]:
                allowed = ("task", "profession", "allowed", "source", "status", *TASKS[rule.task])
                yield document.problem(f"says nothing of {rule.task}", (*here, key), key=True, allowed=allowed)
            elif not rule.allowed:
                yield document.problem("given for a task that is not allowed", (*here, key), key=True)
            elif (
                not term.range[0] <= term.value <= term.range[1]
                or (key == "share" and term.range[1] > 1.0)
                or (key == "quality" and term.range[0] <= 0.0)
            ):
                bounds = f"{term.range[0]:g} to {term.range[1]:g}"
                yield document.problem(
                    "value lies outside its range, a share beyond 1 or a quality of 0", (*here, key), allowed=(bounds,)
                )
    for task in TASKS:
        if task not in seen:
            yield document.problem(f"no rule for {task}", ("rules",), key=True, allowed=tuple(TASKS))


def _rows(rule: _Rule) -> Iterator[Parameter]:
    """Yield a rule's values; minutes that it leaves out are those of the catalogue."""
    name = f"{GROUP}.{rule.task}"
    yield Parameter(f"{name}_allowed", float(rule.allowed), "1 yes, 0 no", 0.0, 1.0, "fixed", rule.source, rule.status)
    services = load_services()
    service = SERVICE.get(rule.task, "")
    for key in TASKS[rule.task]:
        unit = _UNITS.get(f"{rule.task}_{key}", "minutes")
        term = getattr(rule, key)
        if term is not None:
            low, high = term.range
            yield Parameter(f"{name}_{key}", term.value, unit, low, high, None, term.source, term.status)
        elif key == "quality":
            yield Parameter(
                f"{name}_{key}", 1.0, unit, 1.0, 1.0, "fixed", "no effect known, so none is simulated", "assumed"
            )
        elif key in _NEEDED:
            none = 1.0 if key == "referral_ratio" else 0.0
            yield Parameter(f"{name}_{key}", none, unit, none, none, "fixed", rule.source, rule.status)
        else:
            staff = NURSE_OF[rule.task] if key == "minutes" else "gp"
            value = float(services.minutes[services.index(service), STAFF.index(staff)])
            row = next(row for row in services.rows if row["name"] == f"services.{service}.minutes_{staff}")
            yield Parameter(f"{name}_{key}", value, unit, row["low"], row["high"], None, row["source"], row["status"])
