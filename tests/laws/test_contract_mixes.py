"""Laws that hold for any mixture of any kinds of component, over random terms, shares, dates, activity and history.

A mixture is drawn by Hypothesis as kinds, shares and dates; amounts come from a keyed generator, so that a failing
example prints as a few short values. Few mixtures run always, ten thousand in the slow suite.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paysim.accounting.activity import Activity, Persons, mix_of
from paysim.accounting.book import Book
from paysim.accounting.episodes import EpisodeKind, EpisodeRules, Episodes, Stays
from paysim.accounting.ledger import Ledger
from paysim.accounting.segments import AGE_BAND_FROM, AGE_SEX, SEGMENT_CONDITION, SEGMENTS, SEXES
from paysim.care.catalogue import load_services
from paysim.contracts.acute_bundle import AcuteBundle, BundledEpisode
from paysim.contracts.admission_tariff import AdmissionPrice, AdmissionTariff, SeverityGroup
from paysim.contracts.budget_claw_back import BudgetClawBack
from paysim.contracts.capitation import Capitation, GridCell
from paysim.contracts.care_management_fee import CareManagementFee
from paysim.contracts.chronic_bundle import BundlePrice, ChronicBundle
from paysim.contracts.contract import Contract, Part
from paysim.contracts.copayment import Copayment, PatientPart
from paysim.contracts.degressive_fees import DegressiveFees, Step
from paysim.contracts.distribution import Distribution
from paysim.contracts.fee_for_service import FeeForService
from paysim.contracts.floating_point_fees import FloatingPointFees, ServicePoints
from paysim.contracts.global_budget import GlobalBudget
from paysim.contracts.infrastructure_grant import InfrastructureGrant
from paysim.contracts.pass_through_grant import PassThroughGrant
from paysim.contracts.pay_for_performance import PayForPerformance, Target
from paysim.contracts.protocol import Component
from paysim.contracts.reference_pricing import Reference, ReferencePricing
from paysim.contracts.risk_capitation import RiskCapitation
from paysim.contracts.salary import Salary
from paysim.contracts.schedule import ServicePrice
from paysim.contracts.scope import Participants, Scope
from paysim.contracts.settlement import LINES, Settlement, post, settle
from paysim.contracts.shared_savings import Corridor, SharedSavings, SizeRow
from paysim.contracts.tariff import Tariff
from paysim.contracts.terms import component_kinds

SERVICES = tuple(load_services().names)
GENERAL = SERVICES[:10]
PRACTICES = tuple(f"p{number}" for number in range(4))
BOOKS = 12
RULES = EpisodeRules(
    (EpisodeKind("infarction", ("admission_mi",), 90.0), EpisodeKind("stroke", ("admission_stroke",), 90.0))
)

Rng = np.random.Generator


def _eur(rng: Rng, most: float = 300.0) -> float:
    return round(float(rng.uniform(0.0, most)), 2)


def _schedule(rng: Rng) -> tuple[ServicePrice, ...]:
    names = rng.choice(GENERAL, rng.integers(1, 6), replace=False)
    return tuple(ServicePrice(str(name), _eur(rng)) for name in names)


def _shared_savings(rng: Rng) -> SharedSavings:
    pooled = bool(rng.random() < 0.3)
    return SharedSavings(
        sharing_rate=float(rng.random()),
        loss_rate=float(rng.choice([0.0, 0.5])),
        base_year_weights=(0.2, 0.3, 0.5) if rng.random() < 0.5 else (1.0,),
        norm_weight=float(rng.random()),
        trend="none" if pooled else str(rng.choice(["none", "region"])),  # type: ignore[arg-type]
        truncate_above_eur=float(rng.choice([500.0, 1e5])) if rng.random() < 0.5 else None,
        minimum_savings_rate=float(rng.choice([0.0, 0.03])),
        minimum_loss_by_size=(SizeRow(500, 0.05), SizeRow(5000, 0.01)) if rng.random() < 0.3 else (),
        corridors=(Corridor(0.05, 1.0), Corridor(0.1, 0.5)) if rng.random() < 0.3 else (),
        savings_cap_share=0.1 if rng.random() < 0.5 else None,
        quality_indicator="ldl_at_target" if rng.random() < 0.3 else None,
        pooled=pooled,
        lag_quarters=int(rng.choice([0, 2])),
    )


def _acute_bundle(rng: Rng) -> AcuteBundle:
    ahead = bool(rng.random() < 0.5)
    kinds = tuple(
        BundledEpisode(each.name, each.triggers, each.window_days, target_eur=_eur(rng, 9e3) if given else None)
        for each, given in zip(RULES.kinds, (False, rng.random() < 0.5), strict=True)
    )
    return AcuteBundle(
        kinds,
        at_risk="hospital" if rng.random() < 0.5 else "care_group",
        payment="prospective" if ahead else "retrospective",
        base_year_weights=(0.2, 0.3, 0.5) if rng.random() < 0.5 else (1.0,),
        discount_share=float(rng.choice([0.0, 0.03])),
        low_quantile=0.0 if ahead else 0.02,
        high_quantile=float(rng.choice([0.9, 1.0])),
        cap_multiple=1.5 if rng.random() < 0.5 else None,
        stop_loss_share=0.1 if rng.random() < 0.5 else None,
        stop_gain_share=0.1 if rng.random() < 0.5 else None,
        quality_indicator="ldl_at_target" if rng.random() < 0.5 else None,
        lag_quarters=0 if ahead else int(rng.choice([0, 2])),
    )


def _admission_tariff(rng: Rng) -> AdmissionTariff:
    prices = tuple(
        AdmissionPrice(name, 500.0 + _eur(rng, 4e3), int(rng.integers(0, 3)), _eur(rng, 250.0), 12, _eur(rng))
        for name in ("admission_mi", "admission_stroke")
    )
    weights = np.sort(rng.uniform(0.5, 2.0, 3)) if rng.random() < 0.5 else ()
    groups = (SeverityGroup(first, float(weight)) for first, weight in zip((0, 1, 3), weights, strict=False))
    return AdmissionTariff(prices, severity_groups=tuple(groups))


def _pay_for_performance(rng: Rng) -> PayForPerformance:
    form = str(rng.choice(["threshold", "linear", "improvement", "rank"]))
    left_out = float(rng.choice([0.0, 0.1]))
    target = Target("ldl_at_target", 1.0, form, 0.1, 0.6, excluded_share=left_out)  # type: ignore[arg-type]
    if rng.random() < 0.5:
        return PayForPerformance((target,), eur_per_person_year=0.01 + _eur(rng, 20.0))
    return PayForPerformance((target,), withhold_share=float(rng.uniform(0.01, 0.1)))


def _grid(rng: Rng) -> tuple[GridCell, ...]:
    if rng.random() < 0.5:
        return tuple(GridCell(age, deprived, _eur(rng)) for age in AGE_BAND_FROM for deprived in (False, True))
    cells = itertools.product((0, 25, 60), (False, True), SEXES)
    return tuple(GridCell(age, deprived, _eur(rng), sex) for age, deprived, sex in cells)  # type: ignore[arg-type]


MAKERS: dict[str, Callable[[Rng], Component]] = {
    "fee_for_service": lambda rng: FeeForService(_schedule(rng)),
    "degressive_fees": lambda rng: DegressiveFees(_schedule(rng), (Step(float(rng.uniform(0.1, 3.0)), 0.4),)),
    "floating_point_fees": lambda rng: FloatingPointFees((ServicePoints(GENERAL[0], 1.0 + _eur(rng)),), _eur(rng)),
    "capitation": lambda rng: Capitation(grid=_grid(rng)),
    "risk_capitation": lambda rng: RiskCapitation(_eur(rng), 0.1 if rng.random() < 0.5 else None, 0.9),
    "chronic_bundle": lambda rng: ChronicBundle((BundlePrice("diabetes", _eur(rng)), BundlePrice("vascular", 9.0))),
    "care_management_fee": lambda rng: CareManagementFee(_eur(rng), deprived=bool(rng.random() < 0.5)),
    "infrastructure_grant": lambda rng: InfrastructureGrant(1.0 + _eur(rng, 1e4), _eur(rng, 8.0), 2e4),
    "pass_through_grant": lambda rng: PassThroughGrant(_eur(rng)),
    "salary": lambda rng: Salary(_eur(rng, 1e5), _eur(rng, 5e4)),
    "budget_claw_back": lambda rng: BudgetClawBack(
        _eur(rng),
        float(rng.random()),
        str(rng.choice(["practice", "region"])),  # type: ignore[arg-type]
    ),
    "pay_for_performance": _pay_for_performance,
    "shared_savings": _shared_savings,
    "copayment": lambda rng: Copayment((PatientPart(GENERAL[1], _eur(rng), 1.0),)),
    "tariff": lambda rng: Tariff("hospital", _schedule(rng)),
    "global_budget": lambda rng: GlobalBudget(
        "pharmacy", _schedule(rng), 0.02, corridor_share=0.05, marginal_share=float(rng.random())
    ),
    "acute_bundle": _acute_bundle,
    "admission_tariff": _admission_tariff,
    "reference_pricing": lambda rng: ReferencePricing("other_care", (Reference(GENERAL[2], 1.0 + _eur(rng), 20.0),)),
    "distribution": lambda rng: Distribution(
        "integrator",
        float(rng.random()),
        float(rng.random()),
        by=str(rng.choice(["person_years", "practice", "origin"])),  # type: ignore[arg-type]
    ),
}

NOT_BY_CUT = {
    "floating_point_fees": "each period has a budget of its own",
    "risk_capitation": "the growth of risk is limited period by period",
    "infrastructure_grant": "the maximum is reckoned period by period",
    "distribution": "what came in is shared out by the people of the period in which it came",
}
"""Kinds for which a year in quarters may pay another amount than the year at once, and why."""

NOT_MONOTONE = {
    "shared_savings": "higher rates raise the payments that are held against the benchmark, and may lose a threshold",
    "distribution": "it shares out the result of shared savings",
}
"""Kinds for which higher rates may pay less."""


@dataclass(frozen=True)
class Mix:
    """Kinds of component with share and first year each, a key for the amounts, and which book is settled."""

    kinds: tuple[str, ...]
    shares: tuple[float, ...]
    from_years: tuple[int | None, ...]
    half_of_practices: bool
    key: int
    book: int

    def contracts(self) -> tuple[Contract, ...]:
        rng = np.random.Generator(np.random.PCG64(self.key))
        of_practices, of_others = [], []
        for number, kind in enumerate(self.kinds):
            terms = MAKERS[kind](rng)
            dated = None if getattr(terms, "whole_run", False) else self.from_years[number]
            part = Part(f"part_{number}", terms, self.shares[number], dated)
            (of_others if kind == "distribution" else of_practices).append(part)
        scope = Scope(Participants(0.5)) if self.half_of_practices else Scope()
        savings = Part("savings", SharedSavings(0.5, 0.5, trend="none"))
        found = [
            Contract("mix", "mix", "insurers", "practices", tuple(of_practices), scope=scope),
            Contract("org", "org", "insurers", "integrator", (savings,) if of_others else ()),
            Contract("out", "out", "integrator", "practices", tuple(of_others)),
        ]
        return tuple(each for each in found if each.components)


@st.composite
def mixes(draw: st.DrawFn) -> Mix:
    kinds = draw(st.lists(st.sampled_from(sorted(MAKERS)), min_size=1, max_size=6))
    return Mix(
        tuple(kinds),
        tuple(draw(st.sampled_from((0.0, 0.25, 1 / 3, 0.6, 1.0))) for _ in kinds),
        tuple(draw(st.sampled_from((None, None, 0, 1))) for _ in kinds),
        draw(st.booleans()),
        draw(st.integers(0, 2**32)),
        draw(st.integers(0, BOOKS - 1)),
    )


def _place(rng: Rng, count: int) -> dict[str, np.ndarray]:
    return {
        "practice": rng.integers(0, len(PRACTICES), count),
        "segment": rng.integers(0, SEGMENTS, count),
        "weight": np.ones(count),
    }


def _stays(rng: Rng) -> Stays:
    service = rng.choice([SERVICES.index(name) for name in ("admission_mi", "admission_stroke")], 60)
    severity, coded = rng.integers(0, 4, 60), rng.uniform(0.0, 0.2, 60)
    return Stays(
        **_place(rng, 60), service=service, days=rng.exponential(6.0, 60), severity=severity, coded_higher=coded
    )


def _episodes(rng: Rng) -> Episodes:
    """Episodes that begin, go on, end or are dropped in the period."""
    payments, before = rng.exponential(3e3, 80), rng.choice([0.0, 4e3], 80)
    begun = np.where(before > 0.0, 0.0, 1.0)
    dropped = (before > 0.0) & (rng.random(80) < 0.2)
    return Episodes(
        **_place(rng, 80),
        kind=rng.integers(0, 2, 80),
        start=np.zeros(80),
        begun=np.where(dropped, -1.0, begun),
        ended=(rng.random(80) < 0.5) & ~dropped,
        payments=np.where(dropped, -before, payments),
        total=np.where(dropped, 0.0, before + payments),
    )


def _period(rng: Rng, years: float, *, closes: bool) -> Activity:
    shape = (len(PRACTICES), SEGMENTS)
    lived = rng.uniform(0.0, 300.0, shape) * (rng.uniform(size=shape) < 0.7) * years
    persons = 60
    return Activity(
        SERVICES,
        PRACTICES,
        rng.poisson(3.0, (*shape, len(SERVICES))).astype(float),
        lived,
        np.where(SEGMENT_CONDITION > 0, lived * 0.5, 0.0),
        years,
        coded_years=lived * rng.uniform(0.8, 1.2),
        age_sex=mix_of(rng.exponential(1.0, (*shape, AGE_SEX))),
        fte_years=rng.uniform(0.0, 2.0, (len(PRACTICES), 3)) * years,
        stays=_stays(rng),
        episodes={RULES: _episodes(rng)},
        indicators={"ldl_at_target": np.add(rng.uniform(0.0, 1.0, (len(PRACTICES), 2)), (0.0, 1.0))} if closes else {},
        persons=Persons(
            rng.integers(0, len(PRACTICES), persons),
            rng.integers(0, SEGMENTS, persons),
            np.ones(persons),
            rng.exponential(200.0, (persons, len(LINES))),
            rng.integers(0, 3, persons).astype(float),
        )
        if closes
        else None,
    )


@lru_cache(maxsize=BOOKS)
def _quarters(number: int) -> tuple[tuple[Activity, ...], tuple[Activity, ...]]:
    """Return twelve quarters of base years, with payments, and the four of the year to settle."""
    rng = np.random.Generator(np.random.PCG64(1000 + number))
    periods = [_period(rng, 0.25, closes=k % 4 == 3) for k in range(16)]
    shape = (len(PRACTICES), SEGMENTS, len(LINES))
    past = [replace(each, lines=LINES, payments=rng.uniform(0.0, 900.0, shape)) for each in periods[:12]]
    return tuple(past), tuple(periods[12:])


def _year(quarters: tuple[Activity, ...]) -> Activity:
    whole = quarters[0]
    for each in quarters[1:]:
        whole = whole.plus(each)
    return whole


def _at_once(mix: Mix, contracts: tuple[Contract, ...]) -> Settlement:
    past, year = _quarters(mix.book)
    return settle(contracts, Book(_year(year), 0, past), checked=True)


def _cents(settlement: Settlement) -> dict[tuple[str, str, str], int]:
    """Return the cents of each posting by actor, contract and component; the ledger's own laws hold."""
    ledger = Ledger()
    post(ledger, 0, settlement)
    ledger.check()
    table = ledger.columns()
    found: dict[tuple[str, str, str], int] = {}
    for actor, contract, component, cents in zip(
        table["actor"], table["contract"], table["component"], table["cents"], strict=True
    ):
        key = str(actor), str(contract), str(component)
        found[key] = found.get(key, 0) + int(cents)
    return found


