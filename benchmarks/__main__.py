"""Measure everything in one run, print the tables and write RESULTS.md.

python -m benchmarks [--date 2026-11-22] [--rounds 3] [--quick]
"""

from __future__ import annotations

import argparse
import gc
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks import behaviour, common_workload_paysim, common_workload_simpy, engine, settlement, startup, studies
from benchmarks.workload import PUBLISHED, Outcome
from paysim import __version__

RESULTS = Path(__file__).with_name("RESULTS.md")
SIMPY_PERSONS, PAYSIM_PERSONS = 10_000, 100_000
WINDOWS = (52, 1)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, numbers to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Return the median and the range."""
    return f"{median(values):,.{digits}f} [{min(values):,.{digits}f}-{max(values):,.{digits}f}]"


def common_workload(rounds: int, persons: int, rival_persons: int) -> str:
    """Return the speed of both engines, paired within rounds, and their outputs."""
    common_workload_paysim.run(100)  # loads or compiles
    gc.collect()
    gc.freeze()  # or Python's collector would look through the compiler's objects while SimPy is timed
    found: list[list[Outcome]] = []
    for _ in range(rounds):
        simpy = common_workload_simpy.run(rival_persons)
        found.append([simpy, *(common_workload_paysim.run(persons, window_weeks=weeks) for weeks in WINDOWS)])
    speed = []
    for k, first in enumerate(found[0]):
        rates = [outcomes[k].person_years_per_second for outcomes in found]
        events = [outcomes[k].events / outcomes[k].timer.cpu for outcomes in found]
        ratios = [outcomes[k].person_years_per_second / outcomes[0].person_years_per_second for outcomes in found]
        row = [first.engine, f"{first.persons:,}", spread([o[k].timer.cpu for o in found], 2)]
        speed.append([*row, spread(rates), spread(events), spread(ratios, 1)])
    listening = common_workload_paysim.run(persons, waits=common_workload_paysim.Waits())
    reference, _, weekly = (outcome.results() for outcome in found[0])
    outputs = []
    for name, value in listening.results().items():
        assert name == "mean wait, minutes" or weekly[name] == value, "the window must not change a result"
        low, high = PUBLISHED[name]
        outputs.append([name, f"{reference[name]:,.3f}", f"{value:,.3f}", f"{low:,} - {high:,}"])
    return "\n\n".join(
        [
            table(["engine", "persons", "CPU s", "person-years / CPU s", "events / CPU s", "x SimPy"], speed),
            table(["output", "SimPy", "paysim", "other engines"], outputs),
        ]
    )


def real_model(sizes: Sequence[int]) -> tuple[str, float]:
    """Return what the model itself costs, by size, and the CPU seconds of the last one."""
    rows = []
    for size in sizes:
        r = engine.measure(size)
        per_year = 1e6 * r["cpu_s"] / (r["persons"] * r["years"])
        numbers = [r["events"], r["events_per_s_calendar"], r["events_per_s"], r["person_years_per_s"]]
        took = [f"{per_year:.1f}", f"{r['cpu_s']:.1f}", f"{r['wall_s']:.1f}", f"{r['peak_mb']:,.0f}"]
        rows.append([f"{r['persons']:,.0f}", *(f"{number:,.0f}" for number in numbers), *took])
    head = ["persons", "events", "calendar: events / CPU s", "all: events / CPU s", "all: person-years / CPU s"]
    return table([*head, "CPU µs / person-year", "CPU s", "wall s", "peak MB"], rows), r["cpu_s"]


def by_diseases(persons: int) -> str:
    """Return what more diseases cost, at one size."""
    rows = []
    for number in engine.DISEASES:
        r = engine.measure(persons, number)
        shown = [r["events"], r["events_per_s"], r["person_years_per_s"]]
        took = [f"{r['synthesis_s']:.1f}", f"{r['build_s']:.1f}", f"{r['cpu_s']:.1f}"]
        rows.append([f"{r['diseases']:.0f}", f"{r['processes']:.0f}", *(f"{each:,.0f}" for each in shown), *took])
    head = ["diseases", "processes", "events", "events / CPU s", "person-years / CPU s"]
    return table([*head, "synthesis CPU s", "building CPU s", "running CPU s"], rows)


def settling(run_s: float, persons: int) -> str:
    """Return what settlement costs, and as a share of a run of the whole region."""
    practices, years = 130, 10
    took, components, legs = settlement.measure(practices, years, persons)
    share = 100.0 * took / run_s
    row = [f"{practices}", f"{years}", f"{components}", f"{legs:,}", f"{took:.2f}", f"{run_s:.1f}", f"{share:.1f}%"]
    return table(["practices", "years", "components", "ledger legs", "CPU s", "run, CPU s", "share"], [row])


def deciding(persons: int) -> str:
    """Return what decisions and incentives cost."""
    rows = [
        [arm, f"{practices}", f"{took:.2f}", f"{run_s:.1f}", f"{100.0 * took / run_s:.1f}%"]
        for arm, practices, took, run_s in behaviour.measure(persons)
    ]
    arms, map_s = behaviour.incentives()
    found = table(["arm", "practices", "decisions, CPU s", "run, CPU s", "share"], rows)
    return (
        f"{found}\n\nThe incentive map of its {arms} arms for every actor, base year included, takes {map_s:.1f} CPU s."
    )


def profiled(persons: int) -> str:
    """Return where the time of a run goes."""
    rows = [[f"`{name}`", f"{calls:,}", f"{100.0 * own:.1f}%"] for name, calls, own in engine.profile(persons)]
    return table(["function", "calls", "own time"], rows)


def starts() -> str:
    """Return the times of starting."""
    rows = [[what, f"{timer.cpu:.2f}", f"{timer.wall:.2f}", remark] for what, timer, remark in startup.measure()]
    return table(["start", "CPU s", "wall s", ""], rows)


def of_studies(quick: bool) -> str:
    """Return memory and times of studies of many worlds."""
    return table(["what", "found"], [list(row) for row in studies.measure(quick)])


def machine() -> str:
    """Return the class of machine and the versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    versions = ", ".join(f"{name} {version(name)}" for name in ("numba", "llvmlite", "numpy", "simpy"))
    system = f"{model or platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    return f"{system}, paysim {__version__}, {versions}"


