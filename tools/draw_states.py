"""Draw diseases of the model into docs/images: states_<disease>.png.

    python tools/draw_states.py [DISEASE ...] [--out DIR]

Default: the diseases shown in docs/model.md. The drawings hold what the transitions hold, see `paysim.report.states`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from paysim.diseases import DISEASES, REQUIRED
from paysim.diseases.health import build_health, cohort_from_population, health_parameters, module
from paysim.population import synthesize
from paysim.reading import write_atomic
from paysim.report.drawing import save
from paysim.report.states import draw_states

ROOT = Path(__file__).parents[1]
SHOWN = ("ischaemic_heart_disease", "stroke", "cancer")
REGION, COUNTRY, PERSONS = "achterhoek", "NL", 5_000


def main() -> None:
    """Draw and say where."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    known = [name for name in DISEASES if name not in REQUIRED]
    parser.add_argument("diseases", nargs="*", default=SHOWN, metavar="DISEASE", help=", ".join(known))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()
    params = health_parameters(COUNTRY)
    cohort = cohort_from_population(synthesize(REGION, sample=PERSONS), params)
    rows = build_health(params, cohort, COUNTRY).transitions
    for name in arguments.diseases:
        flags = getattr(module(name), "FLAGS", ())
        figure = draw_states(rows, flags, name.replace("_", " ").capitalize())
        write_atomic(arguments.out / f"states_{name}.png", save(figure, "png"))
        print(arguments.out / f"states_{name}.png")


if __name__ == "__main__":
    main()
