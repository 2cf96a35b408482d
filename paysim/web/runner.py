"""One child process for each run asked for: starts ``paysim run``, waits, and writes down how it ended.

It lives on when the server ends. It holds a lock on a file as long as it lives, which is how anybody can tell that a
run goes on, also after the machine has been started again and its number given to another process.

``python -m paysim.web.runner FOLDER`` reads ``command.json`` in the folder; the standard library is all it needs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

COMMAND, LOCK, PROCESS, LOG, ENDED = "command.json", "lock", "process.json", "log.txt", "ended.json"


def main(folder: Path) -> int:
    """Run the command of a folder; return its exit code."""
    import fcntl

    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # waits out a look of `try_lock`
    command = json.loads((folder / COMMAND).read_text("utf-8"))
    write(folder / PROCESS, {"group": os.getpgrp()})
    with open(folder / LOG, "wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603

        def stop(signum: int, frame: FrameType | None) -> None:
            child.terminate()

        signal.signal(signal.SIGTERM, stop)
        code = child.wait()
    write(folder / ENDED, {"code": code})
    return code


def try_lock(handle: int) -> bool:
    """Lock an open file, or tell that somebody else has."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def write(file: Path, data: object) -> None:
    """Write JSON so that a reader never sees half of it."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(data), "utf-8")
    os.replace(temporary, file)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
