"""What settling costs: every kind of component at once, quarter by quarter, with three base years to look back on."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from paysim import catalog
from paysim.accounting.activity import Activity, Persons
from paysim.accounting.book import Book
from paysim.accounting.episodes import EpisodeRules, Episodes, Stays
from paysim.accounting.ledger import Ledger
from paysim.accounting.segments import SEGMENT_CONDITION, SEGMENTS
from paysim.care.catalogue import load_services
from paysim.contracts.contract import Contract
from paysim.contracts.settlement import LINES, post, settle
from paysim.contracts.terms import component_kinds, read_contract

QUARTERS_BEFORE = 12
PERSONS = 300_000
CASES = 2_000
"""Admissions, and episodes of each contract, in a quarter of 300,000 people."""


def every_kind() -> list[Contract]:
    """Return shipped contracts that have every kind of component among them, each kind once."""
    missing, found = set(component_kinds()), []
    for name in catalog.names("contracts"):
        if "\ncomponents:" not in catalog.find("contracts", name).read_text():
            continue
        contract = read_contract(name)
        parts = tuple(part for part in contract.components if part.kind in missing)
        missing -= {part.kind for part in parts}
        # A name of its own each, and the kinds of one contract only once.
        kinds = {part.kind: part for part in parts}
        if kinds:
            found.append(replace(contract, components=tuple(kinds.values())))
    if missing:
        raise ValueError(f"no shipped contract has {sorted(missing)}")
    return found


def episodes(rng: np.random.Generator, practices: int, rules: EpisodeRules) -> Episodes:
    """Return a region's episodes of a quarter, each beginning and ending in it."""
    total = rng.exponential(9000.0, CASES)
    begun, ended = np.ones(CASES), np.ones(CASES, bool)
    kind = rng.integers(0, len(rules.kinds), CASES)
    return Episodes(*places(rng, practices), kind, np.zeros(CASES), begun, ended, total, total)


def places(rng: np.random.Generator, practices: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return practice, segment and weight of cases."""
    return rng.integers(0, practices, CASES), rng.integers(0, SEGMENTS, CASES), np.ones(CASES)


def quarter(practices: int, number: int, persons: int, rules: list[EpisodeRules]) -> Activity:
    """Return a quarter of a region's activity, with everything that a component may look at."""
    rng = np.random.Generator(np.random.PCG64(number))
    names = tuple(load_services().names)
    years = rng.uniform(1.0, 200.0, (practices, SEGMENTS)) / 4.0
    closes = number % 4 == 3
    whole_year = Persons(
        rng.integers(0, practices, persons),
        rng.integers(0, SEGMENTS, persons),
        np.ones(persons),
        rng.exponential(400.0, (persons, len(LINES))),
        rng.poisson(4.0, persons) * 1.0,
    )
    indicators = {name: rng.uniform(1.0, 90.0, (practices, 2)) for name in INDICATORS}
    return Activity(
        names,
        tuple(f"p{index}" for index in range(practices)),
        rng.poisson(3.0, (practices, SEGMENTS, len(names))).astype(float),
        years,
        np.where(SEGMENT_CONDITION > 0, years / 2.0, 0.0),
        0.25,
        coded_years=years * 1.1,
        fte_years=rng.uniform(0.2, 1.0, (practices, 3)),
        indicators=indicators if closes else {},
        persons=whole_year if closes else None,
        episodes={each: episodes(rng, practices, each) for each in rules},
        stays=Stays(
            *places(rng, practices),
            rng.integers(0, len(names), CASES),
            rng.integers(1, 20, CASES) * 1.0,
            rng.integers(0, 5, CASES),
            np.zeros(CASES),
        ),
    )


INDICATORS = ("ldl_at_target", "sbp_at_target", "statin_use", "cardiac_rehabilitation")


def measure(practices: int = 130, years: int = 10, persons: int = PERSONS) -> tuple[float, int, int]:
    """Return CPU seconds of settling and posting, and the numbers of components and of legs in the ledger."""
    contracts = every_kind()
    found = (part.episode_rules for contract in contracts for part in contract.components)
    rules = [each for each in found if each is not None]
    past: tuple[Activity, ...] = ()
    for number in range(QUARTERS_BEFORE):
        one = quarter(practices, number, persons, rules)
        past = (*past, settle(contracts, Book(one, number // 4 - 3, past)).book.activity)
    to_come = [quarter(practices, QUARTERS_BEFORE + number, persons, rules) for number in range(4 * years)]
    ledger = Ledger()
    start = time.process_time()
    for number, one in enumerate(to_come):
        settlement = settle(contracts, Book(one, number // 4, past), checked=True)
        post(ledger, number, settlement)
        past = (*past, settlement.book.activity)
    took = time.process_time() - start
    return took, sum(len(contract.components) for contract in contracts), len(ledger)
