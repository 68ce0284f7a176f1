"""The versions of ragkit and of the libraries that a collection needs. Imports none of them."""

from __future__ import annotations

import platform
import sqlite3
import sys
from importlib import metadata

from ragkit.analysis import ANALYSIS_VERSION
from ragkit.storage.sqlite.database import SCHEMA_VERSION
from ragkit.version import __version__

PACKAGES = {
    "tantivy": "tantivy",
    "faiss": "faiss-cpu",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "torch": "torch",
    "tokenizers": "tokenizers",
    "sentence-transformers": "sentence-transformers",
}


def versions() -> dict[str, str]:
    """Return name → version; "not installed" for a library that is missing."""
    versions = {
        "ragkit": __version__,
        "schema": str(SCHEMA_VERSION),
        "analysis": str(ANALYSIS_VERSION),
        "python": sys.version.split()[0],
        "platform": f"{platform.system()} {platform.machine()}",
        "sqlite": sqlite3.sqlite_version,
    }
    for name, package in PACKAGES.items():
        try:
            versions[name] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions
