"""Write docs/reference/cli.md: every command with its arguments and options, from the commands themselves.

python tools/write_cli.py
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import typer

from paysim.cli.app import app

PAGE = Path(__file__).resolve().parents[1] / "docs/reference/cli.md"
BEFORE = """# Commands

Every command, from the commands themselves (`python tools/write_cli.py` writes this page). Exit codes: 0 all right,
1 a check of the model failed, 2 bad input, 3 interrupted and resumable.
"""


def page() -> str:
    """Return the page."""
    return BEFORE + "".join(_section(words, command) for words, command in commands())


def commands() -> Iterator[tuple[str, Any]]:
    """Return every command that does something, by the words that call it."""
    yield from _below("paysim", typer.main.get_command(app))


def _below(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield words, command
        return
    for name, each in sorted(command.commands.items()):
        yield from _below(f"{words} {name}", each)


def _section(words: str, command: Any) -> str:
    about = inspect.cleandoc(command.help or "").replace("\b\n", "")
    parts = [f"\n## `{words}`\n\n{about}\n"]
    for title, kind in (("argument", "argument"), ("option", "option")):
        rows = [_row(each) for each in command.params if each.param_type_name == kind and each.name != "help"]
        if rows:
            parts.append(f"\n| {title} | form | default | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n")
    return "".join(parts)


def _row(each: Any) -> str:
    if each.param_type_name == "argument":
        name = f"`{_cell((each.metavar or each.name).upper())}`"
    else:
        name = ", ".join(f"`{word}`" for word in (*each.opts, *each.secondary_opts))
    return f"| {name} | {_form(each)} | {_default(each)} | {_cell(each.help or '')} |"


def _form(each: Any) -> str:
    if getattr(each, "is_flag", False):
        return "flag"
    hint = each.type_descriptor.annotation
    hint = get_args(hint)[0] if get_origin(hint) in (list, tuple) else hint
    choices = [str(choice.value) for choice in hint] if isinstance(hint, type) and issubclass(hint, Enum) else []
    choices = choices or [str(choice) for choice in get_args(hint)]
    words = {int: "whole number", float: "number", str: "text", Path: "path"}
    form = ", ".join(f"`{choice}`" for choice in choices) if choices else words.get(hint, "text")
    if each.min is not None or each.max is not None:
        low, high = (f"{end:g}" if end is not None else "" for end in (each.min, each.max))
        form += f", {low} to {high}" if low and high else f", from {low}" if low else f", up to {high}"
    return form + (", may be repeated" if each.multiple or each.nargs == -1 else "")


def _default(each: Any) -> str:
    if each.required:
        return "needed"
    if each.default in (None, (), [], False) or callable(each.default):
        return ""
    return f"`{each.default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name} written")
