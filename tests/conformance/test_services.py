"""Every service of the catalogue keeps the rules; a broken catalogue is refused with its place."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.care.catalogue import FILE, SECTORS, Wages, load_services
from paysim.care.model import STAFF_SERVICES
from paysim.errors import DataError

REQUIRED = (
    *("gp_phone", "gp_consult", "gp_long", "gp_visit", "gp_email"),
    *("nurse_consult", "nurse_mental", "chronic_nurse", "chronic_gp"),
    *("ooh_contact", "ed_visit", "specialist_trajectory", "specialist_follow_up", "elective_admission"),
    *("admission_mi", "admission_stroke", "admission_other", "cardiac_rehabilitation"),
    *("statin_year", "bp_drug_year", "antiplatelet_year", "ezetimibe_year", "pcsk9_year", "inclisiran_year"),
    *("sglt2_year", "glp1_year", "nursing_home_year"),
    *(
        "background_hospital",
        "background_pharmacy",
        "background_mental",
        "background_nursing",
        "background_other",
    ),
    "end_of_life",
)
SERVICES = load_services()
WAGES = Wages(gp_eur=85.0, nurse_eur=45.0, mental_nurse_eur=45.0, assistant_eur=32.0)


def test_the_catalogue_has_the_services_the_model_claims():
    assert SERVICES.names == REQUIRED


def test_every_sector_has_a_service():
    assert set(SERVICES.sectors) == set(SECTORS)


@pytest.mark.parametrize("name", SERVICES.names)
def test_a_service_has_a_cost_a_price_and_sources(name):
    k = SERVICES.index(name)
    assert SERVICES.resource_cost(WAGES)[k] > 0.0
    assert SERVICES.reference_price_eur[k] > 0.0
    assert SERVICES.titles[k]
    rows = [row for row in SERVICES.parameters().frame() if row["name"].startswith(f"services.{name}.")]
    assert rows
    for row in rows:
        assert row["source"], row
        assert row["status"] in {"found", "derived", "recalled", "assumed"}, row
        assert row["low"] <= row["value"] <= row["high"], row


@pytest.mark.parametrize("name", STAFF_SERVICES)
def test_a_contact_takes_time_and_costs_less_than_a_hospital_visit(name):
    k = SERVICES.index(name)
    assert np.isnan(SERVICES.given_cost_eur[k])
    minutes = SERVICES.minutes[k]
    assert 3.0 <= minutes[:3].max() <= 45.0
    assert SERVICES.resource_cost(WAGES)[k] == pytest.approx(
        minutes @ [85 / 60, 45 / 60, 45 / 60, 32 / 60] + SERVICES.material_eur[k]
    )
    assert SERVICES.resource_cost(WAGES)[k] < 60.0


def test_a_euro_of_background_is_a_euro():
    euros = [k for k, unit in enumerate(SERVICES.units) if unit == "euro"]
    assert len(euros) == 6
    assert (SERVICES.reference_price_eur[euros] == 1.0).all()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sector: out_of_hours", "sector: out_of_hour", "did you mean 'out_of_hours'"),
        ("  - name: gp_visit", "  - name: gp_long", "comes twice"),
        ("price: {eur: 7031", "price: {eur: 17031", "outside its range"),
        ("price: {eur: 7031", "price: {eur: -1", "price.eur"),
        ("minutes: {gp: 25", "minutes: {gp: 90", "outside their range"),
        ("title: Home visit", "titel: Home visit", "did you mean 'title'"),
        ("    resource: {eur: 110, range: [80, 150]", "    cost: {eur: 110, range: [80, 150]", "unknown key"),
        ("within: specialist_trajectory", "within: specialist_trajectry", "did you mean 'specialist_trajectory'"),
        ("schema: 1", "schema: 2", "schema"),
    ],
)
def test_a_broken_catalogue_names_the_place(tmp_path, old, new, words):
    path = tmp_path / "services.yaml"
    text = FILE.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError) as caught:
        load_services(path)
    assert words in str(caught.value)
    assert f"{path}:" in str(caught.value)


def test_a_service_without_a_cost_is_refused(tmp_path):
    path = tmp_path / "services.yaml"
    lines = [line for line in FILE.read_text().splitlines() if "resource: {eur: 110," not in line]
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match="either minutes or a resource cost"):
        load_services(path)


def test_an_unknown_service_names_the_nearest():
    with pytest.raises(DataError, match="did you mean 'gp_consult'"):
        SERVICES.index("gp_consults")
