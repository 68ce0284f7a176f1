"""Results of tools within a token budget: full or compact items, and a cursor to go on.

A compact item is one line: citation, then what it says. Knows no protocol.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ragkit.lookup.budget import MAX_TOKENS, MIN_TOKENS, take

DEFAULT_TOKENS = 6_000
MAX_COMPACT = 160  # characters of a line after the citation
Item = TypeVar("Item")
Fields = dict[str, Any]

BUDGET_PARAMETERS: Mapping[str, Any] = {
    "max_tokens": {
        "type": "integer",
        "minimum": MIN_TOKENS,
        "maximum": MAX_TOKENS,
        "description": f"length of the result, estimated; default {DEFAULT_TOKENS:,}",
    },
    "cursor": {
        "type": "string",
        "maxLength": 4_000,
        "description": "`cursor` of the last result, to continue it; other arguments as before",
    },
}
COMPACT_PARAMETER: Mapping[str, Any] = {
    "compact": {
        "type": "boolean",
        "description": "one short line per item: to look over many",
    }
}


def fit_items(
    items: Sequence[Item],
    arguments: Mapping[str, Any],
    name: str,
    full: Callable[[Item], Fields],
    compact: Callable[[Item], str],
) -> tuple[Fields, int]:
    """Return the result of a tool and the number of items in it.

    The items that fit `arguments["max_tokens"]` are in the field `name`, or as lines in `lines`
    where `arguments["compact"]` is set; at least one is.
    """
    max_tokens = arguments.get("max_tokens", DEFAULT_TOKENS)
    if arguments.get("compact"):
        lines = take([compact(item) for item in items], max_tokens, str)
        return {"lines": list(lines)}, len(lines)
    fields = take([full(item) for item in items], max_tokens, _to_json)
    return {name: list(fields)}, len(fields)


def _to_json(fields: Fields) -> str:
    return json.dumps(fields, ensure_ascii=False)


def one_line(*parts: object) -> str:
    """Return parts on one line, each without line breaks; the last one is shortened."""
    *head, tail = [" ".join(str(part).split()) for part in parts if part not in (None, "")]
    if len(tail) > MAX_COMPACT:
        tail = f"{tail[: MAX_COMPACT - 1]}…"
    return "  ".join([*head, tail])
