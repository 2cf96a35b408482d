"""Cost-effectiveness against closed forms, a table worked by hand, and bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

import paysim as ps
from paysim.analysis.cost_effectiveness import (
    DOMINATED,
    EXTENDED,
    FRONTIER,
    acceptability,
    increments,
    net_benefit,
    strategies,
    value_of_information,
)
from paysim.analysis.exports import write_exports
from paysim.analysis.partial_information import by_prefix, highest_by_chance, partial_information
from paysim.analysis.regression import LEAST_DRAWS
from paysim.analysis.worlds import measured
from paysim.cli.app import app
from paysim.report.acceptability import figure_bytes
from paysim.scenario import Scenario


def _outcomes(cost: dict[str, np.ndarray], effect: dict[str, np.ndarray]) -> pd.DataFrame:
    """Arrays [draw, replicate] by arm."""
    tables = []
    for arm, values in cost.items():
        draw, replicate = np.indices(values.shape)
        columns = {"draw": draw.ravel(), "replicate": replicate.ravel(), "arm": arm}
        tables.append(pd.DataFrame({**columns, "cost": values.ravel(), "effect": effect[arm].ravel()}))
    return pd.concat(tables, ignore_index=True)


def _fixed(**points: tuple[float, float]) -> pd.DataFrame:
    return _outcomes(
        {arm: np.array([[cost]]) for arm, (cost, _) in points.items()},
        {arm: np.array([[effect]]) for arm, (_, effect) in points.items()},
    )


def test_the_frontier_of_a_table_worked_by_hand() -> None:
    """b costs 100 for one QALY more than a, d 400 for the next; c (300 for half of it) loses to their mixture, e to b."""
    table = strategies(_fixed(a=(1000, 1.0), d=(1500, 3.0), c=(1400, 2.5), b=(1100, 2.0), e=(1200, 1.9)))
    found = table.set_index("arm")
    assert list(table["arm"]) == ["a", "b", "e", "c", "d"]
    assert dict(found["status"]) == {"a": FRONTIER, "b": FRONTIER, "c": EXTENDED, "d": FRONTIER, "e": DOMINATED}
    assert found.loc["b", "icer"] == pytest.approx(100.0)
    assert found.loc["d", "icer"] == pytest.approx(400.0)
    assert found.loc[["a", "c", "e"], "icer"].isna().all()


def test_published_tables_of_cost_effectiveness() -> None:
    """Two tables, status found: both as quoted with their sources in the tests and vignettes of dampack (R).

    The teaching example of the Health Economics Resource Center (U.S. Department of Veterans Affairs,
    "Cost-Effectiveness Analysis") has usual care (UC) and five strategies, with dominance of both kinds. Screening for HIV:
    Paltiel and others 2006 (Annals of Internal Medicine 145:797), table 4, high-risk population, USD and quality-adjusted
    life months; annual screening is dominated there, the ratios are those of the rounded values.
    """
    teaching = _fixed(E=(55e3, 5.0), D=(35e3, 4.0), C=(25e3, 3.0), B=(10e3, 2.0), A=(12e3, 1.5), UC=(5e3, 1.0))
    found = strategies(teaching).set_index("arm")
    assert dict(found["icer"].dropna()) == pytest.approx({"B": 5_000.0, "D": 12_500.0, "E": 20_000.0})
    kinds = {"UC": FRONTIER, "B": FRONTIER, "A": DOMINATED, "C": EXTENDED, "D": FRONTIER, "E": FRONTIER}
    assert dict(found["status"]) == kinds
    screening = {
        "status quo": (26_000, 277.25),
        "one time": (27_000, 277.57),
        "5 years": (28_020, 277.78),
        "3 years": (28_440, 277.83),
        "annual": (29_440, 277.76),
    }
    found = strategies(_fixed(**{arm: (cost, months / 12) for arm, (cost, months) in screening.items()}))
    found = found.set_index("arm")
    assert found["status"]["annual"] == DOMINATED
    assert (found["status"].drop("annual") == FRONTIER).all()
    ratios = {"one time": 37_500.0, "5 years": 58_286.0, "3 years": 100_800.0}
    assert dict(found["icer"].dropna()) == pytest.approx(ratios, rel=1e-4)


def test_an_arm_that_is_cheaper_and_better_leaves_no_other() -> None:
    table = strategies(_fixed(a=(10, 2.0), b=(20, 1.0), c=(10, 2.0))).set_index("arm")
    assert list(table["status"]) == [FRONTIER, DOMINATED, DOMINATED]
    assert table["icer"].isna().all()


def _normal(mean: float, sd: float, noise: float = 0.0, draws: int = 20_000, replicates: int = 1) -> pd.DataFrame:
    """Two arms; the net benefit of the new one at 0 EUR per QALY is normal, on top of it chance in every cell."""
    rng = np.random.Generator(np.random.PCG64(1))
    true = mean + sd * stats.norm.ppf((np.arange(draws) + 0.5) / draws)
    cells = -(rng.permutation(true)[:, None] + noise * rng.standard_normal((draws, replicates)))
    zero = np.zeros((draws, replicates))
    return _outcomes({"old": zero, "new": cells}, {"old": zero, "new": zero})


def _unit_loss(mean: float, sd: float) -> float:
    """Expected value of perfect information of a normal difference (Raiffa and Schlaifer 1961)."""
    z = abs(mean) / sd
    return sd * float(stats.norm.pdf(z) - z * stats.norm.sf(z))


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (1.0, 2.0), (-3.0, 2.0)])
def test_perfect_information_of_a_normal_difference_is_the_closed_form(mean: float, sd: float) -> None:
    found = value_of_information(_normal(mean, sd), [0.0])
    assert found["raw_eur"].iloc[0] == pytest.approx(_unit_loss(mean, sd), rel=2e-3)
    assert np.isnan(found["corrected_eur"].iloc[0])


@pytest.mark.parametrize("noise", [1.0, 4.0])
def test_chance_is_taken_out_of_the_value_of_information(noise: float) -> None:
    found = value_of_information(_normal(1.0, 2.0, noise, replicates=2), [0.0]).iloc[0]
    assert found["raw_eur"] == pytest.approx(_unit_loss(1.0, np.hypot(2.0, noise / np.sqrt(2.0))), rel=0.03)
    assert found["corrected_eur"] == pytest.approx(_unit_loss(1.0, 2.0), rel=0.06)


def test_a_world_that_failed_is_left_out() -> None:
    outcomes = _normal(1.0, 2.0, 1.0, draws=400, replicates=2)
    lost = outcomes[~((outcomes["draw"] == 7) & (outcomes["replicate"] == 1))]
    assert len(lost) == len(outcomes) - 2
    found, whole = (value_of_information(each, [0.0]).iloc[0] for each in (lost, outcomes))
    assert found["corrected_eur"] == pytest.approx(whole["corrected_eur"], rel=0.05)
    assert list(strategies(lost)["status"]) == list(strategies(outcomes)["status"])


def test_chance_alone_is_worth_no_research() -> None:
    found = value_of_information(_normal(0.1, 1e-9, 2.0, replicates=2), [0.0]).iloc[0]
    assert found["raw_eur"] > 0.4
    assert found["corrected_eur"] < 0.1


def test_acceptability_is_the_normal_probability_and_adds_up() -> None:
    outcomes = _normal(1.0, 2.0)
    table = acceptability(outcomes, [0.0, 50_000.0])
    assert table.loc[0.0, "new"] == pytest.approx(stats.norm.cdf(0.5), abs=1e-3)
    assert table[["old", "new"]].sum(axis=1).to_numpy() == pytest.approx([1.0, 1.0])
    assert list(table["frontier"]) == ["new", "new"]
    turned = acceptability(outcomes.iloc[::-1], [0.0])
    assert turned.loc[0.0, "new"] == table.loc[0.0, "new"]
    ties = acceptability(_fixed(a=(1, 1), b=(1, 1)), [10.0])
    assert ties.loc[10.0, "a"] == ties.loc[10.0, "b"] == 0.5


def test_net_benefit_is_worth_less_cost() -> None:
    assert net_benefit(_fixed(a=(100, 2.0)), 30.0).to_numpy() == pytest.approx(-40.0)


def test_tables_that_cannot_be_are_refused() -> None:
    good = _outcomes({"a": np.ones((2, 2)), "b": np.ones((2, 2))}, {"a": np.ones((2, 2)), "b": np.ones((2, 2))})
    with pytest.raises(ps.DataError, match="draw 1, replicate 0, arm b"):
        strategies(good[~((good["draw"] == 1) & (good["replicate"] == 0) & (good["arm"] == "b"))])
    with pytest.raises(ps.DataError, match="comes twice"):
        strategies(pd.concat([good, good.head(1)]))
    with pytest.raises(ps.DataError, match="lack columns"):
        strategies(good.drop(columns="cost"))
    with pytest.raises(ps.DataError, match="no outcomes"):
        strategies(good.head(0))
    missing = good.copy()
    missing.loc[0, "cost"] = np.nan
    with pytest.raises(ps.DataError, match="draw 0, replicate 0, arm a"):
        strategies(missing)


def test_the_command_reads_a_study(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from dataclasses import replace

    scenario: Scenario = ps.load_scenario("nl/achterhoek_four_models")
    arms = (scenario.arms[0], scenario.arm("capitation"))
    short = replace(scenario, base_years=1, horizon_years=1, arms=arms, compare_with=("dutch_today",))
    with ThreadPoolExecutor(1) as one:
        study = ps.psa(short, tmp_path / "s", draws=2, sample=1500, executor=one)
    plot = tmp_path / "plane.png"
    text = CliRunner().invoke(app, ["cea", str(study.path), "--plot", str(plot)])
    assert text.exit_code == 0, text.output
    assert "frontier" in text.output
    assert plot.read_bytes().startswith(b"\x89PNG")
    read = json.loads(CliRunner().invoke(app, ["cea", str(study.path), "--willingness", "30000", "--json"]).output)
    assert read["acceptability"]["threshold"] == [30000.0]
    assert {each["arm"] for each in read["strategies"]} == {"dutch_today", "capitation"}
    assert [each["arm"] for each in read["increments"]] == ["capitation"]
    plain = json.loads(CliRunner().invoke(app, ["cea", str(study.path), "--cost", "spending_total", "--json"]).output)
    assert (plain["effect"], read["effect"]) == ("qalys", "qalys_discounted")
    with pytest.raises(ps.DataError, match="not an amount of euro"):
        study.outcomes(cost="qalys")
    endless = CliRunner().invoke(app, ["cea", str(study.path), "--willingness", "inf"])
    assert isinstance(endless.exception, ps.DataError)
    # Life years that an arm adds are counted against the person-years of the arm compared with, as in `compare`.
    table = study.results.set_index(["draw", "replicate", "arm", "measure"])["value"]
    names = ["life_years_per_1000", "spending_per_head"]
    found = measured(study.results, names, "dutch_today", study.path)
    for draw in range(2):
        lived = table[draw, 0, "dutch_today", "person_years"]
        at = (draw, 0, "capitation")
        assert found.loc[at, names[0]] == pytest.approx(1000.0 * table[(*at, "life_years")] / lived, rel=1e-12)
        assert found.loc[at, names[1]] == pytest.approx(table[(*at, "spending_total")] / lived, rel=1e-12)
    assert figure_bytes(study.outcomes(), "dutch_today", "svg").startswith(b"<?xml")
    assert CliRunner().invoke(app, ["cea", str(tmp_path)]).exit_code != 0


def test_increments_are_means_and_quantiles_of_draws() -> None:
    draws = np.arange(101.0)[:, None]
    found = increments(
        _outcomes({"a": 0.0 * draws, "b": draws}, {"a": 0.0 * draws + 1.0, "b": 0.0 * draws + 3.0}), "a"
    ).iloc[0]
    assert found["arm"] == "b"
    assert list(found[["cost", "cost_low", "cost_high"]]) == pytest.approx([50.0, 2.5, 97.5])
    assert list(found[["effect", "effect_low", "effect_high"]]) == pytest.approx([2.0, 2.0, 2.0])
    assert found["icer"] == pytest.approx(25.0)
    assert np.isnan(increments(_fixed(a=(0.0, 1.0), b=(5.0, 1.0)), "a").iloc[0]["icer"])


@pytest.mark.parametrize(
    ("cost", "effect", "against", "icer"),
    [
        (5.0, 2.0, "dearer and better", 5.0),
        (-5.0, 0.0, "cheaper and worse", 5.0),
        (5.0, 0.0, "dominated", None),
        (5.0, 1.0, "dominated", None),
        (0.0, 0.0, "dominated", None),
        (-5.0, 2.0, "dominates", None),
        (-5.0, 1.0, "dominates", None),
        (0.0, 2.0, "dominates", None),
        (0.0, 1.0, "", None),
    ],
)
def test_a_ratio_is_given_where_neither_dominates(cost: float, effect: float, against: str, icer: float | None) -> None:
    found = increments(_fixed(a=(0.0, 1.0), b=(cost, effect)), "a").iloc[0]
    assert found["against"] == against
    assert np.isnan(found["icer"]) if icer is None else found["icer"] == pytest.approx(icer)


# Value of single parameters


def _linear(weights: tuple[float, ...], noise: float, draws: int, seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Net benefit of the new arm is a weighted sum of standard normal parameters, and chance on top of it."""
    rng = np.random.Generator(np.random.PCG64(seed))
    x = rng.standard_normal((draws, len(weights)))
    gain = x @ np.array(weights) + noise * rng.standard_normal(draws)
    zero = np.zeros((draws, 1))
    parameters = pd.DataFrame(x, columns=[f"p.{k}" for k in range(len(weights))])
    return _outcomes({"old": zero, "new": -gain[:, None]}, {"old": zero, "new": zero}), parameters


