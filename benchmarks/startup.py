"""Starting: `paysim --help`, the engine from its cache, and the one cold compilation, each in a fresh process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.workload import Timer

HEAVY = ("numpy", "numba", "pandas", "scipy", "matplotlib")


def run(cache: str, *arguments: str) -> tuple[Timer, str]:
    """Run Python in a fresh process with compiled code in folder `cache`; return CPU and wall seconds, and output."""
    environment = {**os.environ, "PAYSIM_CACHE": cache}
    environment.pop("NUMBA_CACHE_DIR", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with Timer() as timer:
        done = subprocess.run(  # noqa: S603 (our own commands)
            [sys.executable, *arguments], check=True, capture_output=True, text=True, env=environment
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    timer.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return timer, done.stdout + done.stderr


def measure() -> list[tuple[str, Timer, str]]:
    """Return (what, time, remark) of every way to start."""
    with tempfile.TemporaryDirectory() as cache:
        help_time, _ = run(cache, "-m", "paysim", "--help")
        _, imported = run(cache, "-X", "importtime", "-m", "paysim", "--help")
        names = {line.rpartition("|")[2].strip() for line in imported.splitlines()}
        heavy = [name for name in HEAVY if name in names]
        cold, _ = run(cache, "-m", "paysim", "warmup")
        load = "from benchmarks.common_workload_paysim import run; run(100)"
        run(cache, "-c", load)
        loaded, _ = run(cache, "-c", load)
        warm, _ = run(cache, "-m", "paysim", "warmup")
        size = sum(file.stat().st_size for file in Path(cache).rglob("*") if file.is_file())
    return [
        ("`paysim --help`", help_time, f"imports {', '.join(heavy)}" if heavy else "imports no numerical package"),
        ("`paysim warmup`, empty cache", cold, f"once per version; leaves {size / 1e6:.0f} MB of compiled code"),
        ("calendar, cached", loaded, "imports the engine, loads the compiled code, runs 100 people for ten years"),
        ("`paysim warmup`, cached", warm, "the same for all of a run: population, calibration, two arms, run folder"),
    ]
