"""Draw the machines of diseases and the flows of money, with a page that says the same in words.

    python tools/draw_diagrams.py [DISEASE ...] [--out DIR]

Without diseases everything is drawn and docs/reference/diagrams.md written anew. The drawings hold what transitions and
contracts hold, see `paysim.report.states` and `paysim.report.flows`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from paysim.diseases import DISEASES
from paysim.diseases.health import build_health, cohort_from_population, health_parameters, module
from paysim.kernel.spec import Transition
from paysim.population import synthesize
from paysim.reading import write_atomic
from paysim.report.drawing import Figure, save
from paysim.report.flows import draw_flows, flows
from paysim.report.states import arrows, draw_states, parts, rows_of
from paysim.scenario import Arm, load_scenario

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
PAGE = ROOT / "docs" / "reference" / "diagrams.md"
REGION, COUNTRY, PERSONS = "achterhoek", "NL", 5_000
FLOWS = {
    "nl_today": ("nl/achterhoek_four_models", "dutch_today"),
    "nl_integrator": ("nl/achterhoek_plot", "full_risk"),
    "be_today": ("be/middenkempen_integreo", "today"),
    "be_integreo": ("be/middenkempen_integreo", "guarantee"),
    "us_convener": ("us/middenkempen_convener", "equity"),
}
"""Name of the picture -> a scenario and one of its arms."""
BEFORE = """# Diagrams

The states of each disease and what moves people between them, and whose money goes where, drawn from the transitions
and the contracts themselves (`python tools/draw_diagrams.py` makes this page and its pictures). What they mean is in
[the model](../model.md#the-diseases) and in [contracts](../contracts.md).

## Diseases

Boxes are states, arrows transitions; flags of other diseases, which arrows may ask for too, are left out. † some die
of it.
"""


def drawn() -> list[str]:
    """Return the diseases that have states."""
    return [name for name in DISEASES if flags_of(name)]


def flags_of(disease: str) -> Sequence[str]:
    """Return the flags of a disease."""
    found: Sequence[str] = getattr(module(disease), "FLAGS", ())
    return found


def transitions() -> Sequence[Transition]:
    """Return the transitions of the model."""
    params = health_parameters(COUNTRY)
    cohort = cohort_from_population(synthesize(REGION, sample=PERSONS), params)
    return build_health(params, cohort, COUNTRY).transitions


def states_figure(rows: Sequence[Transition], disease: str) -> Figure:
    """Draw a disease."""
    return draw_states(rows, flags_of(disease), _title(disease))


def arm_of(name: str) -> Arm:
    """Return the arm of one of `FLOWS`."""
    scenario, arm = FLOWS[name]
    return load_scenario(scenario).arm(arm)


def page(rows: Sequence[Transition]) -> str:
    """Return the page, with every arrow in words."""
    said = [BEFORE]
    for disease in drawn():
        said.append(f"\n### {_title(disease)}\n\n![States of {disease}](../images/states_{disease}.png)\n\n")
        said.append("| transition | from | to |\n|---|---|---|\n")
        said += [f"| `{name}` | {start} | {end} |\n" for name, start, end in _arrows(rows, flags_of(disease))]
    said.append("\n## Money\n\nPayers left, whom they pay right, by which components on the arrows.\n")
    for name, (scenario, _) in FLOWS.items():
        arm = arm_of(name)
        said.append(f"\n### {arm.title}\n\nThe arm `{arm.name}` of `{scenario}`.\n\n")
        said.append(f"![Flows of money: {arm.title}](../images/flows_{name}.png)\n\n")
        said.append("| who pays | whom | by |\n|---|---|---|\n")
        said += [f"| {each.payer} | {each.payee} | {', '.join(each.components)} |\n" for each in flows(arm.contracts)]
    return "".join(said)


def _arrows(rows: Sequence[Transition], flags: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    own = rows_of(rows, flags)
    for group in parts(own, flags):
        for arrow in arrows(own, group):
            start, end = (
                "death" if state is None else ", ".join(flag for flag in group if flag in state) or "without"
                for state in (arrow.start, arrow.end)
            )
            yield arrow.label.replace(" †", "") + (" †" if arrow.kills else ""), start, end


def _title(disease: str) -> str:
    return disease.replace("_", " ").capitalize()


def main() -> None:
    """Draw and say where."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("diseases", nargs="*", metavar="DISEASE", help=", ".join(drawn()))
    parser.add_argument("--out", type=Path, default=IMAGES)
    arguments = parser.parse_args()
    rows = transitions()
    figures = {f"states_{name}": states_figure(rows, name) for name in arguments.diseases or drawn()}
    if not arguments.diseases:
        for name, (scenario, _) in FLOWS.items():
            arm = arm_of(name)
            figures[f"flows_{name}"] = draw_flows(arm.contracts, f"{arm.title} ({scenario})")
        write_atomic(PAGE, page(rows).encode("utf-8"))
    for name, figure in figures.items():
        write_atomic(arguments.out / f"{name}.png", save(figure, "png"))
        print(arguments.out / f"{name}.png")


if __name__ == "__main__":
    main()
