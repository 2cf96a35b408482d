"""Whatever the model itself says in the app has words in Dutch and French; what lacks them fails here."""

from __future__ import annotations

import copy
import csv
from dataclasses import fields, replace
from string import Formatter
from types import SimpleNamespace

import pytest

from paysim import catalog
from paysim.analysis.indicators import INDICATORS
from paysim.analysis.measures import MEASURES
from paysim.analysis.runs import load_run
from paysim.outcomes.indicators import indicators
from paysim.pilots.parts import SOURCES
from paysim.pilots.study import Outcome
from paysim.pilots.verdict import verdict
from paysim.reading import read_yaml
from paysim.report import aims, caveats, wording
from paysim.report.document import shown
from paysim.report.findings import act_of, changes
from paysim.web import charts, dashboard, explore, library, terms
from paysim.web.texts import LANGUAGES, Texts
from paysim.web.texts.phrases import FILES, phrase
from paysim.web.verdict import verdict as web_verdict

OTHERS = [each for each in LANGUAGES if each != "en"]
NAMES = ("arm", "baseline", "measure", "municipality", "practice")  # columns that hold names, which nobody translates


def wordless(said):
    """Return what is not in the book, of everything with a word in it."""
    named = {str(text) for text in said if any(letter.isalpha() for letter in str(text))}
    return sorted({text for text in named for language in OTHERS if phrase(text, language) is None})


@pytest.fixture(scope="module")
def run(finished):
    return load_run(finished)


@pytest.fixture(scope="module")
def tables(run):
    """Every table of the app, as it is shown: frame, table."""
    frames = [explore.data(run, figure) for section in explore.SECTIONS.values() for figure in section]
    frames += [dashboard.needs(run), *(dashboard.strata(run, name) for name in dashboard.STRATA)]
    return [
        (frame, shown(frame.rename(columns=run.titles), "")) for frame in frames if frame is not None and len(frame)
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_phrase_has_words_with_the_same_holes(file):
    def holes(text):
        return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)

    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len({row["en"] for row in rows}) == len(rows)
    for row in rows:
        for language in OTHERS:
            assert row[language].strip(), row
            assert holes(row[language]) == holes(row["en"]), row


def test_measures_and_indicators():
    said = {text for each in (*MEASURES, *INDICATORS) for text in (each.label, each.unit)}
    said |= {text for each in wording.ACTORS for text in (each.label, each.unit)}
    said |= {text for each in indicators() if each.measure for text in (each.aim, each.indicator, each.unit)}
    assert not wordless(said)


def test_terms_of_every_way_of_paying():
    said = set()
    for way in (way for shelf in library.shelves() for way in shelf.ways):
        for contract in terms.contracts(way.data):
            said |= {contract.payer, contract.providers} - {""}
            for part in contract.components:
                said |= {part.title, *(text for term in part.terms for text in (term.label, term.unit))}
    assert len(said) > 150
    assert not wordless(said)


def test_titles_of_the_library():
    said = {each.title for each in library.regions() if each.title != each.name}
    for shelf in library.shelves():
        said |= {shelf.title, *(way.title for way in shelf.ways)}
        said |= {contract.title for way in shelf.ways for contract in terms.contracts(way.data)}
    said |= {str(read_yaml(catalog.find("pilots", name)).data["title"]) for name in catalog.names("pilots")}
    assert len(said) > 200
    assert not wordless(said)


def test_the_title_of_a_run_is_put_together_from_titles():
    made = library.compose(
        "regio_aalst", ["be/middenkempen_gp_payment:new_deal", "be/middenkempen_gp_payment:forfait"], 5
    )
    assert not wordless({made["title"]})


def study_of(outcome, money):
    pilot = SimpleNamespace(
        alpha=0.05, power=0.8, payment=None if money is None else SimpleNamespace(reserve_eur_per_head=10.0)
    )
    return SimpleNamespace(outcomes=(outcome,), pilot=pilot, trials=1000, money=money)


