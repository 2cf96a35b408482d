"""First-order indices against the closed form of Ishigami's function, with chance, and of nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import paysim as ps
from paysim.analysis.sobol import chance_share, first_order, highest_by_chance
from paysim.cli.app import run as command

A, B = 7.0, 0.1


def _ishigami(draws: int, noise: float, replicates: int = 1, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.Generator(np.random.PCG64(seed))
    x = rng.uniform(-np.pi, np.pi, (draws, 4))  # the fourth does nothing
    y = np.sin(x[:, 0]) + A * np.sin(x[:, 1]) ** 2 + B * x[:, 2] ** 4 * np.sin(x[:, 0])
    cells = y[:, None] + noise * rng.standard_normal((draws, replicates))
    draw, replicate = np.indices(cells.shape)
    values = pd.DataFrame({"draw": draw.ravel(), "replicate": replicate.ravel(), "value": cells.ravel()})
    return values, pd.DataFrame(x, columns=["x1", "x2", "x3", "nothing"])


def _closed_form() -> tuple[dict[str, float], float]:
    """Ishigami and Homma 1990: indices of x1 and x2 alone, and the variance."""
    first = 0.5 * (1.0 + B * np.pi**4 / 5.0) ** 2
    second = A**2 / 8.0
    variance = 0.5 + second + B * np.pi**4 / 5.0 + B**2 * np.pi**8 / 18.0
    return {"x1": first / variance, "x2": second / variance, "x3": 0.0, "nothing": 0.0}, variance


def test_indices_of_ishigami_are_the_closed_form() -> None:
    wanted, _ = _closed_form()
    assert wanted["x1"] == pytest.approx(0.3139, abs=1e-4)
    assert wanted["x2"] == pytest.approx(0.4424, abs=1e-4)
    found = first_order(*_ishigami(8000, 0.0)).set_index("parameter")
    for name, index in wanted.items():
        assert abs(found["index"][name] - index) < 3.0 * found["se"][name] + 0.02, name


@pytest.mark.slow
def test_chance_lowers_all_indices_alike_and_is_told_apart() -> None:
    wanted, variance = _closed_form()
    noise = variance**0.5  # of one replicate; two halve it
    values, parameters = _ishigami(8000, noise, replicates=2)
    found = first_order(values, parameters).set_index("parameter")
    assert found["index"]["x2"] == pytest.approx(wanted["x2"] / 1.5, abs=0.03)
    assert chance_share(values) == pytest.approx(1.0 / 3.0, abs=0.02)
    assert np.isnan(chance_share(_ishigami(50, 1.0)[0]))


def test_what_does_nothing_is_below_what_chance_shows() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    draws = pd.DataFrame({"draw": np.arange(100), "replicate": 0, "value": rng.standard_normal(100)})
    parameters = pd.DataFrame(rng.standard_normal((100, 30)))
    highest = highest_by_chance(draws, parameters)
    assert 0.0 < highest < 0.5
    values, of_ishigami = _ishigami(300, 0.0)
    assert first_order(values, of_ishigami)["index"][0] > highest_by_chance(values, of_ishigami)


def test_few_draws_say_nothing() -> None:
    values, parameters = _ishigami(49, 0.0)
    with pytest.raises(ps.DataError, match="50 draws"):
        first_order(values, parameters)
    with pytest.raises(ps.DataError, match="without parameters"):
        first_order(_ishigami(60, 0.0)[0], parameters)
    assert command(["sobol", "nowhere"]) == 2
