"""What every payment component must do, applied to each one found in the folder, as shipped contracts use it."""

import contextlib
import pkgutil
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import paysim.contracts
from paysim import catalog
from paysim.accounting.activity import Activity, Persons, mix_of
from paysim.accounting.book import Book
from paysim.accounting.episodes import EpisodeRules, Episodes, Stays
from paysim.accounting.segments import AGE_SEX, SEGMENT_CONDITION, SEGMENTS
from paysim.care.catalogue import load_services
from paysim.contracts.contract import Contract, Part, patients_terms
from paysim.contracts.coverage import coverage, coverage_warnings, warnings_over
from paysim.contracts.settlement import LINES, settle
from paysim.contracts.terms import component_kinds, read_contract
from paysim.errors import InputError
from paysim.reading import read_yaml
from paysim.scenario import load_scenario

SERVICES = tuple(load_services().names)
INDICATORS = ("statin_use", "ldl_at_target", "sbp_at_target", "hba1c_in_control", "cardiac_rehabilitation", "smoking")
LESS_IS_BETTER = ("smoking",)
STEP = 1.0 / 64.0  # a power of two, so that scaling an activity by it is exact


def shipped() -> list[str]:
    names = catalog.names("contracts")
    kinds = {name: read_yaml(catalog.find("contracts", name)).data.get("kind", "contract") for name in names}
    return [name for name in names if kinds[name] == "contract"]


CONTRACTS: dict[str, Contract] = {name: read_contract(name) for name in shipped()}
PARTS: dict[str, Part] = {
    f"{name}/{part.name}": part for name, contract in CONTRACTS.items() for part in contract.components
}


RULES = {part.episode_rules for part in PARTS.values() if part.episode_rules is not None}


def episodes(rules: EpisodeRules, practices: int, euros: float, count: int = 30) -> Episodes:
    """Episodes that begin and end in the period, dearer and dearer, over all practices, segments and kinds."""
    number = np.arange(count * practices)
    total = euros * (1.0 + number % 7)
    return Episodes(
        number % practices,
        number % SEGMENTS,
        np.ones(len(number)),
        kind=number // practices % len(rules.kinds),
        start=np.zeros(len(number)),
        begun=np.ones(len(number)),
        ended=np.ones(len(number), bool),
        payments=total,
        total=total,
    )


def stays(practices: int, count: int = 200) -> Stays:
    """Admissions to any service, of 0 to 39 days."""
    number = np.arange(count * practices)
    days, severity, coded = number % 40 + 0.0, number % 5, number % 3 / 10.0
    place = number % practices, number % SEGMENTS, np.ones(len(number))
    return Stays(*place, number % len(SERVICES), days, severity, coded)


@pytest.fixture(params=sorted(PARTS))
def part(request: pytest.FixtureRequest) -> Part:
    return PARTS[request.param]


def busy(seed: int = 1, practices: int = 3) -> Activity:
    """Activity with something in every cell; whole numbers of 64ths."""
    rng = np.random.Generator(np.random.PCG64(seed))
    years = rng.integers(64, 64 * 500, (practices, SEGMENTS)) * STEP
    return Activity(
        service_names=SERVICES,
        practice_names=tuple(f"p{number}" for number in range(practices)),
        services=rng.integers(1, 64 * 900, (practices, SEGMENTS, len(SERVICES))) * STEP,
        person_years=years,
        programme_years=np.where(SEGMENT_CONDITION > 0, years / 2, 0.0),
        years=0.25,
        age_sex=mix_of(rng.integers(1, 64, (practices, SEGMENTS, AGE_SEX)).astype(float)),
        stays=stays(practices),
    )


def year_of(activity: Activity, seed: int, payments: float, *, better: bool = True) -> Activity:
    """The same activity over a year, with everything that a component may look at."""
    rng = np.random.Generator(np.random.PCG64(seed))
    practices = len(activity.practice_names)
    persons = 40 * practices
    paid = payments * rng.integers(64, 64 * 900, (practices, SEGMENTS, len(LINES))) * STEP
    return replace(
        activity,
        years=1.0,
        lines=LINES,
        payments=paid,
        coded_years=activity.person_years * 1.25,
        fte_years=rng.integers(1, 64, (practices, 3)) * STEP,
        indicators={
            name: np.array(
                [[k + (2.0 if better == (name not in LESS_IS_BETTER) else 1.75), k + 3.0] for k in range(practices)]
            )
            for name in INDICATORS
        },
        persons=Persons(
            np.arange(persons) % practices,
            np.arange(persons) % SEGMENTS,
            np.ones(persons),
            np.full((persons, len(LINES)), 1000.0),
            np.ones(persons),
        ),
        episodes={rules: episodes(rules, practices, 10.0 * payments) for rules in RULES},
    )