def test_every_reason_of_a_pilots_verdict():
    """All faults that the verdict knows, one after the other, and what it says of a good pilot."""
    parts = dict.fromkeys(SOURCES, 0.0)
    good = Outcome(
        **{each.name: 0.0 for each in fields(Outcome)}
        | {"name": "spending_per_head", "label": "Spending", "unit": "EUR per head per year"}
        | {"true_effect": -25.0, "power": 0.9, "coverage": 0.95, "type_1": 0.05, "detectable": 20.0, "mean": 3000.0}
        | {"bias_by_source": parts, "variance_by_source": parts}
    )
    faulty = [
        replace(good, power=None),
        replace(good, power=0.123),
        replace(good, coverage=0.5),
        replace(good, wrong_sign=0.5),
        *(
            replace(good, **wrong, bias_by_source=parts | {source: 1.0}, variance_by_source=parts | {source: 1.0})
            for source in SOURCES
            for wrong in ({"type_1": 0.5}, {"bias": 25.0})
        ),
    ]
    cash = SimpleNamespace(party="organisation", certain_need=0.0, insolvent=0.0, reserve_needed=1234.0)
    money = SimpleNamespace(chance_bonus=0.5, chance_penalty=0.5, loss=0.0, payer_loss=0.0, cash=(cash,))
    late = SimpleNamespace(chance_bonus=0.0, chance_penalty=0.0, loss=0.9, payer_loss=0.9, cash=(copy.copy(cash),))
    late.cash[0].insolvent = 0.9
    short = SimpleNamespace(**vars(late) | {"cash": (copy.copy(cash),)})
    short.cash[0].certain_need = 50.0
    studies = [study_of(good, None), *(study_of(each, None) for each in faulty)]
    studies += [study_of(good, each) for each in (money, late, short)]
    said = {reason for study in studies for reason in verdict(study).reasons}
    assert len(said) > 20
    assert not wordless(said)


def test_columns_and_cells_of_tables(run, tables):
    titles = set(run.titles.values())
    said = {name for _, table in tables for name in table.columns} | {table.note for _, table in tables} - {""}
    for frame, table in tables:
        for place, column in enumerate(frame.columns):
            if table.left(place) and column not in NAMES and column != "Group":
                said |= {row[place] for row in table.rows}
    assert not wordless(said - {title.capitalize() for title in titles} - titles)


def test_caveats_and_reading(run):
    comparison = wording_of(run)
    said = [*caveats.before(run, comparison), wording.uncertainty(comparison, 1), *caveats.after(run)]
    said += [wording.uncertainty(comparison.assign(interval="95%"), 5), aims.READING, *aims.sentences()]
    said += [row[0] for _, _, rows in aims.scorecard_rows(run) for row in rows]
    assert not wordless(each for each in said if each)


def wording_of(run):
    from paysim.analysis.compare import compare

    return compare(run, run.compare_with[0])


def test_axes_and_groups_of_charts(run):
    said = set()

    def heard(text):
        said.add(text)
        return text

    for figure in {each.name: each for section in explore.SECTIONS.values() for each in section}.values():
        frame = explore.data(run, figure)
        chart = None if frame is None else charts.spec(run, figure, frame)
        if chart is not None:
            assert charts.in_words(chart, heard)["data"] == chart["data"]
    assert "contract year" in said
    assert not wordless(said - set(run.titles.values()))


@pytest.mark.parametrize(
    ("english", "dutch", "french"),
    [
        ("Spending: hospital, EUR per head per year", "Uitgaven: ziekenhuis", "Dépenses\u00a0: hôpital"),
        (
            "ASCVD: slope (sample too small)",
            "helling naar opleiding (steekproef te klein)",
            "échantillon trop petit",
        ),
        ("+1,234.5 better", "+1.234,5 beter", "+1\u202f234,5 mieux"),
        ("mental_health", "geestelijke gezondheidszorg", "santé mentale"),
    ],
)
def test_phrases_are_put_together(english, dutch, french):
    assert dutch in Texts("nl").said(english)
    assert french in Texts("fr").said(english)
    assert Texts("en").said(english) == english


def test_what_is_not_in_the_book_stays():
    assert phrase("A contract of my own", "nl") is None
    assert Texts("nl").said("A contract of my own") == "A contract of my own"


@pytest.mark.parametrize(("language", "words"), [("nl", "Uitgaven"), ("fr", "Dépenses")])
@pytest.mark.parametrize("page", ["verdict", "explore/sector", "aims", "region"])
def test_pages_show_them(client, with_run, language, words, page):
    client.cookies.set("paysim_language", language)
    text = client.get(f"/runs/small/{page}", headers={"accept-language": language}).text
    assert words in text
    for english in ("Health effects come only", "EUR per head per year", "Share of spending", "Not shown to be right"):
        assert english not in text, english


def test_what_providers_change(run):
    levers = {name.removeprefix("lever_") for name in run.results["measure"].astype(str) if name.startswith("lever_")}
    assert len(levers) > 10
    assert not wordless({act_of(lever) for lever in levers})


@pytest.mark.parametrize("language", OTHERS)
def test_the_verdict_in_words_tells_what_providers_change(run, language):
    texts = Texts(language)
    base = run.compare_with[0]
    told = {arm: [texts.said(act) for act in acts] for arm, acts in changes(run, base).items()}
    assert any(told.values())
    sentences = web_verdict(run, texts, base).sentences
    for sentence, acts in zip(sentences, told.values(), strict=True):
        assert all(act in sentence for act in acts)