def main() -> None:
    """Measure, print and write."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    options.add_argument("--date", default="not given", help="written into the results")
    options.add_argument("--rounds", type=int, default=3, help="pairs of SimPy and paysim")
    options.add_argument("--quick", action="store_true", help="a tenth of the people, nothing written")
    chosen = options.parse_args()
    scale = 10 if chosen.quick else 1
    sizes = engine.SIZES[:1] if chosen.quick else engine.SIZES
    sizes_table, run_s = real_model(sizes)
    text = f"""# Benchmarks

Written by `python -m benchmarks`. Date: {chosen.date}.
Machine: {machine()}.
CPU seconds are of one core, from the processor's own clock for the process; wall seconds also hold what other work on
the machine took. Read the ratios: both engines ran by turns in one process.
Median [lowest-highest] of {chosen.rounds} rounds.

## Common workload

Ten years; see `workload.py`. Person-years are nominal (persons x 10), imports and compilation are not counted. An
event is a calendar entry (paysim: birthdays too); every visit is two.

{common_workload(chosen.rounds, PAYSIM_PERSONS // scale, SIMPY_PERSONS // scale)}

## The model itself

Base years and one arm of `{engine.SCENARIO}`, one core. An event is one calendar entry
taken. "Calendar" is the compiled calendar alone for a year of weekly windows; "all" adds the clinic and hospital,
quarterly settlement, providers' decisions and results. Peak memory is the whole process's.

{sizes_table}

The same at {engine.SIZES[1] // scale:,} people with the first diseases of the list, and what it takes to
make the people and to solve the levels.

{by_diseases(engine.SIZES[1] // scale)}

## Settlement

Every kind of component in one arm, settled and posted quarter by quarter with three base years to look back on, and
{settlement.PERSONS // scale:,} single persons a year; against base years and one arm of the largest size above.

{settling(run_s, settlement.PERSONS // scale)}

## Decisions

Decisions of all providers every quarter over ten years, with the incentive map at the end of every year, against base
years and the arm; `{behaviour.SCENARIO}`, {engine.SIZES[1] // scale:,} people; the map by itself on
{behaviour.MAP_PERSONS:,}.

{deciding(engine.SIZES[1] // scale)}

## Where the time goes

Base years and one arm of the largest size above under Python's profiler; compiled functions count with the Python
function that calls them.

{profiled(engine.SIZES[0] if chosen.quick else engine.SIZES[-1])}

## Studies

Memory of one process after each world, means of eight worlds; 2,000 cells are 500 draws of four arms, one world
simulated and the others copies with noise.

{of_studies(chosen.quick)}

## Starting

{starts()}
"""
    print(text)
    if not chosen.quick:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
