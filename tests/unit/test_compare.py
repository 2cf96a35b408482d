"""Reading run folders and comparing arms."""

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from paysim.analysis.compare import (
    CHANCE_ONLY,
    COLUMNS,
    FEW,
    OVER_REPLICATES,
    clustered_interval,
    compare,
    t_interval,
)
from paysim.analysis.measures import MEASURES, VERDICT, measure, wide
from paysim.analysis.runs import RESULT_COLUMNS, load_run
from paysim.cli import app
from paysim.cli.population import summary
from paysim.errors import DataError, ScenarioError
from paysim.report.caveats import chance
from paysim.report.wording import CARE, HEADLINES, TOO_SMALL, difference, headlines, uncertainty

PROGRAMMES = (
    "spending_programmes_per_head",
    "others_payments_per_head",
    "spending_organisations_per_head",
    "care_payments_per_head",
    "pooled_payments_per_head",
    "organisations_net_per_head",
    "organisations_result_per_head",
)
WITHOUT_PROGRAMMES = [each for each in MEASURES if each.name not in PROGRAMMES]


def results(cells):
    """Tidy results of (arm, replicate, practice) -> (person_years, spending)."""
    rows = []
    for (arm, replicate, practice), (years, spending) in cells.items():
        for name, value in (("person_years", years), ("spending_total", spending)):
            rows.append(("s", arm, 0, replicate, -1, "practice", practice, name, value, ""))
    frame = pd.DataFrame(rows, columns=list(RESULT_COLUMNS))
    keys = [name for name in RESULT_COLUMNS if name not in ("group", "value", "dimension")]
    whole = frame.groupby(keys, as_index=False, sort=False)["value"].sum()
    return pd.concat([whole.assign(dimension="all", group="all"), frame])[list(RESULT_COLUMNS)]


TWO_ARMS = {
    ("a", 0, "p1"): (100.0, 1000.0),
    ("a", 0, "p2"): (300.0, 6000.0),
    ("a", 0, "p3"): (600.0, 6000.0),
    ("b", 0, "p1"): (100.0, 1100.0),
    ("b", 0, "p2"): (300.0, 6900.0),
    ("b", 0, "p3"): (600.0, 6600.0),
}


def spending(table):
    (row,) = table[table["measure"] == "spending_per_head"].to_dict("records")
    return row


@pytest.fixture
def practices_enough(monkeypatch):
    """Let few practices do, so that the estimator can be done by hand."""
    monkeypatch.setattr("paysim.analysis.compare.FEWEST_PRACTICES", 2)


@pytest.mark.parametrize(("count", "replicates", "told"), [(19, 1, False), (20, 1, True), (3, 2, True)])
def test_only_replicates_give_an_interval_to_few_practices(count, replicates, told):
    draws = np.random.default_rng(0).normal(60.0, 5.0, (replicates, count))
    cells = {
        (arm, replicate, f"p{k}"): (100.0, 100.0 * draws[replicate, k] + more * k)
        for arm, more in (("a", 0.0), ("b", 9.0 + 1.0 * replicates))
        for replicate in range(replicates)
        for k in range(count)
    }
    if replicates > 1:
        cells = {key: (years, eur * (1.0 + 0.1 * key[1])) for key, (years, eur) in cells.items()}
    row = spending(compare(results(cells), "a"))
    assert math.isfinite(row["low"]) == math.isfinite(row["high"]) == told
    assert (row["interval"] == FEW) == (not told)
    assert row["difference"] > 0.0


def test_difference_of_one_replicate_is_clustered_by_practice(practices_enough):
    row = spending(compare(results(TWO_ARMS), "a"))
    assert row["value"] == pytest.approx(14.6)
    assert row["baseline_value"] == pytest.approx(13.0)
    assert row["difference"] == pytest.approx(1.6)
    assert row["relative"] == pytest.approx(1.6 / 13)
    assert row["interval"] == "chance only, not parameter uncertainty"
    # By hand: differences 1, 3, 1 with weights .1, .3, .6; mean 1.6; sums of squares and cubes of weights .46 and .244.
    error = math.sqrt(0.46 / (0.46 - 0.488 + 0.2116) * ((0.1 * -0.6) ** 2 + (0.3 * 1.4) ** 2 + (0.6 * -0.6) ** 2))
    half = stats.t.ppf(0.975, 1 / 0.46 - 1) * error
    assert row["low"] == pytest.approx(1.6 - half)
    assert row["high"] == pytest.approx(1.6 + half)