@pytest.mark.parametrize("noise", [0.0, 2.0, 5.0])
def test_the_value_of_one_parameter_is_the_closed_form_however_large_chance_is(noise: float) -> None:
    outcomes, parameters = _linear((1.0, 0.5, 0.0), noise, 8000)
    found = partial_information(outcomes, parameters, 0.0).set_index("parameter")
    for name, sd in (("p.0", 1.0), ("p.1", 0.5)):
        wanted = _unit_loss(0.0, sd)
        assert abs(found["evppi_eur"][name] - wanted) < 3.0 * found["se_eur"][name] + 0.01, name
    assert found["evppi_eur"]["p.2"] < 0.2 * found["evppi_eur"]["p.1"]
    both = partial_information(outcomes, parameters, 0.0, {"both": ["p.0", "p.1"]})
    assert both["evppi_eur"][0] == pytest.approx(_unit_loss(0.0, 1.25**0.5), abs=3.0 * both["se_eur"][0] + 0.01)


def test_a_parameter_that_does_nothing_is_worth_about_nothing_in_few_draws() -> None:
    """The mean over many parameters without effect, in units of what they seem to be worth uncorrected."""
    outcomes, parameters = _linear((0.0,) * 60, 1.0, 200)
    found = partial_information(outcomes, parameters, 0.0)["evppi_eur"]
    uncorrected = _unit_loss(0.0, (1 / 200) ** 0.5)  # a line through noise
    assert found.mean() < 0.6 * uncorrected
    assert (found == 0.0).mean() > 0.4


