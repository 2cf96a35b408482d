"""Write docs/validation.md anew: `paysim validate` of some regions on one page.

    python tools/write_validation.py [REGION ...] [--years Y] [--replicates R] [--targets FILE ...] [--out FILE]

Default: netherlands, achterhoek and belgium over six years, which takes a few minutes. Everything is done by
`paysim.validate` and `paysim.report.validation`. A table of payments that may not be redistributed (columns
`sex, age_lo, age_hi, euro_per_insured_year`) is given with `--targets`: of it only relative errors are written. The
figures go into the folder `images` beside the page.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import paysim
from paysim.reading import write_atomic
from paysim.report.validation import figure_bytes, how_judged, images, page

ROOT = Path(__file__).parents[1]
REGIONS = ("netherlands", "achterhoek", "belgium")
BEFORE = """# Validation

What the model says of a region as it is paid today, beside what is published. This page is made by
`python tools/write_validation.py`; `paysim validate REGION` prints the same for any region. Published values,
tolerances and the sentences on misses are in `paysim/analysis/targets/` and in the package's own tables.

Many targets are rates on which the model is levelled (deaths, admissions, contacts, payments). They test that the
machinery keeps its level through queues, births, migration and ageing; they are no independent evidence. Waits,
out-of-hours contacts and steady treatment follow from access and behaviour at base. How practices respond to payment is
not validated here: see [limits](limits.md).
"""
AFTER = """## Not compared yet

- Responses of practices to payment against natural experiments that were not used to fit them.
- Use of care in Belgium, and payments there other than per head, which need Belgian targets and contracts.
"""


def main() -> None:
    """Write the page and print the counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("regions", nargs="*", default=REGIONS)
    parser.add_argument("--years", type=int, default=6)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--replicates", type=int, default=1)
    parser.add_argument("--targets", type=Path, nargs="*", default=[], help="tables that are not shipped")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation.md")
    arguments = parser.parse_args()
    folder = arguments.out.parent / "images"
    folder.mkdir(parents=True, exist_ok=True)
    parts = [BEFORE, how_judged()]
    for region in arguments.regions:
        found = paysim.validate(
            region,
            years=arguments.years,
            sample=arguments.sample,
            replicates=arguments.replicates,
            targets=arguments.targets,
        )
        files = images(found, f"validation_{found.region}")
        for name, domains in files.items():
            write_atomic(folder / name, figure_bytes(found, "png", domains))
        parts.append(page(found, {f"images/{name}": domains for name, domains in files.items()}, level=2))
        print(f"{region}: {found.summary}")
    write_atomic(arguments.out, "\n".join([*parts, AFTER]).encode())


if __name__ == "__main__":
    main()
