"""Terms as fields and back: complete, with bounds of the schema, and what is not touched stays as it was."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace

import pytest

from paysim.analysis.incentives import ground, ground_key, incentive_map, incentives_on, payments_on
from paysim.contracts.terms import component_kinds, contract_schema, read_contract
from paysim.errors import ScenarioError
from paysim.parameters import PriceLevel
from paysim.reading import yaml_text
from paysim.scenario import load_scenario
from paysim.web import library, previewer, terms
from paysim.web.preview import Preview
from paysim.web.written import checked

MIXED = "nl/achterhoek_four_models:mixed"
RATE = "0/components/0/rate_eur_per_person_year"
PRICE = "0/components/1/schedule/1/price_eur"
BUNDLE = "0/components/2/bundles/0/eur_per_programme_year"


def mixed():
    return library.way(MIXED).data


def by_key(arm):
    return {term.key: term for each in terms.contracts(arm) for part in each.components for term in part.terms}


def test_the_schema_tells_the_unit_of_every_amount():
    schema = contract_schema()["$defs"]
    for kind in component_kinds().values():
        told = {name for name, about in schema[kind.__name__]["properties"].items() if "unit" in about}
        assert told == {each.name for each in fields(kind) if "unit" in each.metadata}


def test_fields_have_the_values_units_and_sources_of_the_file():
    found = by_key(mixed())
    amounts = {each.name: each for each in read_contract("nl/gp_mixed").amounts}
    rate = amounts["contracts.gp_mixed.capitation.rate_eur_per_person_year"]
    assert (found[RATE].value, found[RATE].unit, found[RATE].status) == (rate.value, rate.unit, rate.status)
    assert "Vektis" in found[RATE].source
    assert found[BUNDLE].range == (410.6, 610.0)
    assert found[BUNDLE].label == "diabetes"
    assert found[PRICE].label == "GP consult"
    assert found["0/components/0/share"].value == 0.5
    assert (found["0/components/0/share"].low, found["0/components/0/share"].high) == (0.0, 1.0)


@pytest.mark.parametrize("way", [way.id for shelf in library.shelves() for way in shelf.ways][::3])
def test_every_amount_of_every_way_is_a_field_and_writing_it_changes_nothing(way):
    """All amounts written out as they are make the same components."""
    arm = library.way(way).data
    found = by_key(arm)
    for term in found.values():
        assert term.slider[0] <= term.value <= term.slider[1]
        assert term.step > 0
    made, said = terms.changed(arm, {key: repr(term.value) for key, term in found.items()})
    assert (made, said) == (arm, {})
    written = {"contracts": [terms._written(item) for item in arm["contracts"]]}
    for key, term in found.items():
        terms._put(written, key, term.value)
    for item, before in zip(written["contracts"], arm["contracts"], strict=True):
        if isinstance(before, str):
            assert read_contract(item).components == read_contract(before).components
            amounts = {each.name for each in read_contract(before).amounts}
            here = [key for key in found if key.startswith(f"{arm['contracts'].index(before)}/")]
            assert len(here) >= len(amounts)


IN_PART = [
    way.id for shelf in library.shelves() for way in shelf.ways if any("use" in each for each in way.data["contracts"])
]


@pytest.mark.parametrize("way", IN_PART)
def test_a_contract_used_in_part_can_be_changed_in_that_part(way):
    """Written out it is the contract that the scenario reads; an amount that is changed changes nothing else."""
    scenario, _, name = way.partition(":")
    whole = load_scenario(scenario)
    arm, read = library.way(way).data, whole.arm(name).contracts
    prices = PriceLevel("NL", whole.price_year)
    for item, used in zip(arm["contracts"], read, strict=True):
        if not isinstance(item, str) and "use" in item:
            written = read_contract(terms._written(item), prices=prices)
            assert (written.scope, [part.name for part in written.components]) == (
                used.scope,
                [part.name for part in used.components],
            )
            for made, before in zip(written.components, used.components, strict=True):
                assert (made.terms, made.share) == (before.terms, before.share)
                assert (made.from_year, made.until_year) == (before.from_year, before.until_year)
                assert made.share_by_year == before.share_by_year
    found = by_key(arm)
    key = next(key for key, term in found.items() if "use" in arm["contracts"][int(key.split("/")[0])])
    made, said = terms.changed(arm, {key: repr(found[key].value / 2)})
    assert list(said) == [key]
    assert by_key(made)[key].value == found[key].value / 2
    assert {k: t.value for k, t in by_key(made).items() if k != key} == {
        k: t.value for k, t in found.items() if k != key
    }


def test_one_amount_is_changed_and_all_others_stay():
    made, said = terms.changed(mixed(), {PRICE: "60", RATE: "270.8"})
    assert list(said) == [PRICE]
    assert "34.53 -> 60" in said[PRICE]
    before, after = read_contract("nl/gp_mixed"), read_contract(made["contracts"][0])
    assert after.components[0] == before.components[0]
    assert after.components[2] == before.components[2]
    prices = {row.service: row.price_eur for row in after.components[1].terms.schedule}
    assert prices == {row.service: row.price_eur for row in before.components[1].terms.schedule} | {"gp_consult": 60.0}
    status = {each.name: each.status for each in after.amounts}
    assert status["contracts.gp_mixed.fee_for_service.schedule.gp_consult.price_eur"] == "scenario"
    assert made["contracts"][1:] == mixed()["contracts"][1:]


def test_a_number_may_have_a_decimal_comma():
    made, _ = terms.changed(mixed(), {RATE: "300,5"})
    assert read_contract(made["contracts"][0]).components[0].terms.rate_eur_per_person_year == 300.5


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-1", "1e400", "1.2.3", "<script>", "1e13"])
def test_a_number_that_cannot_be_is_refused(text):
    with pytest.raises(ScenarioError, match="out of bounds"):
        terms.changed(mixed(), {RATE: text})


def test_a_share_is_at_most_one():
    with pytest.raises(ScenarioError, match="at most 1"):
        terms.changed(mixed(), {"0/components/0/share": "1.5"})


def test_other_keys_change_nothing():
    keys = ["0/components/0/name", "9/components/0/share", "0/components/0/../share", "/", "__class__/x"]
    assert terms.changed(mixed(), dict.fromkeys(keys, "1")) == (mixed(), {})


@pytest.mark.parametrize("neutral", [True, False])
@pytest.mark.parametrize("way", [MIXED, "nl/achterhoek_four_models:dutch_today", "be/middenkempen_gp_payment:new_deal"])
def test_changed_terms_stand_beside_those_written_and_today(tmp_path, way, neutral):
    chosen = library.way(way)
    region = "achterhoek" if chosen.country == "NL" else "gent"
    made, _ = library.varied(region, chosen, 2, {"0/components/0/share": "0.5"}, neutral=neutral)
    loaded = checked(yaml_text(made).encode(), tmp_path)
    assert len(loaded.arms) == (2 if chosen.is_current else 3)
    assert loaded.arms[0].name == loaded.current
    last = loaded.arms[-1]
    assert last.name.endswith("_changed")
    assert (last.budget_neutral_to is not None) == neutral
    assert last.behaviour.name == "profit_altruism"
    assert last.contracts[0].components[0].share == 0.5


@pytest.fixture(scope="module")
def looked():
    scenario = load_scenario("nl/achterhoek_four_models")
    return scenario, ground(scenario, 1_500)


def test_a_kept_base_year_gives_what_a_new_one_does(looked):
    scenario, kept = looked
    assert incentives_on(kept, scenario, every_actor=True).equals(incentive_map(scenario, 1_500))
    made, _ = library.varied("achterhoek", library.way(MIXED), 10, {RATE: "400"}, neutral=True)
    assert ground_key(scenario, 1_500) != ground_key(replace(scenario, seed=2), 1_500)
    assert ground_key(scenario, 1_500) != ground_key(scenario, 1_501)
    assert made["seed"] == scenario.seed


def test_changed_terms_of_another_arm_stand_on_the_same_ground(tmp_path):
    pair = []
    for value in ("200", "400"):
        made, _ = library.varied("achterhoek", library.way(MIXED), 10, {RATE: value}, neutral=True)
        pair.append(checked(yaml_text(made).encode(), tmp_path))
    assert ground_key(pair[0]) == ground_key(pair[1])
    today, _ = library.varied("gelderse_vallei", library.way(MIXED), 10, {}, neutral=True)
    assert ground_key(checked(yaml_text(today).encode(), tmp_path)) != ground_key(pair[0])


def test_payments_before_a_response_are_neutral(looked):
    rows = {row["arm"]: row for row in payments_on(looked[1], looked[0])}
    today = rows["dutch_today"]
    assert today["factor"] == 1.0
    assert 150 < today["eur_per_head"] < 400
    for row in rows.values():
        assert row["eur_per_head"] == pytest.approx(today["eur_per_head"], rel=1e-6)


def test_terms_that_look_back_are_paid_on_the_base_years_that_they_need(tmp_path):
    made, _ = library.varied("achterhoek", library.way("nl/achterhoek_plot:full_risk"), 1, {}, neutral=False)
    scenario = checked(yaml_text(made).encode(), tmp_path)
    kept = ground(scenario, 1_000)
    assert len(kept.base.years) == max(part.base_years_needed for part in _parts(scenario))
    paid = {row["arm"]: row["eur_per_head"] for row in payments_on(kept, scenario)}
    assert paid["full_risk"] == paid["full_risk_changed"]
    assert paid["full_risk"] > 0


def _parts(scenario):
    return [part for arm in scenario.arms for contract in arm.contracts for part in contract.components]


def test_the_previewer_answers_and_keeps_its_ground(tmp_path, monkeypatch):
    made, _ = library.varied("achterhoek", library.way(MIXED), 1, {RATE: "400"}, neutral=False)
    file = tmp_path / "scenario.yaml"
    file.write_text(yaml_text(made), "utf-8")
    kept = {}
    first = previewer.answer({"scenario": str(file), "sample": 1_500}, kept)
    monkeypatch.setattr("paysim.analysis.incentives.ground", None)  # a second one would be simulated with it
    assert previewer.answer({"scenario": str(file), "sample": 1_500}, kept) == first
    assert json.loads(json.dumps(first)) == first
    paid = {row["arm"]: row["eur_per_head"] for row in first["paid"]}
    assert paid["mixed_changed"] > paid["mixed"]  # not neutral, and a higher rate
    file.write_text("schema: 1\nnam: x\n", "utf-8")
    assert "unknown key" in previewer.answer({"scenario": str(file), "sample": 1_500}, kept)["problem"]


def test_a_preview_that_dies_is_started_again(settings, monkeypatch):
    from paysim.web import child

    real = child.subprocess.Popen
    scripts = ["pass", "import sys, json; [print(json.dumps({'rows': [], 'paid': []}), flush=True) for _ in sys.stdin]"]

    def start(command, **options):
        return real([command[0], "-c", scripts.pop(0)], **options)

    monkeypatch.setattr(child.subprocess, "Popen", start)
    asked = Preview(settings)
    assert asked.ask(b"x") == {"rows": [], "paid": []}
    assert not list(settings.own.iterdir())
    asked.stop()


def test_the_page_shows_fields_and_a_preview(client, monkeypatch):
    text = client.get("/terms", params={"way": MIXED, RATE: "333"}).text
    assert 'value="333"' in text
    assert "EUR per person-year" in text
    assert client.get("/terms?way=nothing").status_code == 422
    row = {
        "lever": "prevention", "segment": "diabetes", "unit": "EUR per control", "margin_eur": -3.0, "predicted_response": -0.2,
    }  # fmt: skip
    arms = ("dutch_today", "mixed", "mixed_changed")
    answer = {
        "rows": [{**row, "arm": arm} for arm in arms],
        "paid": [{"arm": arm, "factor": 1.0, "eur_per_head": 200.0} for arm in arms],
    }
    asked = []
    monkeypatch.setattr(Preview, "ask", lambda self, written: asked.append(written) or answer)
    form = {"way": MIXED, "region": "achterhoek", "neutral": "yes", RATE: "333", "years": "2", "size": "quick"}
    shown = client.post("/terms/preview", data=form, headers={"hx-request": "true"})
    assert "270.8 -&gt; 333" in shown.text
    assert b"rate_eur_per_person_year: 333.0" in asked[0]
    assert "<html" not in shown.text
    link = re.search(r'href="(/terms[^"]*)"', shown.text)[1].replace("&amp;", "&")
    assert 'value="333"' in client.get(link).text
    file = client.post("/terms/file", data=form)
    assert "attachment" in file.headers["content-disposition"]
    assert "333.0" in file.text
    bad = client.post("/terms/preview", data=form | {RATE: "-1"}, headers={"hx-request": "true"})
    assert bad.status_code == 422
    assert 'role="alert"' in bad.text


def test_changed_terms_are_run_and_said(client, settings, monkeypatch):
    monkeypatch.setattr("paysim.web.jobs.Jobs._launch", lambda self, job: False)
    form = {"way": MIXED, "region": "achterhoek", RATE: "333", "years": "2", "size": "full"}
    where = client.post("/terms/run", data=form).headers["location"]
    job = json.loads((settings.own / where.rpartition("/")[2] / "job.json").read_text())
    assert job["sample"] is None
    assert "333" in job["notes"][0]
