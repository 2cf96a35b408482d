"""A Dask cluster that is there already, as an executor.

Workers need the same paysim and the same folder as we: results travel as files, only names and hashes over the wire.
Connections are those of Dask, which sends pickles: use an address that you trust, and TLS on a shared network.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from paysim.errors import InputError, OutputError, Problem

_PATIENCE_S = 20


@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """Lend the executor of a Dask scheduler.

    Parameters
    ----------
    address
        Such as ``tcp://127.0.0.1:8786``.

    Raises
    ------
    InputError
        If `distributed` is not installed.
    OutputError
        If no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError("a Dask cluster needs the package distributed: pip install 'paysim[cluster]'") from None
    try:
        client = Client(address, timeout=_PATIENCE_S)
    except (OSError, ValueError) as exc:
        raise OutputError(Problem("no Dask scheduler answers here", found=address)) from exc
    with client:
        yield client.get_executor(pure=False)  # pure: what failed once would never be tried again
