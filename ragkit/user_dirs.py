"""The user's own folders for ragkit, where the platform keeps such things.

`RAGKIT_CONFIG_DIR`, `RAGKIT_CACHE_DIR` and `RAGKIT_DATA_DIR` move them. Makes none of them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def config() -> Path:
    """For settings that a person writes."""
    return _folder("CONFIG", ".config")


def cache() -> Path:
    """For what ragkit can make again."""
    return _folder("CACHE", ".cache")


def data() -> Path:
    """For collections that were given no place."""
    return _folder("DATA", ".local/share")


def _folder(kind: str, unix: str) -> Path:
    if override := os.environ.get(f"RAGKIT_{kind}_DIR"):
        return Path(override)
    if sys.platform not in ("win32", "darwin"):
        # What platformdirs would say (the XDG base directories), without the import: a query that
        # has just begun would wait for it longer than for its passages.
        base = os.environ.get(f"XDG_{kind}_HOME", "").strip()
        return Path(base or Path.home() / unix) / "ragkit"
    import platformdirs

    find = getattr(platformdirs, f"user_{kind.lower()}_path")
    return Path(find("ragkit", appauthor=False))