def test_what_chance_alone_would_show_is_known() -> None:
    """Of parameters without effect, the highest lies below what shuffled draws show in about 19 of 20 studies."""
    below = []
    for seed in range(20):
        outcomes, parameters = _linear((0.0,) * 8, 1.0, 100, seed)
        highest = partial_information(outcomes, parameters, 0.0)["evppi_eur"].max()
        below.append(highest <= highest_by_chance(outcomes, parameters, 0.0))
    assert sum(below) >= 16
    outcomes, parameters = _linear((1.0, *(0.0,) * 7), 1.0, 100)
    assert partial_information(outcomes, parameters, 0.0)["evppi_eur"].max() > highest_by_chance(
        outcomes, parameters, 0.0
    )


def test_the_value_of_a_curved_function_is_found() -> None:
    """Net benefit is x squared less one of a standard normal x: E max(x^2 - 1, 0) is 2 phi(1)."""
    rng = np.random.Generator(np.random.PCG64(5))
    x = stats.norm.ppf((np.arange(5000) + 0.5) / 5000)
    noise = rng.standard_normal(5000)
    gain = x**2 - 1.0 + noise - noise.mean()
    zero = np.zeros((5000, 1))
    outcomes = _outcomes({"old": zero, "new": -gain[:, None]}, {"old": zero, "new": zero})
    found = partial_information(outcomes, pd.DataFrame({"x": x}), 0.0)
    assert found["evppi_eur"][0] == pytest.approx(2.0 * stats.norm.pdf(1.0), abs=0.02)


