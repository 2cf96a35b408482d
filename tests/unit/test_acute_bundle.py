"""Terms of acute bundles and admission tariffs: what is refused, what is limited, and what is taken back."""

from dataclasses import replace

import numpy as np
import pytest

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.episodes import Episodes
from paysim.contracts.acute_bundle import AcuteBundle, BundledEpisode
from paysim.contracts.admission_tariff import AdmissionPrice, AdmissionTariff
from paysim.errors import ModelError

SERVICES = ("admission_mi", "admission_stroke")
INFARCTION = BundledEpisode("infarction", ("admission_mi",), 90.0, target_eur=10_000.0)
STROKE = BundledEpisode("stroke", ("admission_stroke",), 90.0)


def rows(*each, start=0.0):
    """Episodes of (kind, begun, ended, payments, total)."""
    kind, begun, ended, payments, total = (np.array(column, float) for column in zip(*each, strict=True))
    zero = np.zeros(len(kind), np.int64)
    when = np.full(len(kind), start)
    return Episodes(zero, zero, when * 0 + 1.0, kind.astype(int), when, begun, ended.astype(bool), payments, total)


def quarter(terms, *each, start=0.0, years=0.25):
    empty = Activity.empty(SERVICES, ("a",), years)
    return replace(empty, episodes={terms.episode_rules: rows(*each, start=start)})


def paid(terms, quarters, past=()):
    """Settle quarters of the first year after each other."""
    euros = []
    for now in quarters:
        euros.append(float(terms.settle(Book(now, 0, past)).sum()))
        past = (*past, now)
    return euros


QUARTERS = (
    ((0, 1, 0, 7000.0, 7000.0), (0, 1, 0, 8000.0, 8000.0)),
    ((0, 0, 1, 500.0, 7500.0), (0, -1, 0, -8000.0, 0.0)),  # the second is dropped
    ((0, 1, 1, 9000.0, 9000.0),),
    ((0, 1, 0, 6000.0, 6000.0),),
)


def test_a_bundle_paid_in_advance_pays_prices_and_takes_back_fees_as_they_fall():
    terms = AcuteBundle((INFARCTION,), payment="prospective")
    euros = paid(terms, [quarter(terms, *each) for each in QUARTERS])
    assert euros == [20_000.0 - 15_000.0, -500.0 - 10_000.0 + 8000.0, 1000.0, 4000.0]


def test_a_bundle_reconciled_afterwards_counts_episodes_that_ended():
    terms = AcuteBundle((INFARCTION,), discount_share=0.03)
    assert paid(terms, [quarter(terms, *each) for each in QUARTERS]) == [0.0, 0.0, 0.0, 2 * 9700.0 - 16_500.0]


def test_limits_of_the_year_hold_in_advance_as_afterwards():
    for payment in ("prospective", "retrospective"):
        terms = AcuteBundle((INFARCTION,), payment=payment, stop_gain_share=0.1)
        once = quarter(terms, (0, 1, 1, 6000.0, 6000.0), (0, 1, 1, 7000.0, 7000.0), years=1.0)
        assert paid(terms, [once]) == [2000.0]  # of 7,000, a tenth of 20,000
        terms = replace(terms, stop_loss_share=0.05)
        once = quarter(terms, (0, 1, 1, 16_000.0, 16_000.0), (0, 1, 1, 7000.0, 7000.0), years=1.0)
        assert paid(terms, [once]) == [-1000.0]
    upside = AcuteBundle((INFARCTION,), stop_loss_share=0.0)
    assert paid(upside, [quarter(upside, (0, 1, 1, 16_000.0, 16_000.0), years=1.0)]) == [0.0]


def test_a_cap_of_a_single_episode_is_not_passed_twice():
    terms = AcuteBundle((INFARCTION,), payment="prospective", cap_multiple=1.5)
    periods = ((0, 1, 0, 12_000.0, 12_000.0),), ((0, 0, 1, 9000.0, 21_000.0),)
    assert paid(terms, [quarter(terms, *each) for each in periods]) == [-2000.0, -3000.0]
    dropped = (*periods[:1], ((0, -1, 0, -12_000.0, 0.0),))
    assert sum(paid(terms, [quarter(terms, *each) for each in dropped])) == 0.0


def test_episodes_from_before_the_start_are_not_in_the_contract():
    for payment in ("prospective", "retrospective"):
        terms = AcuteBundle((INFARCTION,), payment=payment)
        assert paid(terms, [quarter(terms, (0, 0, 1, 500.0, 9500.0), start=-10.0, years=1.0)]) == [0.0]
        base = Book(quarter(terms, (0, 1, 1, 500.0, 9500.0), years=1.0), -1)
        assert not terms.settle(base).any()


def test_the_reconciliation_waits_for_its_lag():
    terms = AcuteBundle((INFARCTION,), lag_quarters=2)
    year = [quarter(terms, (0, 1, 1, 9000.0, 9000.0)) for _ in range(4)]
    later = quarter(terms, (0, 0, 0, 0.0, 0.0))
    assert not any(paid(terms, year))
    assert terms.settle(Book(later, 1, tuple(year))).sum() == 0.0
    assert terms.settle(Book(later, 1, (*year, later))).sum() == 4000.0


