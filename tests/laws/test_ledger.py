"""Laws of the ledger: it sums to zero, no cent is lost, and a ledger that is wrong is refused."""

import io
import math

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paysim.accounting.ledger import COLUMNS, FIXED_ACTORS, Ledger, check_laws, practice_actor, split_cents
from paysim.errors import ModelError

EUROS = st.floats(min_value=-1e7, max_value=1e7, allow_nan=False)
GROUPS = st.lists(EUROS, min_size=1, max_size=40)
SETTINGS = settings(max_examples=300, deadline=None, derandomize=True)


def post(ledger: Ledger, euros: object, **changes: object) -> int | None:
    given: dict[str, object] = {
        "period": 0,
        "contract": "gp",
        "component": "fees",
        "account": "general_practice",
        "payer": "insurers",
        "euros": euros,
    }
    count = np.size(np.atleast_1d(np.asarray(euros)))
    given["payee"] = [practice_actor(str(number)) for number in range(count)]
    return ledger.post(**(given | changes))  # type: ignore[arg-type]


@SETTINGS
@given(GROUPS)
def test_a_split_loses_no_cent_and_moves_nobody_by_more_than_one(euros: list[float]) -> None:
    shares = np.array(euros)
    total = round(math.fsum(euros) * 100)
    cents = split_cents(shares, total)
    assert cents.dtype == np.int64
    assert cents.sum() == total
    assert (np.abs(cents - shares * 100) < 1.0 + 1e-6).all()


@SETTINGS
@given(st.lists(st.tuples(GROUPS, st.booleans(), st.integers(-12, 40)), min_size=1, max_size=12))
def test_any_postings_sum_to_zero(bills: list[tuple[list[float], bool, int]]) -> None:
    ledger = Ledger()
    for euros, paid_by_group, period in bills:
        group = [practice_actor(str(number)) for number in range(len(euros))]
        one = {"payer": group, "payee": "staff_and_suppliers"} if paid_by_group else {"payee": group}
        post(ledger, euros, period=period, **one)
    ledger.check()
    assert sum(ledger.trial_balance().values()) == 0
    columns = ledger.columns()
    for posting in np.unique(columns["posting"]):
        legs = columns["posting"] == posting
        assert columns["cents"][legs].sum() == 0
        assert legs.sum() >= 2
    paid = sum(-round(float(np.sum(euros)) * 100) for euros, by_group, _ in bills if not by_group)
    assert abs(ledger.trial_balance().get("insurers", 0) - paid) <= len(bills)


def test_the_smallest_split_is_by_largest_remainder() -> None:
    assert split_cents(np.array([0.334, 0.333, 0.333]), 100).tolist() == [34, 33, 33]
    assert split_cents(np.array([1 / 3, 1 / 3, 1 / 3]), 100).tolist() == [34, 33, 33]
    assert split_cents(np.array([0.005, 0.004, 0.006]), 2).tolist() == [1, 0, 1]
    assert split_cents(np.array([-1 / 3, -1 / 3, -1 / 3]), -100).tolist() == [-33, -33, -34]


def test_nothing_posts_nothing() -> None:
    ledger = Ledger()
    assert post(ledger, [0.0, 0.0]) is None
    assert post(ledger, [0.001, 0.002]) is None
    assert len(ledger) == 0
    ledger.check()
    assert list(ledger.frame().columns) == list(COLUMNS)
    assert ledger.to_arrow().num_rows == 0
    assert post(ledger, [0.003, 0.003]) == 0


def test_a_total_that_the_shares_cannot_reach_is_refused() -> None:
    with pytest.raises(ModelError, match="cannot be split into 300 cents"):
        split_cents(np.array([1.0, 1.0]), 300)