def test_one_difference_has_one_interval(practices_enough):
    """Without shared savings payments for care differ as spending does, and are clustered by the same practices."""
    rows = []
    for arm, more, savings in (("a", 0.0, 0.0), ("b", 9.0, 0.0), ("c", 9.0, 40.0)):
        for dimension, spread in (("origin", 1.0), ("practice", 3.0)):
            for k, years in enumerate((100.0, 300.0, 600.0)):
                money = {"spending_total": 900.0 + more * (years / 100.0 + spread * (k - 1)), "person_years": years}
                money["spending_organisations"] = 0.0
                if dimension == "practice":
                    money |= {"practice_revenue": 700.0, "practice_revenue_shared_savings": savings}
                rows += [("s", arm, 0, 0, -1, dimension, f"p{k}", name, each, "") for name, each in money.items()]
    parts = pd.DataFrame(rows, columns=list(RESULT_COLUMNS))
    whole = parts[(parts["dimension"] == "origin") | parts["measure"].str.startswith("practice_revenue")]
    keys = [name for name in RESULT_COLUMNS if name not in ("group", "value", "dimension")]
    whole = whole.groupby(keys, as_index=False, sort=False)["value"].sum().assign(dimension="all", group="all")
    table = compare(pd.concat([whole, parts])[list(RESULT_COLUMNS)], "a").set_index(["measure", "arm"])
    ends = ["difference", "low", "high"]
    care, spent = table.loc["care_payments_per_head"], table.loc["spending_per_head"]
    assert care.loc["b", "low"] < care.loc["b", "high"]
    assert list(care.loc["b", ends]) == list(spent.loc["b", ends])
    assert care.loc["c", "difference"] == pytest.approx(spent.loc["c", "difference"] - 0.12)
    assert care.loc["c", "high"] - care.loc["c", "low"] > 2.0 * (spent.loc["c", "high"] - spent.loc["c", "low"])


def test_life_that_an_arm_adds_counts_as_qalys(practices_enough):
    cells = {
        ("a", 0, "p1"): (100.0, 80.0),
        ("a", 0, "p2"): (100.0, 80.0),
        # One person lives on for ten years at a utility of 0.5, below the others' 0.8.
        ("b", 0, "p1"): (110.0, 85.0),
        ("b", 0, "p2"): (100.0, 80.0),
    }
    frame = results(cells).replace("spending_total", "qalys")
    frame = pd.concat([frame, frame[frame["measure"] == "qalys"].replace("qalys", "qalys_discounted")])
    table = compare(frame, "a").set_index("measure")
    assert table.loc["qalys_per_1000", "difference"] == pytest.approx(1000 * 5 / 200)
    assert table.loc["qalys_discounted", "difference"] == pytest.approx(5.0)
    # The total is the rate times the same person-years, so its interval is too.
    for end in ("low", "high"):
        assert table.loc["qalys_discounted", end] == pytest.approx(table.loc["qalys_per_1000", end] / 5)


def test_equal_weights_give_the_paired_t_interval():
    d = np.array([1.0, 2.0, 4.0, 9.0])
    expected = stats.t.interval(0.95, 3, loc=d.mean(), scale=stats.sem(d))
    assert clustered_interval(d, np.ones(4), d.mean()) == pytest.approx(expected)
    assert t_interval(d) == pytest.approx(expected)


def test_a_few_equal_counts_have_no_interval():
    assert t_interval(np.zeros(3)) == (0.0, 0.0)
    assert np.isnan(t_interval(np.full(2, -60.0))).all()


def test_what_is_left_of_sums_in_another_order_is_no_difference():
    cells = {("a", 0, "p1"): (100.0, 0.1 + 0.2), ("b", 0, "p1"): (100.0, 0.3)}
    row = compare(results(cells), "a").set_index("measure").loc["spending_per_head"]
    assert (row["difference"], row["low"], row["high"]) == (0.0, 0.0, 0.0)