def book(seed: int = 1, practices: int = 3) -> Book:
    """A first contract year, cheaper and better than the base years before it, and organisations that earned money."""
    past = tuple(year_of(busy(seed + 10 + back, practices), seed + back, 200.0, better=False) for back in range(3))
    now = year_of(busy(seed, practices), seed, 120.0)
    return Book(now, 0, past, dict.fromkeys(("integrator", "care_council"), now.person_years * 20.0))


def nothing() -> Book:
    empty = replace(
        Activity.empty(SERVICES, ("a", "b"), years=1.0),
        lines=LINES,
        payments=np.zeros((2, SEGMENTS, len(LINES))),
        coded_years=np.zeros((2, SEGMENTS)),
        age_sex=np.zeros((2, SEGMENTS, AGE_SEX)),
        fte_years=np.zeros((2, 3)),
        indicators={name: np.zeros((2, 2)) for name in INDICATORS},
        persons=Persons(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros((0, len(LINES))), np.zeros(0)),
        stays=stays(2, 0),
        episodes={rules: episodes(rules, 2, 0.0, 0) for rules in RULES},
    )
    return Book(empty, 0, (empty, empty, empty))


def turned(whole: Book, order: list[int]) -> Book:
    """The same with practices in another order."""

    def turn(each: Activity) -> Activity:
        rows = ("services", "person_years", "programme_years", "payments", "coded_years", "age_sex", "fte_years")
        persons = each.persons
        return replace(
            each,
            practice_names=tuple(each.practice_names[p] for p in order),
            indicators={name: counts[order] for name, counts in each.indicators.items()},
            persons=persons and replace(persons, practice=np.argsort(order)[persons.practice]),
            stays=each.stays and replace(each.stays, practice=np.argsort(order)[each.stays.practice]),
            episodes={
                rules: replace(rows, practice=np.argsort(order)[rows.practice]) for rules, rows in each.episodes.items()
            },
            **{name: getattr(each, name)[order] for name in rows},
        )

    received = {actor: euros[order] for actor, euros in whole.received.items()}
    return Book(turn(whole.activity), whole.year, tuple(turn(each) for each in whole.past), received)


def pays(part: Part) -> bool:
    return part.kind != "deductible"


def test_every_kind_is_in_a_shipped_contract() -> None:
    assert {part.kind for part in PARTS.values()} == set(component_kinds())


def test_every_component_file_is_found() -> None:
    files = {module.name for module in pkgutil.iter_modules(paysim.contracts.__path__)}
    assert set(component_kinds()) <= files
    assert {
        "fee_for_service",
        "capitation",
        "chronic_bundle",
        "pass_through_grant",
        "tariff",
        "deductible",
    } <= set(component_kinds())


@pytest.mark.parametrize("kind", sorted(component_kinds()))
def test_terms_are_frozen_and_every_amount_has_a_unit(kind: str) -> None:
    cls = component_kinds()[kind]
    assert is_dataclass(cls)
    hints = get_type_hints(cls)
    for each in fields(cls):
        if hints[each.name] in (float, float | None):
            assert each.metadata.get("unit"), f"{kind}.{each.name} has no unit"
    terms = next(part.terms for part in PARTS.values() if part.kind == kind)
    with pytest.raises(FrozenInstanceError):
        setattr(terms, fields(cls)[0].name, None)
    assert hash(terms) == hash(replace(terms))  # type: ignore[type-var]


def test_settle_pays_something_of_the_right_shape(part: Part) -> None:
    euros = part.settle(book())
    assert euros.shape == (3, SEGMENTS)
    assert euros.dtype == np.float64
    assert np.isfinite(euros).all()
    assert bool(euros.any()) == pays(part)
    if part.linear:
        assert (euros >= 0.0).all()


def test_settle_is_pure(part: Part) -> None:
    whole, same = book(), book()
    first, second = part.settle(whole), part.settle(whole)
    assert np.array_equal(first, second)
    for mine, theirs in zip((whole.activity, *whole.past), (same.activity, *same.past), strict=True):
        for name in ("services", "person_years", "programme_years", "payments", "coded_years", "fte_years"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name))
    first += 1.0  # what is handed out belongs to the caller
    assert np.array_equal(part.settle(whole), second)


