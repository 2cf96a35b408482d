"""Prices of different years brought to one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import paysim as ps
from paysim.care.catalogue import load_services
from paysim.contracts.terms import read_contract
from paysim.engine.model import load_parameters
from paysim.errors import DataError, ScenarioError
from paysim.parameters import Parameter, Parameters, PriceLevel, price_years
from paysim.scenario import load_scenario

GOLDEN = Path("tests/golden/small.yaml")


def test_factor_is_the_ratio_of_the_table() -> None:
    level = PriceLevel("NL", 2023)
    assert level.factor(2023) == 1.0
    assert level.factor(2019) == pytest.approx(126.1 / 106.1, rel=1e-12)
    assert level.factor(2019) * PriceLevel("NL", 2019).factor(2023) == pytest.approx(1.0, rel=1e-12)
    assert PriceLevel("BE", 2023).factor(2019) == pytest.approx(126.8 / 107.8, rel=1e-12)


def test_two_steps_are_one() -> None:
    by_way = PriceLevel("NL", 2018).factor(2014) * PriceLevel("NL", 2023).factor(2018)
    assert by_way == pytest.approx(PriceLevel("NL", 2023).factor(2014), rel=1e-12)


@pytest.mark.parametrize("year", [1990, 2099])
def test_year_without_prices_is_refused(year: int) -> None:
    years = price_years("NL")
    with pytest.raises(DataError, match=f"{years[0]} to {years[-1]}"):
        PriceLevel("NL", year)


def test_parameters_move_only_if_they_are_euros_of_a_year() -> None:
    def row(name: str, unit: str, value: object) -> Parameter:
        return Parameter(f"g.{name}", value, unit, 1.0, 4.0, None, "test", "assumed")  # type: ignore[arg-type]

    rows = [row("wage", "EUR 2019 per hour", 2.0), row("minutes", "minutes", 2.0)]
    rows += [row("list", "EUR 2019", (1.0, 3.0)), row("text", "EUR 2019", "none"), row("volume", "EUR of 2019", 2.0)]
    moved, factor = Parameters(rows).priced(PriceLevel("NL", 2023)), 126.1 / 106.1
    assert moved["g.wage"] == pytest.approx(2.0 * factor)
    assert moved.row("g.wage").unit == "EUR 2023 per hour"
    assert (moved.row("g.wage").low, moved.row("g.wage").high) == pytest.approx((factor, 4.0 * factor))
    assert "by consumer prices" in moved.row("g.wage").source
    assert moved.get_list("g.list") == pytest.approx((factor, 3.0 * factor))
    assert (moved["g.minutes"], moved["g.volume"], moved.get_text("g.text")) == (2.0, 2.0, "none")


def test_services_move_in_price_and_not_in_minutes() -> None:
    services = load_services()
    moved, factor = services.priced(PriceLevel("NL", 2019)), 106.1 / 126.1
    np.testing.assert_allclose(moved.reference_price_eur, services.reference_price_eur * factor, rtol=1e-12)
    np.testing.assert_array_equal(moved.minutes, services.minutes)
    units = {row["unit"] for row in moved.rows}
    assert "EUR 2019 per contact" in units
    assert not any(unit.startswith("EUR 2023") for unit in units)


def contract(price: object) -> dict[str, object]:
    part = {"kind": "fee_for_service", "schedule": [{"service": "gp_consult", "price_eur": price}]}
    return {"name": "fees", "payer": "insurers", "providers": "practices", "components": [part]}


def price_of(given: object, prices: PriceLevel | None) -> float:
    terms = read_contract(contract(given), prices=prices).components[0].terms
    return float(terms.prices_eur(("gp_consult",))[0])


def test_amounts_of_a_contract_are_brought_to_the_price_year() -> None:
    amount = {"value": 10.0, "year": 2019, "source": "test", "status": "found"}
    assert price_of(amount, PriceLevel("NL", 2023)) == pytest.approx(10.0 * 126.1 / 106.1, rel=1e-12)
    assert price_of(amount, None) == 10.0  # worked cases stand as they are written
    assert price_of(10.0, PriceLevel("NL", 2023)) == 10.0  # no year: in prices of the scenario's year
    kept = read_contract(contract(amount), prices=PriceLevel("NL", 2023)).amounts
    assert [(each.value, each.source) for each in kept] == [
        (pytest.approx(10.0 * 126.1 / 106.1), "test (2019); x 1.189 by consumer prices")
    ]


def test_shares_with_a_year_do_not_move() -> None:
    amount = {"value": 0.5, "year": 2015, "source": "test", "status": "found"}
    part = {"kind": "shared_savings", "sharing_rate": amount}
    given = {"name": "savings", "payer": "insurers", "providers": "practices", "components": [part]}
    terms = read_contract(given, prices=PriceLevel("NL", 2023)).components[0].terms
    assert terms.sharing_rate == 0.5  # type: ignore[attr-defined]


def test_amount_of_a_year_without_prices_is_refused_at_its_line() -> None:
    amount = {"value": 10.0, "year": 1985, "source": "test", "status": "found"}
    with pytest.raises(ScenarioError, match=r"no consumer prices of this year.*1985") as caught:
        read_contract(contract(amount), prices=PriceLevel("NL", 2023))
    assert caught.value.problems[0].key == "components[0].schedule[0].price_eur.year"


def test_price_year_of_a_scenario_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(GOLDEN.read_text().replace("price_year: 2023", "price_year: 2050"))
    with pytest.raises(ScenarioError, match=r"s.yaml:9.*no consumer prices of NL in this year.*2012 to 2024"):
        load_scenario(path)


@pytest.mark.slow
def test_all_euros_of_a_run_move_with_the_price_year_and_nothing_else(tmp_path: Path) -> None:
    text = GOLDEN.read_text().replace("rate_eur_per_person_year: 220", "rate_eur_per_person_year: {value: 220, ")
    text = text.replace("{value: 220, ", '{value: 220, year: 2023, source: "test", status: found}')
    text = text.replace(", nl/deductible", "").replace("      - nl/deductible\n", "")  # set by law, whatever prices do
    runs = {}
    for year in (2023, 2018):
        path = tmp_path / f"prices_{year}.yaml"
        path.write_text(text.replace("price_year: 2023", f"price_year: {year}"))
        runs[year] = ps.simulate(load_scenario(path), sample=3000, out=tmp_path / str(year))
    keys = ["arm", "replicate", "measure", "dimension", "group", "period"]
    both = runs[2023].results.merge(runs[2018].results, on=keys, suffixes=("", "_2018"), validate="one_to_one")
    assert len(both) == len(runs[2023].results) == len(runs[2018].results)
    factor = PriceLevel("NL", 2018).factor(2023)
    both = both[~both["measure"].str.startswith("payments_above_")]  # above a fixed sum of euros, whatever prices do
    euros = both["unit"].str.startswith("EUR")
    ratio = both["value_2018"] - both["value"] * np.where(euros, factor, 1.0)
    # The practice adds to cents, so that a ledger of other prices rounds at other places.
    assert (ratio.abs() <= 1e-6 * both["value"].abs() + np.where(euros, 5.0, 1e-9)).all(), both[ratio.abs() > 5.0]
    assert (both.loc[euros, "value"] != 0.0).any()


def test_price_level_is_the_regions(tmp_path: Path) -> None:
    scenario = load_scenario("be/middenkempen_gp_payment")
    parameters, region = load_parameters(replace(scenario, price_year=2019))
    assert region.country == "BE"
    low = load_parameters(scenario)[0]
    name = "care.gp_labour_eur_per_fte"
    assert parameters[name] == pytest.approx(low[name] * 107.8 / 126.8)
