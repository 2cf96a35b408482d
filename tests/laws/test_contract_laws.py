"""Laws of contracts over random mixtures of components and random activity."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.claims import tariff_table
from paysim.accounting.ledger import Ledger
from paysim.accounting.segments import AGE_BAND_FROM, SEGMENT_CONDITION, SEGMENTS
from paysim.care.catalogue import load_services
from paysim.contracts.capitation import Capitation, GridCell
from paysim.contracts.chronic_bundle import BundlePrice, ChronicBundle
from paysim.contracts.contract import Contract, Part
from paysim.contracts.fee_for_service import FeeForService
from paysim.contracts.neutrality import solve_scale, total_eur
from paysim.contracts.pass_through_grant import PassThroughGrant
from paysim.contracts.protocol import Component
from paysim.contracts.schedule import ServicePrice
from paysim.contracts.settlement import post, settle
from paysim.contracts.tariff import Tariff
from paysim.errors import ScenarioError

SERVICES = tuple(load_services().names)
SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)

euros = st.floats(0.0, 500.0).map(lambda price: round(price, 2))
shares = st.sampled_from([0.0, 0.25, 1 / 3, 0.6, 1.0])
schedules = st.lists(st.sampled_from(SERVICES), min_size=1, unique=True).flatmap(
    lambda names: st.tuples(*[euros.map(lambda price, name=name: ServicePrice(name, price)) for name in names])
)
grids = st.lists(euros, min_size=8, max_size=8).map(
    lambda rates: tuple(
        GridCell(age, deprived, rate)
        for (age, deprived), rate in zip(
            [(age, deprived) for age in AGE_BAND_FROM for deprived in (False, True)], rates, strict=True
        )
    )
)
components: st.SearchStrategy[Component] = st.one_of(
    schedules.map(FeeForService),
    grids.map(lambda grid: Capitation(grid=grid)),
    euros.map(lambda rate: Capitation(rate_eur_per_person_year=rate)),
    st.tuples(euros, euros).map(
        lambda pair: ChronicBundle((BundlePrice("diabetes", pair[0]), BundlePrice("vascular", pair[1])))
    ),
    euros.map(PassThroughGrant),
    schedules.map(lambda schedule: Tariff("hospital", schedule)),
)


@st.composite
def contracts(draw: st.DrawFn, least: int = 1) -> Contract:
    terms = draw(st.lists(components, min_size=least, max_size=5))
    parts = tuple(Part(f"part_{number}", each, draw(shares)) for number, each in enumerate(terms))
    return Contract("mix", "A mix", "insurers", "practices", parts)


@st.composite
def activities(draw: st.DrawFn) -> Activity:
    rng = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32))))
    practices = draw(st.integers(1, 6))
    years = rng.uniform(0, 300, (practices, SEGMENTS)) * (rng.uniform(size=(practices, SEGMENTS)) < 0.7)
    return Activity(
        service_names=SERVICES,
        practice_names=tuple(f"p{number}" for number in range(practices)),
        services=rng.poisson(3.0, (practices, SEGMENTS, len(SERVICES))).astype(float),
        person_years=years,
        programme_years=np.where(SEGMENT_CONDITION > 0, years * rng.uniform(size=years.shape), 0.0),
        years=0.25,
    )


def posted(contract: Contract, activity: Activity) -> Ledger:
    ledger = Ledger()
    post(ledger, 0, settle([contract], Book(activity), checked=True))
    return ledger


def received(ledger: Ledger) -> dict[str, int]:
    """Cents received by actor, less those of the payer."""
    return {actor: cents for actor, cents in ledger.trial_balance().items() if actor != "insurers"}


@SETTINGS
@given(contracts(), activities())
def test_ledger_sums_to_zero_and_loses_no_cent(contract: Contract, activity: Activity) -> None:
    ledger = posted(contract, activity)
    ledger.check()
    exact = sum(bill.payment.euros.sum() for bill in settle([contract], Book(activity)).bills) * 100
    assert abs(sum(received(ledger).values()) - exact) <= 0.5 * len(contract.components) + 1e-4
    table = ledger.columns()
    for payment in (bill.payment for bill in settle([contract], Book(activity)).bills):
        own = table["component"] == payment.component
        for number, name in enumerate(activity.practice_names):
            cents = table["cents"][own & (table["actor"] == f"practice:{name}")].sum()
            if payment.payee == "practices":
                assert abs(cents - payment.euros[number].sum() * 100) < 1.0 + 1e-6


@SETTINGS
@given(contracts(), activities())
def test_ledger_equals_claims_times_tariff(contract: Contract, activity: Activity) -> None:
    """The bill of everything paid by the unit, from counts of services alone, without any component's `settle`."""
    by_unit = [part for part in contract.components if part.kind in ("fee_for_service", "tariff")]
    bill = activity.services.sum(axis=(0, 1)) @ tariff_table(by_unit, SERVICES) * 100
    table = posted(contract, activity).columns()
    paid = np.isin(table["component"], [part.name for part in by_unit]) & (table["actor"] == "insurers")
    assert abs(-table["cents"][paid].sum() - bill) <= 0.5 * len(by_unit) + 1e-4


@SETTINGS
@given(contracts(), activities())
def test_a_part_of_no_share_posts_nothing(contract: Contract, activity: Activity) -> None:
    nothing = replace(contract, components=tuple(replace(part, share=0.0) for part in contract.components))
    assert len(posted(nothing, activity)) == 0
    with_more = replace(contract, components=(*contract.components, Part("more", PassThroughGrant(99.0), 0.0)))
    assert posted(with_more, activity).trial_balance() == posted(contract, activity).trial_balance()


