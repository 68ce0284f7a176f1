"""Settings that `ragkit tune` chose for a collection: JSON in the table `collection`.

They count where the user has set nothing. A collection may come from somebody else, so only values
that cannot do harm are read: no names of models and no addresses (ids are those of stored models).
Functions over a connection of `database`; they neither begin nor commit a transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from ragkit.settings import FUSIONS, MODES
from ragkit.storage.sqlite.connection import remembered
from ragkit.storage.sqlite.state import set_value, value

KEY = "tuned"  # of the table `collection`
SEARCH_SETTINGS = ("mode", "fusion", "rerank")
PASSAGE_SETTINGS = ("passage_tokens", "passage_header")
_MIN_TOKENS, _MAX_TOKENS = 16, 8192

Value: TypeAlias = str | int | bool


class TunedSettings(NamedTuple):
    """What was tuned: setting → value, and what to go back to."""

    values: Mapping[str, Value] = MappingProxyType({})
    before: Mapping[str, Value] = MappingProxyType({})  # `values` before the last tuning
    model: int | None = None  # id of the encoder that the last tuning trained and chose
    model_before: int | None = None  # id of the one before it
    can_undo: bool = False


@remembered
def load(connection: sqlite3.Connection) -> TunedSettings:
    """Return the tuned settings; none where nothing was tuned or the entry is damaged."""
    stored = value(connection, KEY)
    if stored is None:
        return TunedSettings()
    try:
        parsed = json.loads(str(stored))
        model, model_before = parsed.get("model"), parsed["model_before"]
        return TunedSettings(
            values=_known(parsed["values"]),
            before=_known(parsed["before"]),
            model=model if type(model) is int else None,
            model_before=model_before if type(model_before) is int else None,
            can_undo=parsed["can_undo"] is True,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return TunedSettings()


def store(connection: sqlite3.Connection, tuned: TunedSettings) -> None:
    """Store the tuned settings in place of earlier ones."""
    record = {
        "values": dict(tuned.values),
        "before": dict(tuned.before),
        "model": tuned.model,
        "model_before": tuned.model_before,
        "can_undo": tuned.can_undo,
    }
    set_value(connection, KEY, json.dumps(record))


def _known(values: Mapping[str, object]) -> dict[str, Value]:
    """Return the values that this version knows and that are valid."""
    known: dict[str, Value] = {}
    for name, found in values.items():
        is_valid = (
            (name == "mode" and found in MODES)
            or (name == "fusion" and found in FUSIONS)
            or (name in ("rerank", "passage_header") and type(found) is bool)
            or (
                name == "passage_tokens"
                and type(found) is int
                and _MIN_TOKENS <= found <= _MAX_TOKENS
            )
        )
        if is_valid and isinstance(found, (str, int, bool)):
            known[name] = found
    return known
