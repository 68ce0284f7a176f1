"""ragkit: point it at a folder, ask it questions, get cited passages.

import ragkit

with ragkit.Collection("notes/.ragkit") as notes:
    notes.index("notes/")
    hits = notes.search("how do we rotate keys?", k=5)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragkit.collection import Collection
    from ragkit.errors import (
        BusyError,
        CollectionError,
        DocumentError,
        ModelError,
        RagkitError,
        UnavailableError,
        UsageError,
    )
    from ragkit.records.answers import Answer, Citation, Piece, Retrieved, Statement, Turn, Usage
    from ragkit.records.documents import Explanation, Hit
    from ragkit.records.reports import CollectionStatus, Excerpt, FileStatus, IndexReport
    from ragkit.settings import Settings

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "BusyError",
    "Citation",
    "Collection",
    "CollectionError",
    "CollectionStatus",
    "DocumentError",
    "Excerpt",
    "Explanation",
    "FileStatus",
    "Hit",
    "IndexReport",
    "ModelError",
    "Piece",
    "RagkitError",
    "Retrieved",
    "Settings",
    "Statement",
    "Turn",
    "UnavailableError",
    "Usage",
    "UsageError",
]


def __getattr__(name: str) -> object:
    """What is exported is imported when it is asked for: `ragkit --help` needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module 'ragkit' has no attribute {name!r}")
    for module in ("errors", "records", "reports", "settings", "collection", "answer_records"):
        found = getattr(import_module(f"ragkit.{module}"), name, None)
        if getattr(found, "__module__", None) == f"ragkit.{module}":
            return found
    raise AttributeError(name)