def _euros(settlement: Settlement) -> dict[tuple[str, str], np.ndarray]:
    return {(bill.contract.name, bill.payment.component): bill.payment.euros for bill in settlement.bills}


def _close(one: dict[tuple[str, str], np.ndarray], other: dict[tuple[str, str], np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        np.allclose(one[key], other[key], rtol=1e-9, atol=1e-6) for key in one.keys() | other.keys()
    )


def laws(mix: Mix) -> None:
    """Assert every law of one mixture."""
    contracts = mix.contracts()
    whole = _at_once(mix, contracts)
    euros, cents = _euros(whole), _cents(whole)

    # No cent is lost: each party's cents are its exact euros within one cent, both sides together nothing.
    assert sum(cents.values()) == 0
    for bill in whole.bills:
        place = bill.contract.name, bill.payment.component
        exact = 100.0 * bill.payment.euros.sum(axis=1)
        if bill.to_practices:
            for name, wanted in zip(PRACTICES, exact, strict=True):
                assert abs(cents.get((f"practice:{name}", *place), 0) - wanted) < 1.0 + 1e-5
        assert abs(cents.get((bill.contract.payer, *place), 0) + exact.sum()) <= 0.5 + 1e-4

    # A share of nothing posts nothing.
    nothing = tuple(
        replace(each, components=tuple(replace(part, share=0.0) for part in each.components)) for each in contracts
    )
    assert not _cents(_at_once(mix, nothing))

    # The order of contracts and components does not matter.
    turned = tuple(replace(each, components=each.components[::-1]) for each in contracts[::-1])
    assert _close(_euros(_at_once(mix, turned)), euros)

    # Terms whose every rate is nothing pay nothing.
    scalable = {part.name for each in contracts for part in each.components if part.scalable}
    at_nothing = _at_once(mix, tuple(each.scaled(0.0) for each in contracts))
    for bill in at_nothing.bills:
        if bill.payment.component in scalable:
            assert not bill.payment.euros.any()

    parts = [part for each in contracts for part in each.components]
    kinds = {part.kind for part in parts}
    back = sum(part.share * part.terms.claw_back_share for part in parts if isinstance(part.terms, BudgetClawBack))
    # A contract in which several claw-backs take more than the excess is refused when it is read.
    if not kinds & NOT_MONOTONE.keys() and back <= 1.0:
        more = _at_once(mix, tuple(each.scaled(1.5) for each in contracts))
        assert more.practice_revenue().sum() >= whole.practice_revenue().sum() - 1e-6

    if not kinds & NOT_BY_CUT.keys():
        _law_of_cuts(mix, contracts, euros)


def _law_of_cuts(mix: Mix, contracts: tuple[Contract, ...], euros: dict[tuple[str, str], np.ndarray]) -> None:
    """Assert that a year in quarters pays what the year pays at once; a yearly settlement that lags comes later."""
    past, year = _quarters(mix.book)
    parts = [part for each in contracts for part in each.components]
    late = {part.name for part in parts if getattr(part.terms, "lag_quarters", 0)}
    if late:  # what is paid later is not among the payments of the year that others look at
        late |= {part.name for part in parts if "payments" in part.terms.reads}
    apart: dict[tuple[str, str], np.ndarray] = {}
    for quarter in year:
        done = settle(contracts, Book(quarter, 0, past))
        past = (*past, done.book.activity)
        for key, paid in _euros(done).items():
            apart[key] = apart.get(key, np.zeros(len(PRACTICES))) + paid.sum(axis=1)
    pooled = {part.name for part in parts if getattr(part.terms, "pooled", False)}
    for key, paid in euros.items():
        if key[1] in late:
            continue
        if key[1] in pooled:  # shared out among practices by their people of the last period
            assert np.isclose(apart[key].sum(), paid.sum(), rtol=1e-9, atol=1e-6), key
        else:
            assert np.allclose(apart[key], paid.sum(axis=1), rtol=1e-9, atol=1e-6), key


def test_every_kind_but_the_deductible_is_mixed() -> None:
    assert MAKERS.keys() == component_kinds().keys() - {"deductible"}  # it is settled person by person


@settings(max_examples=150, deadline=None, derandomize=True)
@given(mixes())
def test_laws_of_some_mixtures(mix: Mix) -> None:
    laws(mix)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, derandomize=True)
@given(mixes())
def test_laws_of_ten_thousand_mixtures(mix: Mix) -> None:
    laws(mix)


@pytest.mark.parametrize("kind", sorted(NOT_BY_CUT))
def test_the_exempt_kinds_do_depend_on_the_cut(kind: str) -> None:
    """Each exemption is needed: some mixture of this kind alone breaks the law."""
    for key in range(40):
        mix = Mix((kind,), (1.0,), (None,), False, key, key % BOOKS)
        contracts = mix.contracts()
        euros = _euros(_at_once(mix, contracts))
        try:
            _law_of_cuts(mix, contracts, euros)
        except AssertionError:
            return
    pytest.fail(f"{kind} does not depend on the cut: take it out of NOT_BY_CUT")
