"""Targets against results: how comparisons are made, printed and drawn."""

import numpy as np
import pandas as pd
import pytest

from paysim.cli.app import run
from paysim.cli.population import summary
from paysim.diseases.health import health_parameters
from paysim.population import describe, load_region, synthesize
from paysim.population.comparison import share
from paysim.population.joint import all_traits, body_mass, comorbidity, education_gradients
from paysim.population.tally import tally
from paysim.report.drawing import save
from paysim.report.population import draw_margins


@pytest.fixture(scope="module")
def region():
    return load_region("oostkust")


@pytest.fixture(scope="module")
def population(region):
    return synthesize(region, seed=4, sample=25_000)


@pytest.fixture(scope="module")
def frame(region, population):
    return describe(population, region)


def test_errors_of_shares_are_binomial():
    who, trait = np.ones(400, dtype=bool), np.arange(400) < 120
    (row,) = share("m", "g", 0.5, who, trait)
    assert (row.target, row.result) == (0.5, 0.3)
    assert row.standard_error == pytest.approx(0.025)
    (row,) = share("m", "g", 0.5, who, trait, "derived")
    assert row.standard_error == pytest.approx(np.sqrt(0.3 * 0.7 / 400))
    assert list(share("m", "g", 0.5, ~who, trait)) == []


def test_every_part_of_the_joint_structure_is_compared(frame):
    margins = set(frame.margin)
    for wanted in (
        "persons by age", "education low", "smoking", "ex-smoking among those who do not smoke", "moderate overweight",
        "obesity", "overweight, national level", "insurer", "deprived", "preferential", "correlation within sex and age",
        "comorbidity, national level", "comorbidity, against others of the same sex and age", "disease by education",
        "shift of a risk factor within sex and age", "diabetes", "heart failure", "heart failure, published",
        "COPD, published", "dementia", "coronary heart disease, published", "cancer (within 10 years), published",
    ):  # fmt: skip
        assert wanted in margins, wanted
    assert frame[frame.role == "derived"].z.isna().all()
    assert (frame[frame.role == "derived"].standard_error > 0).any()


def test_body_mass_is_that_of_the_engine(population):
    parameters = health_parameters("BE")
    bmi = body_mass(population, parameters)
    traits = all_traits(population, parameters)
    assert np.array_equal(traits["overweight"], traits["moderate_overweight"] | traits["obesity"])
    assert not (traits["moderate_overweight"] & traits["obesity"]).any()
    assert 5 < bmi[population.age >= 20].min() < bmi.max() < 80
    assert traits["chd"].sum() >= traits["prior_mi"].sum()
    assert (traits["cvd"] >= traits["ascvd"]).all()


def test_comorbidity_is_against_others_of_the_same_sex_and_age(population):
    """Of a trait that only age decides, people with and without a disease have the same share."""
    traits = dict(all_traits(population, health_parameters("BE")))
    for name in ("pad", "heart_failure", "ckd", "prior_stroke", "copd", "depression", "dementia", "cancer"):
        traits[name] = population.completed_age >= 70
    rows = [row for row in comorbidity(population, traits) if row.group.startswith("peripheral")]
    assert rows[0].target == pytest.approx(rows[0].result)


def test_odds_ratios_within_sex_and_age_are_found_again(population, region):
    """Independent of age, whose share of low education differs much: the pooled odds ratio is the one put in."""
    traits = dict(all_traits(population, health_parameters("BE")))
    age = population.completed_age
    odds = np.exp(-3 + 0.03 * age) * np.where(population.education == 0, 2.5, 1.0)
    draws = np.modf((population.person * 0.6180339887) % 1)[0]
    traits["diabetes"] = draws < odds / (1 + odds)
    (row,) = (row for row in education_gradients(population, region, traits) if row.group.startswith("diabetes"))
    assert row.result == pytest.approx(np.log(2.5), abs=4 * row.standard_error)
    assert 0.01 < row.standard_error < 0.1


