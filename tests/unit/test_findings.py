"""What a verdict says: of pooled sums, passive arms, small runs; and what is coloured."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from paysim.analysis.compare import CHANCE_ONLY, COLUMNS, ONE_SUM
from paysim.analysis.compare import compare as compared
from paysim.analysis.decomposition import Decomposition, _by_part, _intervals
from paysim.analysis.measures import PER_HEAD, measure
from paysim.analysis.runs import Run, load_run
from paysim.report import tables, wording
from paysim.report.figures import _shades
from paysim.report.findings import _hospital, _severity, findings
from paysim.report.wording import number
from paysim.scenario.twins import Look, without_twin


def row(name: str, difference: float, low: float, high: float, kind: str = CHANCE_ONLY) -> dict[str, object]:
    what = measure(name)
    value = {"value": 100.0 + difference, "baseline_value": 100.0, "relative": difference / 100.0}
    ends = {"difference": difference, "low": low, "high": high, "interval": kind}
    about = {"measure": name, "label": what.label, "unit": what.unit, "arm": "risk", "baseline": "today"}
    return {**about, **value, **ends}


def test_what_is_paid_on_one_sum_is_told_apart_from_what_care_costs() -> None:
    rows = [
        row("spending_per_head", 39.9, np.nan, np.nan, ONE_SUM),
        row("pooled_payments_per_head", 37.4, np.nan, np.nan, ONE_SUM),
        row("care_payments_per_head", 2.5, -18.9, 24.0),
        row("practice_margin_per_head", 14.7, np.nan, np.nan, ONE_SUM),
        row("organisations_result_per_head", -13.3, np.nan, np.nan, ONE_SUM),
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    (said,) = wording.verdict(table, {}, more={"risk": ["Integrator: insolvent."]})
    assert f"EUR 37.4 per head per year was paid out as savings ({ONE_SUM})" in said
    assert "payments for care itself are EUR 2.50 higher (+2.5%, could be chance alone) [" in said
    assert "Nobody gains or loses money beyond chance." in said
    assert "Not to be told from chance" in said
    assert "practices (margin) EUR +14.7" in said
    assert "organisations (after sharing out and running costs) EUR \u221213.3" in said
    assert said.endswith("Integrator: insolvent.")


def test_pooled_sums_of_made_up_results_have_no_interval() -> None:
    def results(paid: float) -> pd.DataFrame:
        rows = []
        for arm, factor in (("today", 0.0), ("risk", 1.0)):
            for group in ("all", "p1", "p2", "p3"):
                many = 3.0 if group == "all" else 1.0
                values = {"person_years": 100.0 * many, "spending_total": (1000.0 + 9.0 * factor) * many}
                if group == "all":
                    values["paid_on_pooled_sum"] = paid * factor
                dimension = "all" if group == "all" else "practice"
                for name, value in values.items():
                    rows.append((arm, 0, 0, -1, dimension, group, name, value))
        columns = ["arm", "draw", "replicate", "period", "dimension", "group", "measure", "value"]
        return pd.DataFrame(rows, columns=columns)

    what = [measure("spending_per_head")]
    (without,) = compared(results(0.0), "today", measures=what).to_dict("records")
    assert (without["low"], without["high"]) == pytest.approx((0.09, 0.09))
    (pooled,) = compared(results(5.0), "today", measures=what).to_dict("records")
    assert pooled["difference"] == pytest.approx(0.09)
    assert pooled["interval"] == ONE_SUM
    assert np.isnan(pooled["low"])


def test_only_what_is_told_is_coloured() -> None:
    """A large difference that may be chance stays white, and does not pale a small one that is beyond it."""
    grid = pd.DataFrame([[50.0], [2.0]], index=["a", "b"], columns=["risk"])
    table = pd.DataFrame({"actor": ["a", "b"], "unit": [PER_HEAD, PER_HEAD]})
    shades = _shades(grid, table, np.array([[False], [True]]))
    np.testing.assert_array_equal(shades, [[0.0], [1.0]])


@pytest.mark.parametrize(
    ("arms", "alone"),
    [
        ([Look("today", ("a",), "passive"), Look("new", ("b",), "logit")], ["today"]),
        ([Look("today", ("a", "c"), "passive"), Look("twin", ("c", "a"), "logit"), Look("new", ("b",), "logit")], []),
        ([Look("today", ("a",), "passive"), Look("new", ("b",), "passive")], []),
        ([Look("today", ("a",), "logit"), Look("new", ("b",), "logit")], []),
    ],
)
def test_a_passive_arm_without_a_responding_twin_is_named(arms: list[Look], alone: list[str]) -> None:
    assert without_twin(arms, ["today"]) == alone


def test_money_of_a_decomposition_is_that_of_the_region_and_parts_have_intervals() -> None:
    """One person stands for ten, over two replicates: cents of both added up are a twentieth of a euro each."""
    steps = [pd.DataFrame([{"m": 1.0}, {"m": last}, {"m": 4.0}, {"m": 4.0}, {"m": 5.0}]) for last in (2.0, 2.5)]
    each = [_by_part(frame) for frame in steps]
    posted = pd.DataFrame([{"hospital": 100, "patients": -100}] * 4 + [{"hospital": 300, "patients": -300}])
    money = _by_part(posted).add_suffix("_cents").rename_axis("actor")
    found = Decomposition("s", "a", "b", each[0], money, _intervals(each), 10.0, 2)
    assert found.money_eur.loc["hospital"].to_dict() == {
        "baseline": 5.0,
        "payment": 0.0,
        "behaviour": 0.0,
        "health": 0.0,
        "organisation": 10.0,
        "arm": 15.0,
    }
    ends = found.intervals.loc["m", ["payment_low", "payment_high"]].to_numpy(float)
    np.testing.assert_allclose(ends, 1.25 + np.array([-1.0, 1.0]) * 12.706204736 * 0.25, rtol=1e-6)


def test_what_the_hospital_changes_is_told_apart_from_what_practices_change() -> None:
    base = {"lever_elective_admission": 1.0, "lever_length_of_stay": 1.0, "lever_hospital_coding": 1.0}
    here = {**base, "lever_elective_admission": 1.039, "lever_length_of_stay": 0.995, "lever_hospital_coding": 1.07}
    paid = {"case_mix_coded_over_true": 1.027}
    said = _hospital(pd.Series({**here, **paid}), pd.Series(base))
    assert said == (
        "What the hospital changes: planned admissions +3.9%; 7.0% of admissions coded a group of severity higher than "
        "they are, for which admissions are paid 2.7% more."
    )
    back = _hospital(pd.Series(base), pd.Series({**here, **paid}))
    assert "planned admissions −3.8%; 0% of admissions coded" in back
    assert "7.0% in the arm compared with" in back
    assert _hospital(pd.Series(base), pd.Series(base)) == ""
    sicker, as_then = pd.Series({"case_mix_true": 1.021}), pd.Series({"case_mix_true": 1.0})
    assert _severity(sicker, as_then) == "By true severity admissions are paid 2.1% more than in the base years."
    assert _severity(sicker, sicker) == _severity(as_then, as_then) == _severity(pd.Series(base), as_then) == ""


def test_why_practices_move_is_told_by_what_the_arm_compared_with_rewards(run_folder) -> None:
    run: Run = load_run(run_folder)
    map_of = tables.incentives(run)
    of_visits = map_of[map_of["lever"] == "visit_intensity"].groupby("arm")["margin_eur"].mean()
    against = {
        base: next(each for each in findings(run, base)["capitation"] if each.startswith("What practices change"))
        for base in ("dutch_today", "fee_for_service")
    }
    assert "under current payment" in against["dutch_today"]
    assert "under current payment" not in against["fee_for_service"]
    fees = f"EUR {number(float(of_visits['fee_for_service']), signed=True)} under Fee for service"
    assert fees in against["fee_for_service"]
