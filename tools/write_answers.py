"""Print the table of docs/answers.md from a run of `nl/achterhoek_answers`.

python tools/write_answers.py outputs/answers
"""

from __future__ import annotations

import sys

import paysim as ps

ROWS = (
    ("GP contacts", "gp_contacts"),
    ("contacts with nurses", "nurse_contacts"),
    ("planned controls", "chronic_controls"),
    ("mean wait for a planned GP appointment, days", "wait_gp_planned_days"),
    ("mean wait for a nurse, days", "wait_nurse_days"),
    ("needs given up", "needs_dropped"),
    ("urgent needs seen by the own practice after hours", "needs_seen_after_hours"),
    ("out-of-hours contacts", "out_of_hours_contacts"),
    ("visits to the emergency department", "ed_visits"),
    ("specialist trajectories", "specialist_trajectories"),
    ("spending, million EUR", "spending_total"),
    ("of it general practice", "spending_general_practice"),
    ("of it hospital", "spending_hospital"),
    ("QALYs", "qalys"),
    ("first and later infarctions, strokes and the like", "ascvd_events"),
    ("lists closed, share", "lists_closed"),
    ("people let go by their practice", "patients_let_go"),
    ("people who wanted another practice and found none", "changes_refused"),
    ("years lived without a practice", "years_without_practice"),
    ("of people with no chronic condition", "years_without_practice_none"),
    ("of people with vascular disease", "years_without_practice_vascular"),
    ("of people with diabetes", "years_without_practice_diabetes"),
)
LEVERS = (
    *("visit_intensity", "prevention", "referral", "delegation", "coding", "availability"),
    *(
        "consultation_length",
        "acceptance",
        "retention",
        "list_size",
        "gp_hours",
        "nurse_hours",
        "elective_admission",
        "length_of_stay",
    ),
)
ABSOLUTE = ("wait_gp_planned_days", "wait_nurse_days", "qalys", "lists_closed", "patients_let_go", "changes_refused")
PER_MILLION = ("spending_total", "spending_general_practice", "spending_hospital")


def main() -> None:
    """Print totals over the horizon against the current arm, and mean levers."""
    run = ps.load_run(sys.argv[1])
    table = run.results
    whole = table[(table["period"] == -1) & (table["dimension"] == "all")].astype({"arm": str, "measure": str})
    values = whole.pivot_table(index="measure", columns="arm", values="value")
    arms = [str(each["name"]) for each in run.scenario["arms"]]
    print("| | " + " | ".join(arms) + " |\n|" + "---|" * (len(arms) + 1))
    for label, measure in ROWS:
        row = values.loc[measure, arms] if measure in values.index else None
        if row is None:
            continue
        first = row.iloc[0] / (1e6 if measure in PER_MILLION else 1.0)
        if measure in ABSOLUTE or measure.startswith("years_without") or first == 0.0:
            cells = [f"{value:,.2f}" if abs(row).max() < 100.0 else f"{value:,.0f}" for value in row]
        else:
            cells = [f"{first:,.0f}", *(f"{value / row.iloc[0] - 1.0:+.1%}" for value in row.iloc[1:])]
        print("| " + " | ".join([label, *cells]) + " |")
    for lever in LEVERS:
        print("| " + " | ".join([lever, *(f"{v:.3f}" for v in values.loc[f"lever_{lever}", arms])]) + " |")


if __name__ == "__main__":
    main()
