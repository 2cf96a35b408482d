"""Experiments on physicians' choices as data: patients, what physicians are paid, what was found.

A physician chooses a quantity of services for each patient. All of an experiment is held as tables over the
quantities that may be chosen, so that stepwise fees and benefits are as easy as linear ones.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.parameters import Status
from paysim.reading import Document, Name, Reader, bind, read_yaml

Floats = NDArray[np.float64]
SHIPPED = Path(__file__).parent / "experiments"

Kind = Literal[
    "mean_quantity",
    "quantity_higher",
    "overprovision",
    "underprovision",
    "less_than_selfish",
    "deviation_lower",
    "benefit_higher",
    "grows_with_need",
]
Need = Literal["low", "intermediate", "high"]
NEEDS: tuple[Need, ...] = get_args(Need)
"""From low to high."""
_Text = Annotated[str, Field(min_length=1)]
_COMPARES = ("quantity_higher", "deviation_lower", "benefit_higher", "grows_with_need")


class _Number(Reader):
    value: Annotated[float, Field(gt=0)]
    status: Status
    note: str = ""


class _Cost(Reader):
    per_squared_unit: Annotated[float, Field(gt=0)]
    status: Status


class _Patient(Reader):
    need: Need
    optimal: Annotated[int, Field(ge=0)]
    loss_per_unit: Annotated[float, Field(gt=0)] | None = None
    benefit: list[float] | None = None
    status: Status
    note: str = ""


class _Illness(Reader):
    illness: Name
    revenue: list[float]


class _Payment(Reader):
    name: Name
    fee: Annotated[float, Field(ge=0)] = 0.0
    lump: Annotated[float, Field(ge=0)] = 0.0
    bonus: Annotated[float, Field(ge=0)] = 0.0
    within: Annotated[float, Field(ge=0)] = 0.0
    illnesses: list[_Illness] = []
    status: Status
    note: str = ""


class _Finding(Reader):
    kind: Kind
    payment: Name
    than: Name | None = None
    need: Need | None = None
    value: float | None = None
    source: _Text
    status: Status


class _File(Reader):
    version: Annotated[Literal[1], Field(alias="schema")]
    name: Name
    title: _Text
    source: _Text
    money: _Text
    quantity_max: Annotated[int, Field(ge=1, le=200)]
    cost: _Cost
    benefit_at_optimum: _Number | None = None
    patients: Annotated[list[_Patient], Field(min_length=1)]
    payments: Annotated[list[_Payment], Field(min_length=1)]
    findings: list[_Finding] = []


@dataclass(frozen=True)
class Finding:
    """What an experiment found: `payment`, against `than` where two are compared, for patients of a `need` or all."""

    kind: Kind
    payment: str
    than: str | None
    need: str | None
    value: float | None
    source: str
    status: str


@dataclass(frozen=True)
class Linear:
    """An experiment in closed form: a fee per unit, cost ``c q^2``, a loss for each unit from the optimum.

    Attributes
    ----------
    fees
        By payment.
    cost
        c, money per squared unit.
    losses, optimal
        By patient.
    """

    fees: tuple[float, ...]
    cost: float
    losses: tuple[float, ...]
    optimal: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Experiment:
    """One experiment.

    Attributes
    ----------
    quantities
        ``[quantity]`` that may be chosen.
    needs, illnesses
        By patient; illness is empty where there are none.
    optimal
        ``[patient]`` position of the quantity best for the patient.
    benefit
        ``[patient, quantity]`` in money.
    profit
        ``[payment, patient, quantity]`` revenue less cost.
    linear
        None where fees or benefits have steps.
    design
        Statuses that numbers of the design have.
    """

    name: str
    title: str
    source: str
    money: str
    quantities: Floats
    needs: tuple[str, ...]
    illnesses: tuple[str, ...]
    optimal: NDArray[np.int64]
    benefit: Floats
    payments: tuple[str, ...]
    profit: Floats
    findings: tuple[Finding, ...]
    linear: Linear | None
    design: tuple[str, ...]

    @cached_property
    def thresholds(self) -> Floats:
        """``[payment, patient]`` least altruism at which the quantity best for the patient is chosen.

        It is the largest of (profit forgone) / (benefit gained) over all other quantities, and at least zero;
        exact, whatever the tables.
        """
        rows = np.arange(len(self.needs))
        gained = self.benefit[rows, self.optimal][:, None] - self.benefit
        forgone = self.profit - self.profit[:, rows, self.optimal][:, :, None]
        ratio = np.divide(forgone, gained, out=np.zeros_like(forgone), where=gained > 0.0)
        return np.asarray(np.maximum(ratio.max(axis=2), 0.0))

    def of_need(self, need: str | None) -> NDArray[np.int64]:
        """Return the positions of the patients of a need; of all when None."""
        return np.array([i for i, each in enumerate(self.needs) if need in (None, each)], dtype=np.int64)


def load_experiments(names: tuple[str, ...] = (), file: str | os.PathLike[str] | None = None) -> tuple[Experiment, ...]:
    """Return shipped experiments by name (all by default), and that of a file of one's own.

    Raises
    ------
    ScenarioError
        An experiment is unknown, or the file is not right; with its place and the nearest name.
    """
    shipped = {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}
    for name in names:
        if name not in shipped:
            near = nearest_name(name, shipped)
            raise ScenarioError(Problem("unknown experiment", found=name, allowed=tuple(shipped), nearest=near))
    paths = [shipped[name] for name in names or ([] if file is not None else shipped)]
    return tuple(read_experiment(path) for path in [*paths, *([] if file is None else [Path(file)])])


def read_experiment(path: str | os.PathLike[str]) -> Experiment:
    """Read one experiment; see ``paysim/lab/experiments`` for examples.

    Raises
    ------
    ScenarioError
        With file, line and key.
    """
    document = read_yaml(path)
    file = bind(_File, document)
    problems = [*_problems(file, document)]
    if problems:
        raise ScenarioError(*problems)
    return _experiment(file)


def _experiment(file: _File) -> Experiment:
    quantities = np.arange(file.quantity_max + 1, dtype=np.float64)
    illnesses = [each.illness for each in next((p.illnesses for p in file.payments if p.illnesses), [])] or [""]
    pairs = [(patient, illness) for illness in illnesses for patient in file.patients]
    top = file.benefit_at_optimum.value if file.benefit_at_optimum else 0.0
    benefit = np.array([_benefit(patient, quantities, top) for patient, _ in pairs])
    cost = file.cost.per_squared_unit * quantities**2
    revenue = [[_revenue(pay, patient, illness, quantities) for patient, illness in pairs] for pay in file.payments]
    paid = [pay.status for pay in file.payments]
    linear = None
    losses = [patient.loss_per_unit for patient in file.patients]
    if not any(pay.illnesses or pay.bonus for pay in file.payments) and None not in losses:
        linear = Linear(
            fees=tuple(pay.fee for pay in file.payments),
            cost=file.cost.per_squared_unit,
            losses=tuple(loss for loss in losses if loss is not None),
            optimal=tuple(float(patient.optimal) for patient in file.patients),
        )
    return Experiment(
        name=file.name,
        title=file.title,
        source=file.source,
        money=file.money,
        quantities=quantities,
        needs=tuple(patient.need for patient, _ in pairs),
        illnesses=tuple(illness for _, illness in pairs),
        optimal=np.array([patient.optimal for patient, _ in pairs], dtype=np.int64),
        benefit=benefit,
        payments=tuple(pay.name for pay in file.payments),
        profit=np.array(revenue) - cost,
        findings=tuple(
            Finding(each.kind, each.payment, each.than, each.need, each.value, each.source, each.status)
            for each in file.findings
        ),
        linear=linear,
        design=tuple(dict.fromkeys([file.cost.status, *(p.status for p in file.patients), *paid])),
    )


def _benefit(patient: _Patient, quantities: Floats, top: float) -> Floats:
    if patient.benefit is not None:
        return np.array(patient.benefit, dtype=np.float64)
    assert patient.loss_per_unit is not None
    return top - patient.loss_per_unit * np.abs(quantities - patient.optimal)


def _revenue(pay: _Payment, patient: _Patient, illness: str, quantities: Floats) -> Floats:
    earned = pay.lump + pay.fee * quantities
    earned = earned + pay.bonus * (np.abs(quantities - patient.optimal) <= pay.within)
    for each in pay.illnesses:
        if each.illness == illness:
            earned = earned + np.array(each.revenue)
    return np.asarray(earned)


def _problems(file: _File, document: Document) -> list[Problem]:
    count, found = file.quantity_max + 1, []
    for i, patient in enumerate(file.patients):
        here = ("patients", i)
        if (patient.loss_per_unit is None) == (patient.benefit is None):
            found.append(document.problem("give either loss_per_unit or benefit", here))
        if patient.optimal >= count:
            limit = (f"0 to {file.quantity_max}",)
            found.append(document.problem("is no quantity", (*here, "optimal"), found=patient.optimal, allowed=limit))
        elif patient.benefit is not None:
            found += _wrong_length(patient.benefit, count, (*here, "benefit"), document)
            if len(patient.benefit) == count and not _is_peak(patient.benefit, patient.optimal):
                message = "benefit is not highest at the optimal quantity, and there alone"
                found.append(document.problem(message, (*here, "benefit")))
    names = [pay.name for pay in file.payments]
    illnesses: tuple[str, ...] | None = None
    for i, pay in enumerate(file.payments):
        if pay.name in names[:i]:
            found.append(document.problem("name comes twice", ("payments", i, "name"), found=pay.name))
        for j, each in enumerate(pay.illnesses):
            found += _wrong_length(each.revenue, count, ("payments", i, "illnesses", j, "revenue"), document)
        mine = tuple(each.illness for each in pay.illnesses)
        if len(set(mine)) < len(mine) or (mine and illnesses not in (None, mine)):
            message = "illnesses come once, and are the same for all payments that name them"
            found.append(document.problem(message, ("payments", i, "illnesses")))
        illnesses = mine or illnesses
    for i, finding in enumerate(file.findings):
        for key, name in (("payment", finding.payment), ("than", finding.than)):
            if name is not None and name not in names:
                near = nearest_name(name, names)
                where = ("findings", i, key)
                found.append(document.problem("no such payment", where, found=name, allowed=names, nearest=near))
        asked = NEEDS if finding.kind == "grows_with_need" else (finding.need,) if finding.need else ()
        lacking = [need for need in asked if need not in {patient.need for patient in file.patients}]
        if lacking:
            found.append(document.problem("no patients of this need", ("findings", i), found=", ".join(lacking)))
        wanted = {"than": finding.kind in _COMPARES, "value": finding.kind == "mean_quantity"}
        for key, needed in wanted.items():
            if (getattr(finding, key) is not None) != needed:
                verb = "needs" if needed else "takes no"
                found.append(document.problem(f"{finding.kind} {verb} {key}", ("findings", i)))
    return found


def _is_peak(values: list[float], at: int) -> bool:
    return all(value < values[at] for i, value in enumerate(values) if i != at)


def _wrong_length(values: list[float], count: int, where: tuple[str | int, ...], document: Document) -> list[Problem]:
    if len(values) == count:
        return []
    return [document.problem(f"{count} values expected, from quantity 0 up", where, found=f"{len(values)} values")]
