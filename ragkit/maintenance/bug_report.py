"""A file for a bug report: versions, findings and counts; no text, no names, no paths.

What is left out: document texts, titles and metadata, file and folder names, queries, addresses,
keys, the names of this user and this machine. Messages may name such things, so they are redacted;
settings are written only where their value is a number, a yes or no, or one of a fixed list.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ragkit.errors import CollectionError, UsageError
from ragkit.records.maintenance import DoctorReport
from ragkit.settings import FUSIONS, MODES, OCR_ENGINES, PRESETS, SECRET_MODES, Settings
from ragkit.storage.collection_files import refuse_links
from ragkit.storage.sqlite import transfer

_FIXED = frozenset((*FUSIONS, *MODES, *OCR_ENGINES, *PRESETS, *SECRET_MODES, "fp32", "int8"))
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://\S+", re.IGNORECASE)
_PATH = re.compile(r"(?:~|[A-Za-z]:)?[/\\][^\s'\",;:()]*|\b[\w-]+(?:/[\w.-]+)+")
_QUOTED = re.compile(r"(['\"`]).*?\1")
_FILE = re.compile(r"\b[\w-]+\.[A-Za-z][A-Za-z0-9]{0,7}\b")
_TOKEN = re.compile(r"\b[\w+/=-]{24,}\b")
_KEPT_FILES = re.compile(r"ragkit\.db|vectors-[0-9a-f]{12}-\d+\.(?:faiss|codes)")
_OMITTED = ("lock", "model", "database")  # messages about processes, names and paths


def write(report: DoctorReport, settings: Settings, target: Path) -> None:
    """Write the redacted report as JSON to the new file `target`.

    Raises UsageError if the file exists, CollectionError if it cannot be written.
    """
    content = json.dumps(bundle(report, settings), indent=1, ensure_ascii=True) + "\n"
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError as error:
        raise UsageError(f"{target} exists; name a new file") from error
    except OSError as error:
        raise CollectionError(f"cannot write {target}: {error.strerror or error}") from error


def bundle(report: DoctorReport, settings: Settings) -> dict[str, Any]:
    """Return the content of the report as JSON values."""
    folder = Path(report.collection).absolute()
    names = [*_names_of_this_machine(), report.collection, *_stored_names(folder)]
    diagnoses = []
    for entry in report.diagnoses:
        values = asdict(entry)
        hidden = entry.name in _OMITTED
        for name in ("found", "expected", "remedy"):
            text = values[name]
            values[name] = None if text is None or hidden else redact(text, names)
        diagnoses.append(values)
    return {
        "versions": dict(report.versions),
        "usable": report.usable,
        "worst": report.worst,
        "counts": dict(report.counts),
        "diagnoses": diagnoses,
        "actions": [redact(action, names) for action in report.actions],
        "settings": safe_settings(settings),
        "files": file_counts(folder),
    }


def redact(text: str, names: Iterable[str]) -> str:
    """Return a message without these names, and without paths, addresses and long tokens."""
    for name in sorted({name for name in names if len(name) > 1}, key=len, reverse=True):
        text = text.replace(name, "<name>")
    text = _URL.sub("<address>", text)
    text = _QUOTED.sub("<text>", text)
    text = _PATH.sub("<path>", text)
    text = _FILE.sub(lambda match: _kept_file(match.group()), text)
    return _TOKEN.sub("<token>", text)


def _kept_file(name: str) -> str:
    return name if _KEPT_FILES.fullmatch(name) else "<file>"


def safe_settings(settings: Settings) -> dict[str, object]:
    """Return the settings whose values name nothing; others are "set" where they are set."""
    values: dict[str, object] = {}
    for field in fields(Settings):
        value = getattr(settings, field.name)
        is_safe = value is None or isinstance(value, (bool, int, float)) or value in _FIXED
        values[field.name] = value if is_safe else "set"
    return values


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading. Raises CollectionError for a link or a special file, which
    SQLite would follow or wait for, and SQLite's errors."""
    refuse_links(path.parent, path.name)
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def file_counts(folder: Path) -> Mapping[str, Any]:
    """Return how many files have which status, media type and kind of reason; {} if unreadable."""
    path = folder / "ragkit.db"
    with (
        contextlib.suppress(sqlite3.Error, OSError, CollectionError),
        _opened(path) as connection,
    ):
        return transfer.file_statistics(connection)
    return {}


def _names_of_this_machine() -> list[str]:
    names = [str(Path.home()), os.path.expanduser("~"), socket.gethostname()]  # noqa: PTH111
    with contextlib.suppress(OSError, KeyError, ImportError):
        names.append(getpass.getuser())
    return [name for name in names if name not in ("/", "root", "localhost")]


def _stored_names(folder: Path) -> list[str]:
    """Return the names in the database that a message may repeat: roots, files and models."""
    path = folder / "ragkit.db"
    with (
        contextlib.suppress(sqlite3.Error, OSError, CollectionError),
        _opened(path) as connection,
    ):
        return transfer.stored_names(connection)
    return []
