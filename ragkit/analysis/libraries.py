"""Versions of the libraries that make terms. From one to the next, words get other stems."""

from __future__ import annotations

import os
import sys
from functools import cache

from ragkit.analysis import ANALYSIS_VERSION

LIBRARIES = ("opencc", "py3langid", "pystemmer", "simplemma", "tantivy")


@cache
def analysis_versions() -> str:
    """Return `analysis 6, opencc 1.4.2, …`: what the terms of a text depend on.

    Read from the names of the installed packages' folders: `importlib.metadata` takes longer to
    import than a query takes. A library without such a folder is left out.
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 (pathlib is slower)
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info"):
                library, _, version = name.removesuffix(".dist-info").partition("-")
                if library.lower() in LIBRARIES:
                    found.setdefault(library.lower(), version)  # the first one is imported
    libraries = [f"{library} {version}" for library, version in sorted(found.items())]
    return ", ".join([f"analysis {ANALYSIS_VERSION}", *libraries])


def changed_versions(stored: str) -> str:
    """Return which versions in an earlier result of `analysis_versions` are others now:
    `tantivy 0.25.1, now 0.27.0`."""
    before = dict(entry.split(" ", 1) for entry in stored.split(", ") if " " in entry)
    now = dict(entry.split(" ", 1) for entry in analysis_versions().split(", "))
    return ", ".join(
        f"{name} {before.get(name, 'none')}, now {now.get(name, 'none')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    )