def test_signs_say_who_received() -> None:
    ledger = Ledger("arm", draw=2, replicate=3)
    post(ledger, [10.0, 0.0, 5.005], period=7)
    table = ledger.columns()
    assert table["actor"].tolist() == ["practice:0", "practice:2", "insurers"]
    assert table["counterparty"].tolist() == ["insurers", "insurers", "practices"]
    assert table["cents"].tolist() == [1000, 500, -1500]
    assert set(table["arm"]) == {"arm"}
    assert set(table["period"]) == {7}
    assert set(table["draw"]) == {2}
    assert set(table["replicate"]) == {3}


def test_one_to_one_and_money_back() -> None:
    ledger = Ledger()
    post(ledger, 12.34, payer="patients", payee="insurers", account="deductible")
    post(ledger, [-3.0, 1.0])
    assert ledger.trial_balance() == {
        "insurers": 1234 + 200,
        "patients": -1234,
        "practice:0": -300,
        "practice:1": 100,
    }
    ledger.check()


@pytest.mark.parametrize(
    ("euros", "changes", "words"),
    [
        ([1.0, np.nan], {}, "must be finite"),
        ([np.inf], {}, "must be finite"),
        ([1e16], {}, "must be finite and below"),
        ([1.0, 2.0], {"payee": ["practice:a"]}, "amounts for 1 actors"),
        ([1.0, 2.0], {"total_eur": 3.01}, r"posting 0 \(period 0, gp, fees\): one side reckons 301.00 cents"),
        ([1.0], {"payer": ["insurers"], "payee": ["practice:a"]}, "cannot both be groups"),
    ],
)
def test_a_bill_that_cannot_be_is_refused(euros: object, changes: dict[str, object], words: str) -> None:
    ledger = Ledger()
    with pytest.raises(ModelError, match=words):
        post(ledger, euros, **changes)
    assert len(ledger) == 0


def three_postings() -> pd.DataFrame:
    ledger = Ledger()
    for period in range(3):
        post(ledger, [1.23, 4.56, 7.89], period=period)
    return ledger.frame()


def test_the_laws_name_the_first_posting_that_does_not_balance() -> None:
    frame = three_postings()
    check_laws(frame)
    frame.loc[frame["posting"] == 1, "cents"] += [1, 0, 0, 0]
    with pytest.raises(ModelError, match=r"posting 1 \(period 1, gp, fees\): 4 legs sum to 1 cents"):
        check_laws(frame)


def test_the_laws_want_whole_cents_and_both_sides() -> None:
    frame = three_postings()
    with pytest.raises(ModelError, match="expected whole numbers"):
        check_laws(frame.astype({"cents": float}))
    with pytest.raises(ModelError, match=r"posting 2 .* 3 legs sum to -123 cents"):
        check_laws(frame.drop(index=frame.index[8]))
    frame.loc[0:3, "cents"] = 0
    lone = frame.drop(index=[1, 2, 3])
    with pytest.raises(ModelError, match=r"posting 0 .* 1 legs sum to 0 cents"):
        check_laws(lone)


def test_the_laws_find_legs_in_another_period() -> None:
    frame = three_postings()
    frame.loc[0, "period"] = 2
    with pytest.raises(ModelError, match="period 0 sums to -123 cents"):
        check_laws(frame)


def test_arrow_parquet_and_pandas_say_the_same() -> None:
    ledger = Ledger("a", 1, 2)
    for period in range(-3, 3):
        post(ledger, [1.23 + period, 4.56], period=period)
        post(ledger, 1.5, payer="patients", payee="insurers", account="deductible", component="own")
    buffer = io.BytesIO()
    pq.write_table(ledger.to_arrow(), buffer)
    back = pq.read_table(buffer).to_pandas()
    frame = ledger.frame()
    assert list(back.columns) == list(frame.columns) == list(COLUMNS)
    for name in COLUMNS:
        assert back[name].astype(frame[name].dtype).tolist() == frame[name].tolist()
    assert back["cents"].dtype == np.int64
    assert back["period"].dtype == np.int32
    check_laws(back)
    assert set(FIXED_ACTORS) >= {"insurers", "patients"}
