"""Tables of OMOP's shape: keys that fit, and what they hold is what the run counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import paysim as ps
from paysim.analysis.omop import TABLES, omop_tables, write_omop
from paysim.errors import DataError


def test_an_arm_or_a_kind_that_is_not_there_is_refused(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="parquet"):
        write_omop(run_folder, tmp_path, kind="xlsx")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="mixed"):
        write_omop(run_folder, tmp_path, "mixd")
    with pytest.raises(DataError, match="holds no work"):  # made by hand, so nobody knows what was asked
        write_omop(run_folder, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_tables_hold_what_the_run_counted(tmp_path: Path) -> None:
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    arms = (scenario.arms[0], scenario.arm("mixed"))
    short = replace(scenario, arms=arms, compare_with=(arms[0].name,), horizon_years=2, base_years=1, replicates=1)
    run = ps.simulate(short, tmp_path / "run", sample=1500)
    tables = omop_tables(run, "mixed")
    frame = run.wide("all").xs("mixed", level="arm").xs(-1, level="period").iloc[0] / run.manifest["sample"]["weight"]
    used = tables["visit_occurrence"]["visit_source_value"].value_counts()
    gp = ("gp_phone", "gp_consult", "gp_long", "gp_visit", "gp_email")
    assert used.reindex(gp).sum() == pytest.approx(frame["gp_contacts"])
    assert used["ed_visit"] == pytest.approx(frame["ed_visits"])
    assert used["specialist_trajectory"] == pytest.approx(frame["specialist_trajectories"])
    assert len(tables["death"]) == pytest.approx(frame["deaths"])
    years = tables["cost"][tables["cost"]["cost_domain_id"] == "Payer Plan Period"]
    assert years["paid_by_patient"].sum() == pytest.approx(frame["patient_payments"], rel=1e-5)
    paid = frame["spending_total"] + frame["spending_long_term_care"]
    assert years["total_paid"].sum() == pytest.approx(paid, rel=1e-3)
    persons = set(tables["person"]["person_id"])
    for name, table in tables.items():
        assert list(table.columns) == list(TABLES[name])
        if "person_id" in table:
            assert set(table["person_id"]) <= persons
        if f"{name}_id" in table:
            assert table[f"{name}_id"].is_unique
    spells = tables["condition_occurrence"].dropna(subset=["condition_end_date"])
    assert (spells["condition_end_date"] >= spells["condition_start_date"]).all()
    observed = tables["observation_period"].set_index("person_id")["observation_period_end_date"]
    visits = tables["visit_occurrence"]
    assert (visits["visit_start_date"] <= visits["person_id"].map(observed)).all()
    written = write_omop(run, tmp_path / "omop", "mixed", kind="parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(written[0]), tables["person"], check_dtype=False)
    assert pd.read_csv(tmp_path / "omop" / "dictionary.csv")["table"].nunique() == len(TABLES)