def test_nothing_done_pays_nothing(part: Part) -> None:
    assert not part.settle(nothing()).any()


def test_practices_are_paid_for_their_own_people(part: Part) -> None:
    order = [2, 0, 1]
    assert np.allclose(part.settle(turned(book(), order)), part.settle(book())[order], rtol=1e-9, atol=1e-6)


def test_a_year_pays_the_same_however_it_is_cut(part: Part) -> None:
    """Four equal quarters pay what the year pays; what hangs on the close of a year is paid with the last."""
    whole = book()
    if part.kind == "distribution":  # it shares out what was received in the period itself
        return
    quarter = replace(
        whole.activity.scaled(0.25), indicators={name: 0.25 * each for name, each in whole.activity.indicators.items()}
    )
    past, paid = whole.past, []
    for number in range(4):
        now = replace(quarter, persons=whole.activity.persons if number == 3 else None)
        paid.append(part.settle(Book(now, 0, past)))
        past = (*past, now)
    lag = getattr(part.terms, "lag_quarters", 0)
    if lag:
        assert not np.any(paid)
        return
    assert np.allclose(sum(paid), part.settle(whole), rtol=1e-9, atol=1e-6)


def test_linear_components_are_proportional_and_split_in_time(part: Part) -> None:
    if not part.linear:
        return
    early, late = book(1).activity, book(2).activity
    together = part.settle(Book(early.plus(late)))
    assert np.allclose(together, part.settle(Book(early)) + part.settle(Book(late)), rtol=1e-12)
    assert np.allclose(part.settle(Book(early.scaled(2.5))), 2.5 * part.settle(Book(early)), rtol=1e-12)
    assert np.isclose(part.settle(Book(early).pooled()).sum(), part.settle(Book(early)).sum(), rtol=1e-12)


def test_fractional_nudges_move_linear_components_by_their_slope(part: Part) -> None:
    """A derivative by central difference must be the price, not noise: providers decide on it."""
    if not part.linear or part.kind == "copayment":  # patients pay it, no provider earns it
        return
    activity, nudge = book().activity, 1e-3
    prices = part.prices_eur(SERVICES)
    for number in range(len(SERVICES)):
        step = np.zeros(activity.services.shape)
        step[..., number] = nudge
        up, down = (replace(activity, services=activity.services + sign * step) for sign in (1, -1))
        slope = (part.settle(Book(up)) - part.settle(Book(down))) / (2 * nudge)
        assert np.allclose(slope, prices[number], atol=1e-4)


def test_scaling_multiplies_what_is_scalable(part: Part) -> None:
    whole_book = book()
    for k in (0.0, 0.5, 1.0, 4.31):
        factor = k if part.scalable else 1.0
        assert np.allclose(part.scaled(k).settle(whole_book), factor * part.settle(whole_book), rtol=1e-9)
        assert np.allclose(part.scaled(k).prices_eur(SERVICES), factor * part.prices_eur(SERVICES), rtol=1e-12)


def test_share_applies_to_the_whole_component(part: Part) -> None:
    whole_book = book()
    whole = replace(part, share=1.0)
    third = replace(part, share=1 / 3)
    assert np.allclose(third.settle(whole_book), whole.settle(whole_book) / 3, rtol=1e-12)
    nothing = replace(part, share=0.0)
    assert not nothing.settle(whole_book).any()
    assert not nothing.services_paid()
    assert nothing.services_covered() == frozenset()


def test_services_paid_are_those_with_a_price(part: Part) -> None:
    prices = part.prices_eur(SERVICES)
    assert prices.shape == (len(SERVICES),)
    assert {name for name, price in zip(SERVICES, prices, strict=True) if price > 0.0} == part.services_paid()


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_every_amount_of_a_shipped_contract_has_its_origin(name: str) -> None:
    amounts = CONTRACTS[name].amounts
    assert amounts
    for row in amounts:
        assert row.status in ("found", "derived", "recalled", "assumed"), row.name
        assert row.source, row.name
        assert row.unit, row.name
        assert row.status in ("found", "derived") or row.low is not None, row.name
    assert len({row.name for row in amounts}) == len(amounts)


ARMS = {f"{name}/{arm.name}": arm.contracts for name in catalog.names("scenarios") for arm in load_scenario(name).arms}
NOT_BILLED = {"gp_email", "gp_phone", "nurse_consult", "nurse_mental", "chronic_nurse"}
"""Contacts that Belgian and American terms do not pay by the unit."""


