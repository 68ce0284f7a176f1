"""ragkit: point it at a folder, ask it questions, get cited passages.

import ragkit

with ragkit.Collection("notes/.ragkit") as notes:
    notes.index("notes/")
    hits = notes.search("how do we rotate keys?", k=5)
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from ragkit.version import __version__ as __version__

# ONNX Runtime (from 1.29) and huggingface_hub report to their makers unless these variables are
# set before they are imported. A value that the user has set stays.
for _variable in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"):
    os.environ.setdefault(_variable, "1")

if TYPE_CHECKING:
    from ragkit.collection import Collection
    from ragkit.collection_group import CollectionGroup, search_collections
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
    from ragkit.records.hit_parts import Explanation
    from ragkit.records.hits import Hit
    from ragkit.records.reports import CollectionStatus, Excerpt, FileStatus, IndexReport
    from ragkit.settings import Settings

# The module that defines each exported name. It is imported on first use only.
_MODULES = {
    "Answer": "records.answers",
    "BusyError": "errors",
    "Citation": "records.answers",
    "Collection": "collection",
    "CollectionError": "errors",
    "CollectionGroup": "collection_group",
    "CollectionStatus": "records.reports",
    "DocumentError": "errors",
    "Excerpt": "records.reports",
    "Explanation": "records.hit_parts",
    "FileStatus": "records.reports",
    "Hit": "records.hits",
    "IndexReport": "records.reports",
    "ModelError": "errors",
    "Piece": "records.answers",
    "RagkitError": "errors",
    "Retrieved": "records.answers",
    "Settings": "settings",
    "Statement": "records.answers",
    "Turn": "records.answers",
    "UnavailableError": "errors",
    "Usage": "records.answers",
    "UsageError": "errors",
    "search_collections": "collection_group",
}
__all__ = [
    "Answer",
    "BusyError",
    "Citation",
    "Collection",
    "CollectionError",
    "CollectionGroup",
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
    "search_collections",
]


def __getattr__(name: str) -> object:
    """Import an exported name on first use."""
    if name not in _MODULES:
        raise AttributeError(f"module 'ragkit' has no attribute {name!r}")
    return getattr(import_module(f"ragkit.{_MODULES[name]}"), name)
