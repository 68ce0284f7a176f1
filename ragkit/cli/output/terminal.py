"""What goes out to people: control characters are shown, never sent.

File names and documents are other people's words. Sent raw to a terminal they could clear it,
retitle it or hide what follows, so here they become visible signs. JSON is for programs and stays
exact (`render.json_line`). Whatever a command prints as text goes through here.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

# C0 and DEL have pictures of their own in Unicode; C1 and what turns the direction of writing
# have none.
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_NONE = dict.fromkeys(
    [*range(0x80, 0xA0), 0x61C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F),
     *range(0x2066, 0x206A), 0xFEFF],
    "\ufffd",
)  # fmt: skip
SIGNS = _PICTURES | _NONE
_TEXT = {code: sign for code, sign in SIGNS.items() if chr(code) not in "\n\t"}


def printable(text: str, *, lines: bool = False) -> str:
    """The text with a visible sign for each control character; with `lines`, lines stay lines."""
    return text.translate(_TEXT if lines else SIGNS)


def shown(value: Any) -> Any:  # noqa: ANN401 (records and what they hold)
    """A record, or a collection of records, whose strings are all printable, one line each.

    Only a field called `text` keeps its lines.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (list, tuple)):
        return type(value)(shown(each) for each in value)
    if isinstance(value, Mapping):
        return {shown(key): shown(each) for key, each in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: printable(held, lines=True) if field.name == "text" else shown(held)
            for field in dataclasses.fields(value)
            for held in (getattr(value, field.name),)
        }
        return dataclasses.replace(value, **changed)
    return value


def counted(number: int, noun: str) -> str:
    """`1 file`, `1,200 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def tell(text: str, *, lines: bool = False) -> None:
    """One line to stderr, so that it is known who says it; with `lines`, those after the first are
    set in, so that none can pass for another message."""
    said = printable(text, lines=lines).replace("\n", "\n  ")
    print(f"ragkit: {said}", file=sys.stderr)