@pytest.mark.parametrize("name", sorted(ARMS))
def test_shipped_arms_pay_every_service_once(name: str) -> None:
    rows = coverage(ARMS[name], SERVICES)
    assert [row.service for row in rows] == list(SERVICES)
    unpaid = {row.service for row in rows if row.warning == "paid never"}
    assert not [row.service for row in rows if row.warning == "paid twice"]
    assert not unpaid or (unpaid <= NOT_BILLED and not name.startswith("nl/"))


def test_coverage_finds_services_paid_twice_and_never() -> None:
    fees = CONTRACTS["nl/gp_fee_for_service"]
    rows = coverage([fees, replace(CONTRACTS["nl/gp_bundled"])], SERVICES)
    sentences = coverage_warnings(rows)
    assert any("chronic_nurse is paid twice" in sentence for sentence in sentences)
    assert any("ed_visit is paid never" in sentence for sentence in sentences)
    assert not any("gp_consult" in sentence for sentence in sentences)


def test_dates_that_do_not_meet_are_warned_of_with_their_year() -> None:
    fees = CONTRACTS["nl/gp_fee_for_service"]
    early = tuple(replace(part, until_year=2) for part in fees.components)
    late = tuple(replace(part, from_year=3) for part in fees.components)
    arm = [replace(fees, components=early), replace(fees, name="later", components=late)]
    found = [each for each in warnings_over(arm, SERVICES, None, 6) if "gp_consult" in each]
    assert found == ["service gp_consult is paid never: no component names it, from contract year 2"]
    overlap = [replace(fees, components=early), replace(fees, name="later", components=fees.components)]
    assert any("gp_consult is paid twice" in each for each in warnings_over(overlap, SERVICES, None, 6))


INLINE = {"name": "mine", "payer": "insurers", "providers": "practices"}
ADMISSIONS = {"kind": "admission_tariff", "admissions": [{"service": "admission_mi", "price_eur": 1}]}
CAPITATION = {"kind": "capitation", "rate_eur_per_person_year": 220}


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (
            {"kind": "capitaton", "rate_eur_per_person_year": 220},
            ["unknown kind", "did you mean 'capitation'?"],
        ),
        ({"kind": "capitation", "rate_eur": 220}, ["rate_eur", "unknown key", "rate_eur_per_person_year"]),
        ({"kind": "capitation"}, ["either rate_eur_per_person_year or grid"]),
        ({**CAPITATION, "rate_eur_per_person_year": -1}, ["greater than or equal to 0", "-1"]),
        ({**CAPITATION, "rate_eur_per_person_year": "220 euro"}, ["number", "220 euro"]),
        ({**CAPITATION, "share": 1.2}, ["share", "less than or equal to 1", "1.2"]),
        ({**CAPITATION, "weights": ["age", "sex"]}, ["weights", "sex", "deprivation"]),
        ({**CAPITATION, "from_year": 3, "until_year": 3}, ["until_year must come after from_year"]),
        (
            {"kind": "capitation", "grid": "nl/gp_registration_grid"},
            ["did you mean 'nl/gp_registration_grid_2023'"],
        ),
        ({"kind": "capitation", "grid": "nl/gp_fees_2023"}, ["gp_fees_2023.yaml:", "a grid is wanted here"]),
        (
            {"kind": "fee_for_service", "schedule": [{"service": "gp_consultt", "price_eur": 1}]},
            ["schedule[0].service", "unknown service", "did you mean 'gp_consult'?"],
        ),
        (
            {"kind": "fee_for_service", "schedule": [{"service": "gp_consult", "price_eur": 1}] * 2},
            ["two prices"],
        ),
        (
            {"kind": "acute_bundle", "episodes": [{"name": "a", "triggers": ["admission_m"], "window_days": 90}]},
            ["episodes[0].triggers[0]", "unknown service", "did you mean 'admission_mi'?"],
        ),
        (
            {"kind": "acute_bundle", "episodes": [{"name": "a", "triggers": ["admission_mi"], "days": 90}]},
            ["episodes[0].days", "unknown key", "window_days"],
        ),
        (
            {"kind": "admission_tariff", "admissions": [{"service": "admission_mi", "price_eur": 1, "sector": "x"}]},
            ["unknown key", "service"],
        ),
        ({"kind": "admission_tariff", "admissions": [{"service": "gp_visit", "price_eur": 1}]}, ["is no admission"]),
        (
            {**ADMISSIONS, "severity_groups": [{"conditions_from": 1, "weight": 1.0}]},
            ["severity_groups", "first group from 0 conditions"],
        ),
        (
            {**ADMISSIONS, "severity_groups": [{"conditions": 0, "weight": 1.0}]},
            ["severity_groups[0].conditions", "unknown key", "conditions_from"],
        ),
        (
            {"kind": "acute_bundle", "episodes": [{"name": "a", "triggers": ["admision_mi"], "window_days": 90}]},
            ["unknown service", "did you mean 'admission_mi'"],
        ),
        (
            {"kind": "capitation", "grid": [{"age_from": 0, "deprived": False, "eur_per_quarter": 1}]},
            ["no row for age_0_deprived"],
        ),
        (
            {**CAPITATION, "rate_eur_per_person_year": {"value": 2, "source": "a", "status": "assumed"}},
            ["needs a range"],
        ),
        (
            {
                **CAPITATION,
                "rate_eur_per_person_year": {"value": 2, "range": [3, 4], "source": "a", "status": "found"},
            },
            ["outside its range", "3 to 4"],
        ),
    ],
)
def test_bad_components_are_refused_with_words_that_help(component: dict[str, object], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_contract({**INLINE, "components": [component]})
    for word in words:
        assert word in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = sorted({each.name for cls in component_kinds().values() for each in fields(cls)})


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    st.sampled_from(sorted(component_kinds())),
    st.dictionaries(st.sampled_from([*KEYS, "share", "name", "from_year"]), JSON, max_size=4),
)
def test_whatever_a_component_says_it_is_read_or_refused_clearly(kind: str, terms: dict[str, object]) -> None:
    with contextlib.suppress(InputError):
        contract = read_contract({**INLINE, "components": [{"kind": kind, **terms}]})
        assert np.isfinite(settle([contract], book()).practice_revenue()).all()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(JSON, st.sampled_from(["name", "payer", "providers", "components", "kind", "schema"]))
