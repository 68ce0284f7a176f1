"""Text for the terminal: control characters are replaced by visible ones.

File names and documents are untrusted text. Sent raw to a terminal, their control characters could
clear it, change its title or hide what follows. JSON is for programs and stays exact
(`render.print_json`). Whatever a command prints as text goes through this module.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Mapping
from typing import Any

# Unicode has control pictures for C0 and DEL, but none for C1 and for bidirectional controls.
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_REPLACED = dict.fromkeys(
    [*range(0x80, 0xA0), 0x61C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F),
     *range(0x2066, 0x206A), 0xFEFF],
    "\ufffd",
)  # fmt: skip
CONTROL_PICTURES = _PICTURES | _REPLACED
_TEXT = {code: sign for code, sign in CONTROL_PICTURES.items() if chr(code) not in "\n\t"}


def to_printable(text: str, *, lines: bool = False) -> str:
    """Replace control characters by visible ones; with `lines`, keep line feeds and tabs."""
    return text.translate(_TEXT if lines else CONTROL_PICTURES)


def printable_record(value: Any) -> Any:  # noqa: ANN401 (records and what they hold)
    """Return a record, or a collection of records, with all strings made printable on one line.

    Only a field called `text` keeps its line feeds.
    """
    if isinstance(value, str):
        return to_printable(value)
    if isinstance(value, (list, tuple)):
        return type(value)(printable_record(item) for item in value)
    if isinstance(value, Mapping):
        return {printable_record(key): printable_record(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: to_printable(content, lines=True)
            if field.name == "text"
            else printable_record(content)
            for field in dataclasses.fields(value)
            for content in (getattr(value, field.name),)
        }
        return dataclasses.replace(value, **changed)
    return value


def terminal_width(default: int = 100) -> int:
    """Return the columns of the terminal, at least 40; `default` where there is none."""
    # As `shutil.get_terminal_size`, whose module imports every compression.
    try:
        columns = int(os.environ.get("COLUMNS", "0"))
    except ValueError:
        columns = 0
    with contextlib.suppress(OSError):  # no terminal
        columns = columns or os.get_terminal_size().columns
    return max(40, columns or default)


def format_count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 file`, `1,200 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_message(text: str, *, lines: bool = False) -> None:
    """Print a message to stderr, with the program's name before it.

    With `lines`, further lines are indented, so that none looks like another message.
    """
    message = to_printable(text, lines=lines).replace("\n", "\n  ")
    print(f"ragkit: {message}", file=sys.stderr)