@SETTINGS
@given(contracts(least=2), activities(), st.randoms(use_true_random=False))
def test_order_of_components_does_not_matter(contract: Contract, activity: Activity, random: object) -> None:
    turned = list(contract.components)
    random.shuffle(turned)  # type: ignore[attr-defined]
    other = replace(contract, components=tuple(turned))
    assert posted(other, activity).trial_balance() == posted(contract, activity).trial_balance()
    assert np.allclose(
        settle([other], Book(activity)).practice_revenue(),
        settle([contract], Book(activity)).practice_revenue(),
        rtol=1e-12,
    )


@SETTINGS
@given(grids, grids, st.floats(0, 1), activities())
def test_capitation_of_a_mixture_is_the_mixture_of_capitations(
    one: tuple[GridCell, ...], two: tuple[GridCell, ...], weight: float, activity: Activity
) -> None:
    mixed = tuple(
        replace(a, eur_per_quarter=weight * a.eur_per_quarter + (1 - weight) * b.eur_per_quarter)
        for a, b in zip(one, two, strict=True)
    )
    single = Contract("c", "c", "insurers", "practices", (Part("mixed", Capitation(grid=mixed)),))
    parts = (Part("one", Capitation(grid=one), weight), Part("two", Capitation(grid=two), 1 - weight))
    double = replace(single, components=parts)
    assert np.allclose(
        settle([single], Book(activity)).practice_revenue(),
        settle([double], Book(activity)).practice_revenue(),
        rtol=1e-9,
        atol=1e-9,
    )
    a, b = received(posted(single, activity)), received(posted(double, activity))
    for actor in a.keys() | b.keys():
        assert abs(a.get(actor, 0) - b.get(actor, 0)) <= 3  # a cent for each of three postings


@SETTINGS
@given(contracts(), activities())
def test_a_contract_in_other_words_pays_the_same(contract: Contract, activity: Activity) -> None:
    """Each component written as two shares of itself: equal before rounding, within a cent per posting after."""
    twice = tuple(
        replace(part, name=f"{part.name}_{half}", share=part.share * weight)
        for part in contract.components
        for half, weight in (("a", 0.3), ("b", 0.7))
    )
    other = replace(contract, components=twice)
    assert np.allclose(
        settle([other], Book(activity)).practice_revenue(),
        settle([contract], Book(activity)).practice_revenue(),
        rtol=1e-12,
    )
    a, b = received(posted(contract, activity)), received(posted(other, activity))
    for actor in a.keys() | b.keys():
        assert abs(a.get(actor, 0) - b.get(actor, 0)) <= 3 * len(contract.components)


@SETTINGS
@given(contracts(), activities(), activities())
def test_quarters_add_up_to_the_year(contract: Contract, early: Activity, late: Activity) -> None:
    late = replace(
        early, services=early.services[::-1] * 1.5, person_years=early.person_years * late.person_years.max()
    )
    apart = settle([contract], Book(early)).practice_revenue() + settle([contract], Book(late)).practice_revenue()
    assert np.allclose(settle([contract], Book(early.plus(late))).practice_revenue(), apart, rtol=1e-9, atol=1e-9)


@SETTINGS
@given(contracts(), activities(), st.floats(1.0, 5.0))
def test_payments_rise_with_rates(contract: Contract, activity: Activity, k: float) -> None:
    less, more = (
        settle([contract], Book(activity)).practice_revenue(),
        settle([contract.scaled(k)], Book(activity)).practice_revenue(),
    )
    assert (more >= less * (1 - 1e-12)).all()


@SETTINGS
@given(contracts(), activities(), activities(), st.floats(0.2, 5.0))
def test_neutrality_is_exact(contract: Contract, one: Activity, other: Activity, wanted: float) -> None:
    periods = [one, one.scaled(1.3), other]
    grants = total_eur(contract.scaled(0.0), periods)
    rates = total_eur(contract, periods) - grants
    reference = grants + wanted * rates
    if rates <= 0.0:
        with pytest.raises(ScenarioError, match="nothing to scale"):
            solve_scale(reference, contract, periods)
        return
    k = solve_scale(reference, contract, periods)
    assert k == pytest.approx(wanted, rel=1e-6)
    assert total_eur(contract.scaled(k), periods) == pytest.approx(reference, rel=1e-9)


def test_neutrality_below_the_grants_is_refused() -> None:
    parts = (
        Part("grant", PassThroughGrant(100.0)),
        Part("fee", FeeForService((ServicePrice("gp_consult", 1.0),))),
    )
    contract = Contract("c", "c", "insurers", "practices", parts)
    activity = Activity.empty(SERVICES, ("a",), 1.0)
    activity.person_years[:] = 1.0
    activity.services[:] = 1.0
    with pytest.raises(ScenarioError, match=r"grants alone pay 2400\.00 euro"):
        solve_scale(1000.0, contract, [activity])
    assert solve_scale(2400.0, contract, [activity]) == 0.0
    assert solve_scale(2448.0, contract, [activity]) == pytest.approx(2.0)


def test_grants_are_not_scaled() -> None:
    contract = Contract("c", "c", "insurers", "practices", (Part("grant", PassThroughGrant(100.0)),))
    assert contract.scaled(7.0).components == contract.components
