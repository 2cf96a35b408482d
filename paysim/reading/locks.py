"""One process at a time in a folder of results."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from paysim.errors import OutputError, Problem

if sys.platform != "win32":
    import fcntl

LOCK = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, made if it is not there, so that no other process works in it.

    The system drops the lock of a process that ends, however it ends, so a dead owner never keeps anybody out. What
    one that died left half-written is cleared away.

    Raises
    ------
    OutputError
        If somebody else works in the folder, or it cannot be made or written to.
    """
    make_folder(folder)
    file = _opened(folder)
    try:
        for left in folder.rglob(".*.tmp"):
            left.unlink(missing_ok=True)
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()  # while it is still held, see `_opened`
        os.close(file)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it unless they are there.

    Raises
    ------
    OutputError
        If that cannot be done.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputError(Problem(f"the folder cannot be made: {exc.strerror or exc}", file=str(folder))) from exc


def _opened(folder: Path) -> int:
    """Return the lock's file, held."""
    while True:
        try:
            file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as exc:
            raise OutputError(Problem(f"cannot be written to: {exc.strerror or exc}", file=str(folder))) from exc
        if sys.platform == "win32":  # folders are not locked there
            return file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(file, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            message = "another process works in this folder; wait until it is done, or choose another folder"
            raise OutputError(Problem(message, file=str(folder), found=f"process {owner}")) from None
        except OSError:  # a file system without locks
            return file
        # Its owner may have removed the file between our opening and holding it: then we hold nothing.
        with contextlib.suppress(OSError):
            if (folder / LOCK).stat().st_ino == os.fstat(file).st_ino:
                os.ftruncate(file, 0)
                os.write(file, str(os.getpid()).encode())
                return file
        os.close(file)