def test_whatever_a_contract_says_it_is_read_or_refused_clearly(value: object, key: str) -> None:
    with contextlib.suppress(InputError):
        read_contract({**INLINE, "components": [CAPITATION], key: value})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"payer": "insurers", "providers": "insurers"}, "nobody can pay themselves"),
        ({"providers": "sectors"}, "name them, not sectors"),
        ({"providers": "practises"}, "did you mean 'practices'"),
        ({"components": [{"kind": "deductible", "annual_eur": 385}]}, "paid by patients to insurers"),
        ({"payer": "patients", "providers": "insurers"}, "a deductible or co-payments"),
        (
            {
                "components": [
                    {"kind": "budget_claw_back", "name": name, "share": 0.6, "budget_eur_per_person_year": 9}
                    for name in ("one", "two")
                ]
            },
            "claw-back shares must not pass 1",
        ),
        (
            {
                "components": [
                    {
                        "kind": "copayment",
                        "annual_ceiling_eur": 9,
                        "parts": [{"service": "ed_visit", "eur_per_unit": 1}],
                    }
                ]
            },
            "what patients pay back to insurers",
        ),
        ({"components": []}, "at least 1"),
    ],
)
def test_payers_and_payees_must_make_sense(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_contract({**INLINE, "components": [CAPITATION], **changes})


def test_two_deductibles_in_one_arm_are_refused() -> None:
    own = CONTRACTS["nl/deductible"]
    with pytest.raises(InputError, match="one deductible at a time"):
        patients_terms([own, replace(own, name="second")])


def test_two_components_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="give one a name"):
        read_contract({**INLINE, "components": [CAPITATION, CAPITATION]})
    named = read_contract({**INLINE, "components": [CAPITATION, {**CAPITATION, "name": "second"}]})
    assert [part.name for part in named.components] == ["capitation", "second"]


def test_amounts_of_a_scenario_are_reported_as_the_scenarios() -> None:
    contract = read_contract({**INLINE, "components": [CAPITATION]})
    (row,) = contract.amounts
    assert (row.name, row.value, row.status) == (
        "contracts.mine.capitation.rate_eur_per_person_year",
        220.0,
        "scenario",
    )
    assert row.unit == "EUR per person-year"


def test_an_unknown_contract_names_the_nearest() -> None:
    with pytest.raises(InputError, match="nl/gp_capitation"):
        read_contract("nl/gp_capitaton")
