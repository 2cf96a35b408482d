"""What the server is started with, and its limits in one place."""

from __future__ import annotations

import base64
import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

from paysim.errors import OutputError, Problem, ScenarioError

DEFAULT_PORT = 8642
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_TOKEN_BYTES = 24
_SHORTEST_TOKEN = 16
_KEY_FILE = "key"


@dataclass(frozen=True)
class Settings:
    """Of one server.

    Attributes
    ----------
    outputs
        Folder of the run folders; nothing outside it is shown.
    host, port
        Address that is listened on.
    token
        What the start link holds; whoever opens it gets the session's cookie.
    key
        The session's cookie; kept over restarts, so that an open page goes on.
    upload_bytes
        Most bytes that a request may bring.
    body_seconds
        Most seconds that a request may take to bring them.
    at_once
        Runs simulated at the same time; the others wait.
    """

    outputs: Path
    host: str = LOOPBACK[0]
    port: int = DEFAULT_PORT
    token: str = field(default_factory=lambda: random_text(), repr=False)
    key: str = field(default_factory=lambda: random_text(), repr=False)
    upload_bytes: int = 10_000_000
    body_seconds: float = 60.0
    at_once: int = 1

    @property
    def own(self) -> Path:
        """The app's own folder inside the outputs: one folder for each run asked for."""
        return self.outputs / ".app"

    @property
    def cookie(self) -> str:
        """Name of the cookie; browsers share cookies between the ports of a host."""
        return f"paysim_{self.port}"

    @property
    def address(self) -> str:
        """Address of the first page, for a browser on this machine."""
        return f"http://{_bracketed(self.host)}:{self.port}"

    def hosts(self, name: str) -> bool:
        """Tell whether a Host header names this server.

        A name that leads here by somebody else's name server must not pass, or any page on the web could read ours.
        """
        host, _, port = name.rpartition(":")
        if port != str(self.port):
            return False
        host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
        if host in LOOPBACK or host == self.host:
            return True
        return self.host in ("0.0.0.0", "::") and _is_address(host)  # noqa: S104


def check_address(settings: Settings, *, allow_remote: bool, token_given: bool) -> None:
    """Refuse an address that others can reach and was not asked for in full.

    Raises
    ------
    ScenarioError
        The address is not a loopback one and `allow_remote` or a long token is missing.
    """
    if settings.host in LOOPBACK:
        return
    if not allow_remote:
        message = "others can reach this address: say --allow-remote and give a token"
        raise ScenarioError(Problem(message, key="--host", found=settings.host, allowed=LOOPBACK))
    if not token_given or len(settings.token) < _SHORTEST_TOKEN:
        message = f"an address that others can reach needs a token of {_SHORTEST_TOKEN} characters or more"
        raise ScenarioError(Problem(message, key="--token"))


def random_text() -> str:
    """Return text that nobody can guess; of the operating system, since it decides no result."""
    return base64.urlsafe_b64encode(os.urandom(_TOKEN_BYTES)).decode("ascii")


def kept_key(own: Path) -> str:
    """Return the session's key of this outputs folder, made at the first start; only its owner can read it.

    Raises
    ------
    OutputError
        The folder cannot be written to.
    """
    file = own / _KEY_FILE
    try:
        own.mkdir(parents=True, exist_ok=True)
        return _key(file)
    except OSError as exc:
        raise OutputError(Problem(f"cannot be written to: {exc.strerror or exc}", file=str(own.parent))) from exc


def _key(file: Path) -> str:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = file.read_text("ascii", errors="replace").strip()
        if len(kept) >= _SHORTEST_TOKEN and not file.stat().st_mode & 0o077:
            return kept
        file.unlink()
        return _key(file)
    made = random_text()
    with os.fdopen(handle, "w") as stream:
        stream.write(made)
    return made


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
