"""The compiled event engine: people are rows, diseases are tables, and there is no money in here.

Numba's disk cache does not notice an edit in another file of the package, nor a changed constant. Its folder
is therefore named by a hash of every file here and of the compiler's version, before numba is imported.
"""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder for compiled code, unique to this source and this compiler."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode())
        digest.update(source.read_bytes())
    for package in ("numba", "llvmlite", "numpy"):
        try:
            digest.update(version(package).encode())
        except PackageNotFoundError:
            continue
    digest.update(sys.version.encode())
    home = os.environ.get("PAYSIM_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "paysim" / digest.hexdigest()[:24]


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())
    if "numba" in sys.modules:  # it has read its settings already
        sys.modules["numba"].config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]