def test_money_and_health_are_in_the_ratio_of_their_totals():
    """The arm adds ten person-years, and what these cost counts: EUR per QALY is that of the totals."""
    cells = {("a", 0, "p1"): (100.0, 1000.0), ("b", 0, "p1"): (110.0, 1300.0)}
    frame = results(cells)
    frame = pd.concat([frame, frame[frame["measure"] == "person_years"].replace("person_years", "qalys")])
    table = compare(frame, "a").set_index("measure")["difference"]
    assert table["spending_per_head"] == pytest.approx(300.0 / 100.0)
    assert table["spending_per_head"] / (table["qalys_per_1000"] / 1000.0) == pytest.approx(300.0 / 10.0)


def test_replicates_are_paired():
    cells = {}
    for replicate, (common, gap) in enumerate([(0.0, 10.0), (500.0, 20.0), (-300.0, 60.0)]):
        cells["a", replicate, "p1"] = (100.0, 1000.0 + common)
        cells["b", replicate, "p1"] = (100.0, 1000.0 + common + gap)
    row = spending(compare(results(cells), "a"))
    d = np.array([0.1, 0.2, 0.6])
    assert row["interval"] == OVER_REPLICATES
    assert row["difference"] == pytest.approx(0.3)
    expected = stats.t.interval(0.95, 2, loc=0.3, scale=stats.sem(d))
    assert (row["low"], row["high"]) == pytest.approx(expected)


@pytest.mark.parametrize("replicates", [1, 2])
def test_identical_arms_differ_by_exactly_nothing(tmp_path, make_run, replicates):
    same = {"dutch_today": {}, "mixed": {}}
    run = load_run(make_run(tmp_path / "r", replicates=replicates, arms=tuple(same), effects=same))
    table = compare(run, "dutch_today")
    assert set(table["measure"]) == {each.name for each in WITHOUT_PROGRAMMES}
    assert (table[["difference", "low", "high"]] == 0).all(axis=None)


def test_without_practices_there_is_no_interval():
    frame = results(TWO_ARMS)
    row = spending(compare(frame[frame["dimension"] == "all"], "a"))
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])


def test_one_practice_gives_no_interval():
    cells = {key: value for key, value in TWO_ARMS.items() if key[2] == "p1"}
    assert math.isnan(spending(compare(results(cells), "a"))["low"])


def test_swapping_arms_turns_the_sign(run_folder):
    run = load_run(run_folder)
    there = compare(run, "dutch_today").query("arm == 'mixed'").set_index("measure")
    back = compare(run, "mixed").query("arm == 'dutch_today'").set_index("measure")
    assert there["difference"].to_numpy() == pytest.approx(-back["difference"].to_numpy())
    assert there["low"].to_numpy() == pytest.approx(-back["high"].to_numpy(), nan_ok=True)


def test_every_measure_against_every_default_baseline(run_folder):
    table = compare(run_folder)
    assert list(table.columns) == list(COLUMNS)
    assert set(table["baseline"]) == {"dutch_today", "fee_for_service"}
    assert len(table) == len(WITHOUT_PROGRAMMES) * 4 * 2
    assert set(table["interval"]) == {CHANCE_ONLY}
    assert set(VERDICT) <= set(table["measure"])
    assert not (table["arm"] == table["baseline"]).any()


def test_a_total_is_scaled_from_differences_per_head(run_folder):
    table = compare(run_folder, "dutch_today").query("arm == 'fee_for_service'").set_index("measure")
    total, per_head = table.loc["spending_total_discounted"], table.loc["spending_per_head"]
    assert total["unit"] == "million EUR"
    # Discounting hardly changes how wide an interval is for its middle.
    relative = [(row["high"] - row["low"]) / row["difference"] for row in (total, per_head)]
    assert relative[0] == pytest.approx(relative[1], rel=0.2)


def test_unknown_baseline_names_the_nearest(run_folder):
    with pytest.raises(ScenarioError, match=r"no such arm.*did you mean 'capitation'"):
        compare(run_folder, "capitaton")


def test_unknown_measure_names_the_nearest():
    with pytest.raises(DataError, match="did you mean 'qalys_per_1000'"):
        measure("qaly_per_1000")


def test_results_with_a_value_twice_are_refused():
    frame = results(TWO_ARMS)
    with pytest.raises(DataError, match="twice"):
        wide(pd.concat([frame, frame]))


def test_run_in_one_line(run_folder):
    run = load_run(run_folder / "manifest.json")
    assert "\n" not in repr(run)
    assert run.arms == ("dutch_today", "fee_for_service", "capitation", "bundled", "mixed")
    assert run.current == "dutch_today"
    assert list(run.results.columns) == list(RESULT_COLUMNS)
    assert "no chronic condition" in set(run.incentives["segment"])


