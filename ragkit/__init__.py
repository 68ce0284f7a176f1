"""ragkit: point it at a folder, ask it questions, get cited passages.

    import ragkit

    with ragkit.Collection("notes/.ragkit") as notes:
        notes.index("notes/")
        hits = notes.search("how do we rotate keys?", k=5)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkit.errors import (
    CollectionError,
    DocumentError,
    ModelError,
    RagkitError,
    UnavailableError,
    UsageError,
)
from ragkit.records import CollectionStatus, Excerpt, FileStatus, Hit, IndexReport

if TYPE_CHECKING:
    from ragkit.collection import Collection
    from ragkit.settings import Settings

__version__ = "0.1.0"
__all__ = [
    "Collection",
    "CollectionError",
    "CollectionStatus",
    "DocumentError",
    "Excerpt",
    "FileStatus",
    "Hit",
    "IndexReport",
    "ModelError",
    "RagkitError",
    "Settings",
    "UnavailableError",
    "UsageError",
]


def __getattr__(name: str) -> object:
    """`Collection` and `Settings` are imported when they are asked for: `--help` needs neither."""
    if name == "Collection":
        from ragkit.collection import Collection

        return Collection
    if name == "Settings":
        from ragkit.settings import Settings

        return Settings
    raise AttributeError(f"module 'ragkit' has no attribute {name!r}")
