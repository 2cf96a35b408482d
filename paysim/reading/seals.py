"""JSON files that carry their own SHA-256, so that no changed bit passes for content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SEAL = "seal"
_CHUNK_BYTES = 1 << 20


def sealed(content: Mapping[str, Any]) -> bytes:
    """Return an object as JSON with its SHA-256 under the key ``seal``."""
    seal = hashlib.sha256(_plain(content)).hexdigest()
    return _plain({**content, SEAL: seal})


def is_whole(data: bytes) -> bool:
    """Tell whether bytes are what `sealed` wrote, to the bit."""
    try:
        content = json.loads(data)
        del content[SEAL]
        return sealed(content) == data
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def unsealed(data: bytes) -> dict[str, Any] | None:
    """Return the object that was sealed; None if a bit of it changed."""
    if not is_whole(data):
        return None
    content: dict[str, Any] = json.loads(data)
    del content[SEAL]
    return content


def sha256_of(file: Path) -> str | None:
    """Return the SHA-256 of a file; None if it cannot be read."""
    total = hashlib.sha256()
    try:
        with open(file, "rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                total.update(chunk)
    except OSError:
        return None
    return total.hexdigest()


def _plain(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()