def test_the_figure_is_the_same_for_the_same_people(frame, population, region):
    few = frame[frame.margin.isin(["smoking", "obesity"])]
    first, second = (save(draw_margins(few, "Oostkust"), "svg") for _ in range(2))
    assert first == second
    figure = draw_margins(frame, "Oostkust")
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert "smoking" in titles
    assert "diabetes, published" not in titles  # it is in the panel of the disease
    assert "diabetes" in titles
    assert "cancer (within 10 years), published" in titles
    for ax in figure.axes:
        place = ax.get_position()
        assert 0 <= place.x0 < place.x1 <= 1
        assert 0 <= place.y0 < place.y1 <= 1


def test_the_figure_marks_targets_and_results():
    rows = [("a", f"g{i}", "proportion", 0.1 * i, 0.1 * i + 0.01, 0.01, 0.02, 0.5, "fitted") for i in range(3)]
    names = ["margin", "group", "unit", "target", "result", "difference", "standard_error", "z", "role"]
    (ax,) = draw_margins(pd.DataFrame(rows, columns=names), "x").axes
    dots, diamonds = (line.get_xdata() for line in ax.lines if line.get_marker() in ("o", "D"))
    assert dots == pytest.approx([0.01, 0.11, 0.21])
    assert diamonds == pytest.approx([0.0, 0.1, 0.2])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["g0", "g1", "g2"]


def test_the_figure_crosses_what_is_not_imposed():
    roles = ("fitted", "derived", "assumed")
    rows = [("a", role, "proportion", 0.1 * i, 0.5, 0.0, 0.02, 0.5, role) for i, role in enumerate(roles, 1)]
    names = ["margin", "group", "unit", "target", "result", "difference", "standard_error", "z", "role"]
    figure = draw_margins(pd.DataFrame(rows, columns=names), "x")
    (ax,) = figure.axes
    diamonds, crosses = (line.get_xdata() for line in ax.lines if line.get_marker() in ("D", "x"))
    assert diamonds == pytest.approx([0.1, np.nan, 0.3], nan_ok=True)
    assert crosses == pytest.approx([np.nan, 0.2, np.nan], nan_ok=True)
    assert "Cross: published or expected, not imposed." in figure.get_suptitle()
    imposed = draw_margins(pd.DataFrame([rows[0], rows[2]], columns=names), "x")
    assert "Cross" not in imposed.get_suptitle()


def test_what_is_not_imposed_is_counted_by_itself():
    def row(margin, group, difference, error, role="derived"):
        z = float("nan") if role == "derived" else difference / error
        return {
            "margin": margin,
            "group": group,
            "target": 0.2,
            "difference": difference,
            "standard_error": error,
            "z": z,
            "role": role,
        }

    rows = [
        row("COPD, published", "M 50-59", 0.009, 0.001),  # within 5% of 0.2
        row("COPD, published", "M 60-69", 0.03, 0.02),  # within two standard errors
        row("COPD, published", "M 70-79", 0.03, 0.001),
        row("comorbidity, national level", "cvd in diabetes, at least", 0.1, 0.001),
        row("two or more, national level", "all ages, at most", 0.1, 0.001),
        row("comorbidity, against others of the same sex and age", "a in b", 0.1, 0.001),
        row("smoking", "M 50-59", 0.01, 0.01, "fitted"),
        row("smoking", "F 50-59", 0.03, 0.01, "fitted"),
    ]
    found = {each.kind: (each.margins, each.met) for each in tally(rows)}
    assert found == {
        "imposed, drawn": (2, 1),
        "compared, published level": (5, 3),
        "compared, among the people themselves": (1, None),
    }
    lines = summary(rows)
    assert "not imposed: 3 of 5 published levels within 5%, 1.96 standard errors, or a bound" in lines
    assert "not imposed: 1 comparisons of people with others among them" in lines


def test_a_figure_of_an_unknown_kind_is_refused_first(tmp_path, capsys):
    assert run(["population", "describe", "oostkust", "--plot", str(tmp_path / "x.pdf")]) == 2
    assert "unknown kind of file; found '.pdf'; allowed: .png, .svg" in capsys.readouterr().err
    assert run(["population", "describe", "oostkust", "--plot", str(tmp_path / "no" / "x.svg")]) == 2


@pytest.mark.slow
def test_the_command_draws(tmp_path, capsys):
    figure = tmp_path / "margins.png"
    assert run(["population", "describe", "oostkust", "--plot", str(figure)]) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    assert f"figure: {figure}" in shown
    assert "not imposed, farthest from their targets:" in shown