@pytest.fixture
def copy(run_folder, tmp_path):
    return shutil.copytree(run_folder, tmp_path / "copy", ignore=shutil.ignore_patterns("figures", "report*"))


@pytest.mark.parametrize("name", ["results.parquet", "ledger.parquet", "incentives.csv", "parameters.csv"])
def test_one_flipped_bit_is_found(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(DataError, match=rf"{name}.*SHA-256"):
        load_run(copy)


def test_two_swapped_files_are_both_named(copy):
    (copy / "incentives.csv").rename(copy / "x")
    (copy / "parameters.csv").rename(copy / "incentives.csv")
    (copy / "x").rename(copy / "parameters.csv")
    with pytest.raises(DataError) as caught:
        load_run(copy)
    assert len(caught.value.problems) == 2


def test_a_file_changed_after_opening_is_found(copy):
    run = load_run(copy)
    with (copy / "results.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(DataError, match="SHA-256"):
        _ = run.results


def test_missing_file(copy):
    (copy / "ledger.parquet").unlink()
    with pytest.raises(DataError, match=r"ledger\.parquet.*missing"):
        load_run(copy)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.update(schema=2), "schema"),
        (lambda m: m.pop("files"), "no list of files"),
        (lambda m: m["files"].update({"../x": "0" * 64}), "outside the run folder"),
        (lambda m: m["files"].update({"x": "short"}), "not a SHA-256"),
        (lambda m: m["scenario"].update(current="nobody"), "names no arm"),
        (lambda m: m["scenario"].update(compare_with=["nobody"]), "names no arm"),
        (lambda m: m["scenario"].update(arms=[]), "no list of arms"),
        (lambda m: m.pop("scenario"), "no scenario"),
    ],
)
def test_wrong_manifests(copy, change, words):
    manifest = json.loads((copy / "manifest.json").read_text())
    change(manifest)
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=words):
        load_run(copy)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b'{"schema": NaN}', b"[" * 100_000])
def test_broken_manifests(copy, content):
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(DataError, match=r"manifest\.json"):
        load_run(copy)


def test_no_run_folder(tmp_path):
    with pytest.raises(DataError, match="not a finished run"):
        load_run(tmp_path)
    (tmp_path / "my_run").mkdir()
    with pytest.raises(DataError, match=r"did you mean .*my_run"):
        load_run(tmp_path / "my_rum")


