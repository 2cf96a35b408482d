"""Write docs/trials.md anew: `paysim trials` on one page.

python tools/write_trials.py [--country NAME] [--replicates R] [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import paysim
from paysim.analysis.trials import REPLICATES, Replication, Trials, read_trials
from paysim.reading import write_atomic

ROOT = Path(__file__).parents[1]
BEFORE = """# Trials in silico

Four classic trials, simulated as tests of mechanism. This page is made by `python tools/write_trials.py`;
`paysim trials` prints the same, `paysim.replicate_trials` returns it. Trials, published results and their sources are
in `paysim/analysis/trials/trials.yaml`; `--file` takes your own.

How it is done:

- Inhabitants whom the trial would have taken (ages, conditions, cholesterol or pressure off its drugs) come off its
  drugs and are weighted to the participants' mean age, sex, history and pressure by the method of moments
  (matching-adjusted indirect comparison, Signorovitch 2010).
- The same people are followed twice with the same random numbers: without treatment, and with the difference of LDL
  cholesterol or systolic pressure between the trial's arms. What was not taken is in that difference, so nobody stops.
  Statins have their side effects. All other treatment stays as it is; nobody moves, and care has no queues.
- LDL cholesterol differs by what it did **at one year**: per that unit the meta-analysis gives the rate ratios that the
  model uses. Over the whole trial differences were smaller, 1.7 mmol/L in 4S and 1.0 in HPS. With 1.0 the ratios for
  HPS were 0.765 for infarction (within) and 0.865 for stroke (0.015 too high).
- The ratio is that of first events per person-year. Its interval is that of the simulation's chance, for persons who
  are in both arms.

In the model treatment acts on events by rate ratios per unit, from meta-analyses that hold these trials too. So a ratio
of infarctions or strokes that fits says that the machinery passes effects on, not that they are confirmed. **Deaths
from any cause are no input**: they follow. Nothing is fitted to this page.

"""
AFTER = """
## Reading the misses

Deaths under a statin fall less than in the trials. Two things keep them up. People with heart disease now die of
infarction far less often than in 1990, so there is less to prevent: that is no fault of the mechanism. And in the model
deaths long after an infarction, other coronary deaths and planned revascularisation do not depend on LDL cholesterol,
while in the trials they did (coronary death 0.81 per mmol/L, revascularisation 0.76, CTT 2005): that is one. The rows
"with the causes of the trial" separate the two: each cause's simulated ratio is weighted by the causes of death of the
trial's control arm. They take from the trial what they are compared with in part, so they are no tests and are counted
apart.

Consequence: health gains from statins are understated, from blood-pressure drugs they are about those of trials.
"""


def main() -> None:
    """Write the page and print the count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--country", default="netherlands")
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "trials.md")
    arguments = parser.parse_args()
    found = paysim.replicate_trials(arguments.country, replicates=arguments.replicates)
    write_atomic(arguments.out, (BEFORE + results(found) + AFTER).encode())
    print(found.summary)


def results(found: Trials) -> str:
    """Return the count, and a table for each trial."""
    head = f"People: `{found.country}`, seed {found.seed}, {found.replicates} replicates. **{found.summary}.**\n"
    return head + "".join(map(_trial, found.replications))


def _trial(each: Replication) -> str:
    (design,) = (trial for trial in read_trials() if trial.name == each.trial)
    lowers = [f"{each.ldl_difference:.2f} mmol/L LDL"] if each.ldl_difference else []
    lowers += [f"{each.sbp_difference:.0f} mmHg"] if each.sbp_difference else []
    lines = [
        f"\n## {each.title}\n",
        f"\n{each.source}. {each.tests[0].upper()}{each.tests[1:]}: {' and '.join(lowers)} lower\n",
        f"for {each.years:g} years. Simulated: {each.persons:,} people, worth {each.effective_persons:,.0f}\n",
        f"after weighting; mean age {each.mean_age:.1f}, {100 * each.women:.0f}% women.\n",
        "\n| outcome | published | simulated | per 1,000 person-years, control | within |\n|---|---|---|---|---|\n",
    ]
    for ratio in each.ratios:
        published = f"{ratio.published:.2f} ({ratio.lower:.2f}-{ratio.upper:.2f})"
        simulated = f"{ratio.simulated:.3f} ({ratio.simulated_low:.3f}-{ratio.simulated_high:.3f})"
        within = {"met": "yes", "missed": "**no**"}.get(ratio.state, ratio.state)
        lines.append(f"| {ratio.title} | {published} | {simulated} | {ratio.control_rate:.1f} | {within} |\n")
    misses = [
        f"- Missed, {ratio.title}, effect {'weaker' if ratio.missed == 'above' else 'stronger'} than published: "
        f"{ratio.why or 'no reason is known'}.\n"
        for ratio in each.ratios
        if ratio.missed
    ]
    statuses = {outcome.title: outcome.status for outcome in design.outcomes}
    recalled = [title for title, status in statuses.items() if status == "recalled"]
    note = f"\nIntervals recalled, not read: {'; '.join(recalled)}.\n" if recalled else ""
    return "".join([*lines, "\n" if misses else "", *misses, note])


if __name__ == "__main__":
    main()
