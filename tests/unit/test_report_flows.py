"""Flows of money are those of the contracts, and are drawn."""

from paysim.contracts.terms import read_contract
from paysim.report.drawing import save
from paysim.report.flows import Flow, draw_flows, flows
from paysim.scenario import load_scenario


def arm(scenario, name):
    return load_scenario(scenario).arm(name).contracts


def test_who_pays_whom_is_read_from_the_contracts():
    found = flows(arm("nl/achterhoek_four_models", "dutch_today"))
    assert found[0] == Flow(
        "insurers", "practices", ("registration_fee", "fee_for_service", "chronic_bundle", "segment_3_and_rest")
    )
    assert Flow("patients", "insurers", ("deductible",)) in found
    assert Flow("insurers", "hospital", ("tariff",)) in found


def test_an_organisation_receives_and_pays():
    pairs = {(flow.payer, flow.payee) for flow in flows(arm("nl/achterhoek_plot", "full_risk"))}
    assert {("insurers", "integrator"), ("integrator", "practices")} <= pairs


def test_what_is_not_in_force_does_not_flow():
    contract = read_contract(
        {
            "name": "later",
            "payer": "insurers",
            "providers": "practices",
            "components": [
                {"kind": "salary", "gp_eur_per_fte_year": 100_000},
                {"kind": "infrastructure_grant", "eur_per_person_year": 5, "from_year": 2},
            ],
        }
    )
    assert flows([contract], year=1) == [Flow("insurers", "practices", ("salary",))]
    assert flows([contract], year=2) == [Flow("insurers", "practices", ("salary", "infrastructure_grant"))]


def test_drawing_is_the_same_each_time_and_names_all(tmp_path):
    contracts = arm("us/middenkempen_convener", "equity")
    figure = draw_flows(contracts, "A title")
    assert save(figure, "png") == save(draw_flows(contracts, "A title"), "png")
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"A title", "insurers", "integrator", "investor", "shared savings"} <= texts