def test_a_target_of_the_past_grows_with_the_trend():
    terms = AcuteBundle((STROKE,), trend_per_year=0.1)
    base = quarter(terms, (0, 1, 1, 5000.0, 5000.0), years=1.0)
    first, second = (quarter(terms, (0, 1, 1, 5000.0, 5000.0), start=day, years=1.0) for day in (363.0, 364.0))
    assert np.isclose(terms.settle(Book(first, 0, (base,))).sum(), 500.0)
    assert np.isclose(terms.settle(Book(second, 1, (base, first))).sum(), 5000.0 * (1.1**2 - 1.0))


def test_an_episode_over_the_turn_of_the_year_keeps_the_price_of_the_day_it_began():
    """So what was paid in advance, less fees, and the reconciliation together are what the limits leave of the result."""
    terms = AcuteBundle((STROKE,), trend_per_year=0.1, payment="prospective", stop_gain_share=0.0)
    base = quarter(terms, (0, 1, 1, 5000.0, 5000.0), years=1.0)
    begun = quarter(terms, (0, 1, 0, 3000.0, 3000.0), start=300.0, years=1.0)
    ended = quarter(terms, (0, 0, 1, 1000.0, 4000.0), start=300.0, years=1.0)
    euros = [terms.settle(Book(begun, 0, (base,))).sum(), terms.settle(Book(ended, 1, (base, begun))).sum()]
    assert np.isclose(euros[0], 5500.0 - 3000.0)
    assert np.isclose(sum(euros), 0.0)
    afterwards = AcuteBundle((STROKE,), trend_per_year=0.1)
    base, begun, ended = (
        replace(each, episodes={afterwards.episode_rules: each.episodes[terms.episode_rules]})
        for each in (base, begun, ended)
    )
    assert np.isclose(afterwards.settle(Book(ended, 1, (base, begun))).sum(), 5500.0 - 4000.0)


def test_a_kind_that_nobody_had_in_the_base_years_is_left_out():
    terms = AcuteBundle((INFARCTION, STROKE))
    base = quarter(terms, (0, 1, 1, 5000.0, 5000.0), years=1.0)
    now = quarter(terms, (0, 1, 1, 8000.0, 8000.0), (1, 1, 1, 5000.0, 5000.0), years=1.0)
    assert terms.settle(Book(now, 0, (base,))).sum() == 2000.0


def test_what_is_not_known_is_said():
    terms = AcuteBundle((STROKE,))
    now = quarter(terms, (0, 1, 1, 5000.0, 5000.0), years=1.0)
    with pytest.raises(ModelError, match="base_years must be 1 or more"):
        terms.settle(Book(now, 0))
    with pytest.raises(ModelError, match="no episodes by these rules"):
        terms.settle(Book(Activity.empty(SERVICES, ("a",), 1.0), 0))
    scored = AcuteBundle((INFARCTION,), quality_indicator="nothing", gain_at_stake=0.1)
    with pytest.raises(ModelError, match="no indicator 'nothing'"):
        scored.settle(Book(quarter(scored, (0, 1, 1, 5000.0, 5000.0), years=1.0), 0))
    tariff = AdmissionTariff((AdmissionPrice("admission_mi", 4000.0),))
    with pytest.raises(ModelError, match="no stays"):
        tariff.settle(Book(Activity.empty(SERVICES, ("a",), 1.0), 0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"episodes": ()}, "at least one kind"),
        ({"episodes": (INFARCTION, replace(INFARCTION, name="again"))}, "one kind"),
        ({"discount_share": 1.5}, "discount_share must lie between 0 and 1"),
        ({"low_quantile": 0.9, "high_quantile": 0.9}, "below high_quantile"),
        ({"base_year_weights": (0.0,)}, "a weight above 0"),
        ({"gain_at_stake": 0.1}, "quality_indicator"),
        ({"quality_floor": 1.0}, "must differ"),
        ({"lag_quarters": 41}, "between 0 and 40"),
        ({"payment": "prospective", "low_quantile": 0.1}, "no low limit"),
        ({"payment": "prospective", "high_quantile": 0.9}, "cap_multiple"),
    ],
)
def test_terms_that_cannot_be_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        AcuteBundle(**{"episodes": (INFARCTION,), **changes})


@pytest.mark.parametrize(
    ("admissions", "words"),
    [
        ((), "at least one"),
        ((AdmissionPrice("admission_mi", 1.0), AdmissionPrice("admission_mi", 2.0)), "each service once"),
        ((AdmissionPrice("admission_mi", 4000.0, 3, 700.0, 3, 100.0),), "must come after"),
        ((AdmissionPrice("admission_mi", 1000.0, 3, 700.0),), "must not exceed price_eur"),
    ],
)
def test_admission_prices_that_cannot_be_are_refused(admissions, words):
    with pytest.raises(ValueError, match=words):
        AdmissionTariff(admissions)


def test_a_quarter_alone_says_what_it_lacks():
    """Prices of the past need it in every quarter; a year that is not over asks for nothing."""
    ahead, after = AcuteBundle((STROKE,), payment="prospective"), AcuteBundle((STROKE,))
    now = quarter(ahead, (0, 1, 0, 5000.0, 5000.0))
    assert not after.settle(Book(now, 0)).any()
    with pytest.raises(ModelError, match="base_years"):
        ahead.settle(Book(now, 0))