def test_command_prints_the_verdict_first(run_folder, capsys):
    assert app.run(["compare", str(run_folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Spending, EUR per head per year, against Dutch funding today: ")
    care = lines.index(f"{CARE}:")
    assert care > max(k for k, line in enumerate(lines) if "over the whole horizon" in line)
    assert lines[care + 1].startswith("- Intervals hold chance in one simulated region only")
    assert any(line.startswith("- Fee for service: Spending is EUR") for line in lines)
    text = "\n".join(lines)
    assert "Against Dutch funding today" in text
    assert "Against Fee for service" in text
    assert CHANCE_ONLY in text
    assert lines[-1] == f"next: paysim report {run_folder}"


def test_at_most_three_headlines_name_the_largest_changes_beyond_chance(run_folder):
    run = load_run(run_folder)
    table = compare(run)
    said = headlines(table, run.titles, "dutch_today")
    assert 0 < len(said) <= len(HEADLINES) == 3
    rows = table[(table["measure"] == "spending_per_head") & (table["baseline"] == "dutch_today")]
    told = rows[(rows["low"] > 0) | (rows["high"] < 0)]
    top = told.loc[told["difference"].abs().idxmax()]
    assert run.titles[top["arm"]] in said[0]
    assert f"beyond chance in {len(told)} of {len(rows)} arms" in said[0]
    assert headlines(table.assign(low=-1e9, high=1e9), run.titles, "dutch_today")[0].endswith(
        "no arm differs from Dutch funding today beyond chance."
    )
    assert headlines(table, run.titles, "dutch_today", small=True) == [TOO_SMALL]


def test_command_prints_json(run_folder, capsys):
    assert app.run(["compare", str(run_folder), "--baseline", "mixed", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["baselines"] == ["mixed"]
    assert set(document["differences"][0]) == set(COLUMNS)


def test_command_refuses_an_unknown_arm(run_folder, capsys):
    assert app.run(["compare", str(run_folder), "--baseline", "nobody"]) == 2
    assert "no such arm" in capsys.readouterr().err


@pytest.mark.parametrize("columns", [80, *(pytest.param(each, marks=pytest.mark.slow) for each in (100, 120)), 400])
def test_no_arm_is_lost_on_a_narrow_terminal(run_folder, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert app.run(["compare", str(run_folder), "--baseline", "dutch_today"]) == 0
    text = capsys.readouterr().out
    assert max(len(line) for line in text.splitlines() if not line.startswith("next:")) <= columns
    run = load_run(run_folder)
    table = compare(run, "dutch_today").query("measure == 'spending_per_head'")
    for row in table.to_dict("records"):
        for part in difference(row).split(" ["):
            assert part in text  # whole, the bracket at its end included
    assert ("Mixed payment against Dutch funding today" in text) == (columns < 120)


def test_one_practice_and_one_replicate_give_no_footer(run_folder, practices_enough):
    frame = results({key: value for key, value in TWO_ARMS.items() if key[2] == "p1"})
    table = compare(frame, "a")
    assert uncertainty(table, 1) == ""
    assert uncertainty(compare(results(TWO_ARMS), "a"), 1).startswith("95% intervals")
    assert "There are no 95% intervals" in chance(load_run(run_folder), table)


def row(margin, group, role, error, z, difference=0.0):
    figures = {"target": 0.1, "result": 0.1 + difference, "difference": difference, "standard_error": error}
    return {"margin": margin, "group": group, "unit": "proportion", "role": role, "z": z, **figures}


def test_a_population_is_summed_up_first():
    lines = "\n".join(
        summary(
            [
                row("persons", "all", "exact", 0.0, math.nan),
                row("persons", "men", "exact", 0.0, math.nan, 1.0),
                row("smoking", "M 50-54", "fitted", 0.01, -2.0, -0.02),
                row("smoking", "F 50-54", "fitted", 0.01, 1.0, 0.01),
                row("mean", "z", "fitted", 0.0, math.nan),
                row("follows", "all", "derived", math.nan, math.nan),
            ]
        )
    )
    assert "exact: 1 of 2" in lines
    assert "within sampling error: 1 of 2" in lines
    assert "largest |z|: 2.00 (smoking, M 50-54)" in lines
    assert "1 margins met by construction, 0 without a known error" in lines
    assert "not imposed: 1 comparisons" in lines


@pytest.mark.parametrize("options", [[], ["--all"]])
def test_describe_prints_the_farthest_off(tmp_path, capsys, options):
    file = tmp_path / "people.csv"
    assert app.run(["population", "build", "middenkempen", "--sample", "5000", "--out", str(file)]) == 0
    capsys.readouterr()
    assert app.run(["population", "describe", str(file), *options]) == 0
    text = capsys.readouterr().out
    assert "nan" not in text
    assert text.splitlines()[-1].startswith("next: ")
    assert (len(text.splitlines()) < 50) == (not options)


EXPERIMENTS = 2000


def _coverage(intervals: list[tuple[float, float]], truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals]))


@pytest.mark.parametrize("replicates", [2, 5, 20])
def test_intervals_over_replicates_hold_the_truth_in_95_of_100_experiments(replicates):
    rng = np.random.Generator(np.random.PCG64(replicates))
    found = [t_interval(rng.normal(3.0, 2.0, replicates)) for _ in range(EXPERIMENTS)]
    assert 0.93 <= _coverage(found, 3.0) <= 0.97


@pytest.mark.parametrize(("practices", "spread"), [(12, 0.0), (12, 0.5), (60, 0.5)])
def test_intervals_over_practices_hold_the_truth_in_95_of_100_experiments(practices, spread):
    """Practices of unequal size (coefficient of variation 0 to 0.5), and larger ones with less chance."""
    rng = np.random.Generator(np.random.PCG64(practices))
    found = []
    for _ in range(EXPERIMENTS):
        weights = np.exp(rng.normal(0.0, spread, practices))
        own = rng.normal(3.0, 1.5, practices)  # practices differ
        differences = own + rng.normal(0.0, 1.0, practices) / np.sqrt(weights)  # and so do their patients' lives
        centre = float(weights @ differences / weights.sum())
        found.append(clustered_interval(differences, weights, centre))
    assert 0.93 <= _coverage(found, 3.0) <= 0.97