def test_the_standard_error_is_that_of_repeated_studies() -> None:
    each = [partial_information(*_linear((1.0,), 1.0, 400, seed), 0.0).iloc[0] for seed in range(40)]
    values, errors = (np.array([float(row[name]) for row in each]) for name in ("evppi_eur", "se_eur"))
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.35)


def test_bad_input_to_the_value_of_parameters_is_refused() -> None:
    outcomes, parameters = _linear((1.0, 1.0), 0.0, 60)
    with pytest.raises(ps.DataError, match="no such parameter"):
        partial_information(outcomes, parameters, 0.0, {"mine": ["q"]})
    with pytest.raises(ps.DataError, match="draws without parameters"):
        partial_information(outcomes, parameters.iloc[:10], 0.0)
    many = pd.DataFrame({f"p.{k}": parameters["p.0"] * (k + 1) + parameters["p.1"] ** k for k in range(30)})
    found = partial_information(outcomes, many, 0.0, {"all": list(many.columns)})
    assert found[["evppi_eur", "se_eur"]].isna().all(axis=None)
    constant = partial_information(outcomes, parameters.assign(c=1.0), 0.0).set_index("parameter")
    assert constant["evppi_eur"]["c"] == 0.0
    few, drawn = _linear((1.0, 1.0), 0.0, LEAST_DRAWS - 1)
    assert partial_information(few, drawn, 0.0)["evppi_eur"].isna().all()
    assert by_prefix(["a.x", "a.y", "b.x"]) == {"a": ["a.x", "a.y"], "b": ["b.x"]}


def test_exports_are_what_other_tools_read(tmp_path: Path) -> None:
    """Draws in one order, an arm a column; BCEA's and hesim's mean net benefit from the files is ours."""
    outcomes, parameters = _linear((1.0, 0.5), 1.0, 30)
    write_exports(tmp_path / "savi", outcomes, parameters.assign(constant=1.0))
    cost, effect, drawn, samples = (
        pd.read_csv(tmp_path / "savi" / f"{name}.csv") for name in ("costs", "effects", "parameters", "samples")
    )
    assert list(cost.columns) == list(effect.columns) == ["old", "new"]
    assert list(drawn.columns) == ["p.0", "p.1"]
    assert len(cost) == len(effect) == len(drawn) == 30
    wanted = net_benefit(outcomes, 100.0)
    assert np.array_equal((100.0 * effect - cost).to_numpy(), wanted.to_numpy())
    assert np.array_equal(drawn.to_numpy(), parameters.to_numpy())
    assert list(samples.columns) == ["sample", "strategy", "grp", "cost", "qalys"]
    long = samples.assign(benefit=100.0 * samples["qalys"] - samples["cost"])
    assert dict(long.groupby("strategy")["benefit"].mean()) == pytest.approx(dict(wanted.mean()))
