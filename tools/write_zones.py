"""Write the Flemish primary care zones: one table of persons that they share, and a YAML file for each.

    python tools/write_zones.py PERSONS.csv ZONES.csv

PERSONS.csv has elz, sex, age_lo, age_hi and n (the Flemish open data on vaccination, reference population of
1 January 2021); ZONES.csv has elz and municipalities, separated by semicolons. Middenkempen has a file of its
own, with its municipalities, and is left as it is.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from paysim.population.bands import SEXES
from paysim.reading import Column, read_table, write_atomic

POPULATIONS = Path(__file__).resolve().parents[1] / "populations"
TABLE = "tables/persons_flemish_zones.csv"
SOURCE = "Flemish open data on vaccination, reference population 1 January 2021"
OWN_FILE = "Middenkempen"
HEAD = f"""\
# Persons of the Flemish primary care zones by sex and published age band, 1 January 2021. Unit: persons.
# Source: {SOURCE}; the zones sum to the Flemish population. Status: found.
# The column municipality holds the zone: no persons by municipality of a zone are published in it.
municipality,sex,age_from,age_to,persons
"""
REGION = """\
schema: 1
name: {name}
title: {zone} (Flemish primary care zone)
country: BE
year: 2021
municipalities:      # persons by municipality were not found, so the zone is one place
  - {{name: "{zone}", note: "{municipalities}"}}
shared_table: true   # the table holds the other zones too
tables:
  - {{name: persons, file: {table}, unit: persons, source: "{source}", status: found}}
"""
FLANDERS = """\
schema: 1
name: flanders
title: Flanders (56 primary care zones)
country: BE
year: 2021
represented_by: 300000   # simulated persons, shared out over zones, sexes and ages; each stands for about 22
municipalities:          # the zones
{zones}
tables:
  - {{name: persons, file: {table}, unit: persons, source: "{source}", status: found}}
"""


def snake_case(name: str) -> str:
    """Return a zone's name as the name of a file."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def main() -> None:
    """Write the files into populations/."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("persons", type=Path)
    parser.add_argument("zones", type=Path)
    given = parser.parse_args()
    numbers = {"age_lo": Column(int, 0), "age_hi": Column(int, 0), "n": Column(int, 0)}
    columns = {"elz": Column(str), "sex": Column(str, levels=SEXES)} | numbers
    persons = read_table(given.persons, columns, allow_extra=("provenance",))
    zones = read_table(
        given.zones,
        {"elz": Column(str, unique=True), "municipalities": Column(str)},
        allow_extra=("pop", "share_65plus", "provenance"),
    )
    rows = sorted(
        zip(*(persons[name] for name in columns), strict=True), key=lambda row: (row[0], row[1] == "F", row[2])
    )
    table = HEAD + "".join(",".join(str(cell) for cell in row) + "\n" for row in rows)
    write_atomic(POPULATIONS / TABLE, table.encode())
    for zone, municipalities in zip(zones["elz"], zones["municipalities"], strict=True):
        if zone != OWN_FILE:
            name = snake_case(zone)
            text = REGION.format(
                name=name, zone=zone, municipalities=municipalities.replace(";", ","), table=TABLE, source=SOURCE
            )
            write_atomic(POPULATIONS / f"{name}.yaml", text.encode())
    listed = "\n".join(f'  - {{name: "{zone}"}}' for zone in zones["elz"])
    text = FLANDERS.format(zones=listed, table=TABLE, source=SOURCE)
    write_atomic(POPULATIONS / "flanders.yaml", text.encode())
    print(f"{len(zones['elz'])} zones, {len(rows):,} rows")


if __name__ == "__main__":
    main()
