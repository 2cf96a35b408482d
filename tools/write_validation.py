"""Compare a finished run with published values and write docs/validation.md.

    python tools/write_validation.py RUN [--targets FILE ...] [--out docs/validation.md]

RUN is the folder of a run of a Dutch region. Its arm `current` is compared, in the first year where nothing else is
said. Published values come from the package's own tables and from tools/validation_targets.csv. A table that may
not be redistributed is given with `--targets`: columns `sex, age_lo, age_hi, euro_per_insured_year` (insured payments
in five-year bands); of it only relative errors are written.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from validation_lines import Line, compare_all

from paysim.analysis.runs import Run, load_run
from paysim.reading import write_atomic

ROOT = Path(__file__).parents[1]
SECTIONS = {
    "population": "Population at the start",
    "deaths": "Deaths, whole run",
    "events": "Infarction and stroke, admissions",
    "health": "Health and treatment, first year",
    "care": "Use of care and access, first year",
    "money": "Payments, first year",
}
MET = {True: "yes", False: "**no**", None: "-"}
BEFORE = """# Validation

What the model says of one region as it is paid today, beside what is published. This page is made by
`python tools/write_validation.py RUN`. Targets, tolerances and the sentences on misses are in
`tools/validation_targets.csv`.

Most targets are rates that the model was levelled on (deaths, admissions, contacts, payments). They test that the
machinery keeps its level through queues, births and ageing. They are no independent evidence. Waits, out-of-hours
contacts and steady treatment follow from access and behaviour at base. How practices respond to payment is not
validated here: see [limits](limits.md).

A count is judged by percent where at least 400 cases are expected in what was simulated, and by three standard errors
(SE) of a Poisson count below that. Ages are those in the middle of the contract year.
"""
AFTER = """## Not compared yet

- Concentration and persistence of costs between people.
- Responses of practices to payment against natural experiments that were not used to fit them.
- Case fatality and recurrence against their sources, on cohorts followed over time.
- Results by education, beyond the margins of the population.
- The Flemish region, which needs Belgian targets.
"""


def head(run: Run, lines: Sequence[Line]) -> str:
    """Return what was run, and the count of targets met."""
    manifest, scenario = run.manifest, run.scenario
    sample = manifest.get("sample")
    judged = [line for line in lines if line.met is not None]
    met = sum(bool(line.met) for line in judged)
    return (
        f"Run: scenario `{scenario['name']}`, arm `{run.current}`, {scenario['base_years']} base years and "
        f"{scenario['horizon_years']} years, seed {manifest['seed']}, replicates {manifest['replicates']}, "
        f"{manifest['persons']:,} persons in {manifest['practices']} practices"
        f"{' (' + sample['note'] + ')' if sample else ''}, paysim {manifest['paysim_version']}, "
        f"source {manifest['source_sha256'][:12]}.\n\n"
        f"**{met} of {len(judged)} targets met, {len(judged) - met} missed.**"
    )


def section(title: str, rows: Sequence[Line]) -> list[str]:
    """Return one section: table, sources, and a sentence on what was missed or is not judged."""
    out = [
        f"## {title}\n",
        "| what | published | simulated | ratio | tolerance | met |",
        "|---|---|---|---|---|---|",
    ]
    for line in rows:
        ratio = "" if line.ratio is None else f"{line.ratio:.3f}"
        cells = (line.what, line.published, line.simulated, ratio, line.tolerance, MET[line.met])
        out.append("| " + " | ".join(cells) + " |")
    targets = dict.fromkeys(line.target for line in rows)
    sources = dict.fromkeys(f"{target.source} ({target.status})" for target in targets if target.source != "as above")
    out.append("\nSources: " + "; ".join(sources) + ".\n")
    for target in targets:
        open_lines = [line for line in rows if line.target == target and not line.met]
        missed = any(line.met is False for line in open_lines)
        if open_lines:
            what = "; ".join(line.what for line in open_lines)
            out.append(f"- {'Missed' if missed else 'Not judged'}: {what}. Why: {target.why}")
    return [*out, ""]


def page(run: Run, lines: Sequence[Line]) -> str:
    """Return the page."""
    out = [BEFORE, head(run, lines), ""]
    for key, title in SECTIONS.items():
        out += section(title, [line for line in lines if line.target.section == key])
    return "\n".join([*out, AFTER])


def main() -> None:
    """Write the page and print the count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--targets", type=Path, nargs="*", default=[], help="tables that are not shipped")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation.md")
    arguments = parser.parse_args()
    run = load_run(arguments.run)
    lines = compare_all(run, arguments.targets)
    write_atomic(arguments.out, page(run, lines).encode())
    judged = [line for line in lines if line.met is not None]
    print(f"{arguments.out}: {sum(bool(line.met) for line in judged)} of {len(judged)} targets met")


if __name__ == "__main__":
    main()
