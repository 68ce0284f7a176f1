"""The user's folders for ragkit: configuration, cache and data, where the platform puts them.

`RAGKIT_CONFIG_DIR`, `RAGKIT_CACHE_DIR` and `RAGKIT_DATA_DIR` override them. Creates none of them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def config() -> Path:
    """Return the folder of the user's settings file."""
    return _folder("CONFIG", ".config")


def cache() -> Path:
    """Return the folder of what ragkit can rebuild."""
    return _folder("CACHE", ".cache")


def data() -> Path:
    """Return the folder of the default collection."""
    return _folder("DATA", ".local/share")


def _folder(kind: str, unix: str) -> Path:
    if override := os.environ.get(f"RAGKIT_{kind}_DIR"):
        return Path(override)
    if sys.platform not in ("win32", "darwin"):
        # Same as platformdirs (the XDG base directories) without its import, which takes longer
        # than finding the passages of a query.
        base = os.environ.get(f"XDG_{kind}_HOME", "").strip()
        return Path(base or Path.home() / unix) / "ragkit"
    import platformdirs

    find = getattr(platformdirs, f"user_{kind.lower()}_path")
    return Path(find("ragkit", appauthor=False))
