"""The table of a programme's rounds: everybody once, years from rounds, and ratios where there is something to divide by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from paysim.analysis.programmes import ROUND_COLUMNS, rounds
from paysim.analysis.runs import ROUND_COLUMNS as KEPT
from paysim.analysis.runs import ROUNDS, Run
from paysim.care.programmes import EDUCATION, Rounds
from paysim.care.programmes.rounds import LEFT

YEARS, EVERY = 2, 26


def kept(replicate: int, more: int = 0) -> pd.DataFrame:
    """Return two rounds a year in which, by level, 10 people are for it, 4 asked, 2 come and 1 leaves."""
    log = Rounds("walking")
    inside = np.zeros(0, np.int64)
    levels = np.arange(len(EDUCATION))

    def people(count: int) -> np.ndarray:
        return np.repeat(levels, count)

    for number in range(2 * YEARS):
        log.begin(1 + EVERY * number, 52)
        taking_part = np.bincount(inside, minlength=len(EDUCATION))
        log.add("eligible", people(20 + more))
        log.add("other_practice", people(3 + more))
        log.add("not_in_records", people(2))
        log.add("taking_part", inside)
        log.add("not_selected", np.repeat(levels, 15 - taking_part - 5))
        for what, count in (("selected", 5), ("no_staff", 1), ("invited", 4), ("declined", 2), ("started", 2)):
            log.add(what, people(count))
        log.add("died", people(1))
        log.add("participant_years", people(1), np.full(len(EDUCATION), 0.5))
        log.add("cost_eur", people(1), np.full(len(EDUCATION), 12.0))
        inside = np.concatenate([inside, people(1)])
        log.close(inside)
    return pd.DataFrame(log.rows).assign(arm="with", replicate=replicate)[list(KEPT)]


def run_of(*tables: pd.DataFrame) -> Run:
    arms = [{"name": "without"}, {"name": "with"}]
    manifest = {"files": {ROUNDS: ""} if tables else {}, "scenario": {"name": "s", "current": "without", "arms": arms}}
    return Run(Path(), manifest, {ROUNDS: pd.concat(tables)} if tables else {})


@pytest.mark.parametrize("education", [True, False])
@pytest.mark.parametrize("by", ["round", "year"])
def test_rows_add_up(by: str, education: bool) -> None:
    table = rounds(run_of(kept(0)), by, education=education)  # type: ignore[arg-type]
    assert tuple(table.columns) == ROUND_COLUMNS
    assert len(table) == (2 * YEARS if by == "round" else YEARS) * (len(EDUCATION) if education else 1)
    assert set(table["education"]) == (set(EDUCATION) if education else {"all"})
    assert table["eligible"].equals(table["other_practice"] + table["not_in_records"] + table["identified"])
    parts = ["taking_part", "not_selected", "asked_before", "selected"]
    assert table["identified"].equals(table[parts].sum(axis=1))
    assert table["invited"].equals(table["declined"] + table["started"])
    assert table["participants"].equals(table["before"] + table["started"] - table[list(LEFT)].sum(axis=1) * 1.0)
    if by == "round":
        assert table["selected"].equals(table["no_staff"] + table["no_places"] + table["invited"])


def test_a_year_has_what_its_rounds_add_up_to_and_what_its_last_one_found() -> None:
    table = rounds(run_of(kept(0)), "year")
    assert list(table["invited"]) == [24.0, 24.0]
    assert list(table["no_staff"]) == [3.0, 3.0]
    assert list(table["round"]) == [2, 4]
    assert list(table["participants"]) == [6.0, 12.0]
    assert list(table["reach"]) == [0.1, 0.2]


def test_costs_per_person_are_of_all_rounds_so_far() -> None:
    table = rounds(run_of(kept(0)))
    assert list(table["eur_per_invitee"]) == [3.0] * 4  # 36 euro for 12 invited, each round
    assert list(table["eur_per_participant"]) == [6.0] * 4
    assert list(table["eur_per_participant_year"]) == [24.0] * 4


def test_replicates_are_averaged() -> None:
    one, both = rounds(run_of(kept(0))), rounds(run_of(kept(0), kept(1, more=2)))
    assert list(both["eligible"]) == list(one["eligible"] + 3.0)
    assert both["participants"].equals(one["participants"])


def test_without_programmes_the_table_is_empty() -> None:
    table = rounds(run_of())
    assert table.empty
    assert tuple(table.columns) == ROUND_COLUMNS
