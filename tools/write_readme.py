"""Put the table that a run prints, and one of its figures, on the first page of the README.

    python tools/write_readme.py RUN

RUN is the folder of a finished full run of the shipped scenario. The text between the marks in README.md is replaced by
what `paysim run` prints, up to the second table; the figure is copied to docs/images/.
"""

from __future__ import annotations

import argparse
import contextlib
import io
from pathlib import Path

from paysim.analysis.runs import load_run
from paysim.cli.compare import print_differences
from paysim.reading import write_atomic
from paysim.report.wording import CARE

ROOT = Path(__file__).parents[1]
FIRST, LAST = "<!-- output -->", "<!-- /output -->"
FIGURE = "incentive_map.png"
LARGEST = 200_000


def printed(folder: Path) -> str:
    """Return what a run prints against its first baseline, and what to read with care."""
    run = load_run(folder)
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        print_differences(run, headlines=True)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    second = [k for k, line in enumerate(lines) if line.startswith("Against ")][1:]
    if second:
        end = second[0]
        while lines[end - 1]:  # the sentences above the second table belong to it
            end -= 1
        care = next(k for k, line in enumerate(lines) if line.startswith(CARE))
        lines = [*lines[:end], "(and the same against the next baseline)", "", *lines[care:]]
    return "\n".join(line for k, line in enumerate(lines) if line or (k and lines[k - 1])).strip()


def main() -> None:
    """Rewrite the marked part of README.md and copy the figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    folder = parser.parse_args().run
    figure = (folder / "figures" / FIGURE).read_bytes()
    if len(figure) >= LARGEST:
        raise SystemExit(f"{FIGURE}: {len(figure):,} bytes, at most {LARGEST:,}")
    page = (ROOT / "README.md").read_text("utf-8")
    before, rest = page.split(FIRST)
    _, after = rest.split(LAST)
    block = f"{FIRST}\n```text\n{printed(folder)}\n```\n{LAST}"
    write_atomic(ROOT / "README.md", (before + block + after).encode())
    write_atomic(ROOT / "docs" / "images" / FIGURE, figure)
    print(f"README.md and docs/images/{FIGURE} written from {folder}")


if __name__ == "__main__":
    main()
