"""SHA-256 of files, remembered between processes.

Contract: `file_digest` is the hex digest of a file's bytes. Hashing 90 MB of weights takes 0.3 s,
longer than a cold query may take, so digests are kept in the user's cache folder, keyed by where
the file really lies, its size, its modification time and its inode. The cache is a help and
never a need: whatever goes wrong with it is passed over. `RAGKIT_CACHE_DIR` moves it.
Knows nothing of models.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from ragkit import user_dirs

# Enough for any set of models in use; beyond it the cache starts anew.
_MOST = 1_000


def file_digest(path: Path) -> str:
    """Hex SHA-256 of the file's bytes."""
    real = path.resolve()
    status = real.stat()
    key = f"{real}|{status.st_size}|{status.st_mtime_ns}|{status.st_ino}"
    known = _read()
    if key not in known:
        with real.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        known = {} if len(known) >= _MOST else known
        _write({**known, key: digest})
        return digest
    return known[key]


def _read() -> dict[str, str]:
    try:
        known = json.loads((user_dirs.cache() / "digests.json").read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: value for key, value in known.items() if isinstance(value, str)}


def _write(known: dict[str, str]) -> None:
    """Write to a file beside, then rename: another process never reads half of it."""
    with contextlib.suppress(OSError):
        folder = user_dirs.cache()
        folder.mkdir(parents=True, exist_ok=True)
        import tempfile

        handle, temporary = tempfile.mkstemp(dir=folder, prefix="digests-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(known, file)
            Path(temporary).replace(folder / "digests.json")
        except OSError:
            Path(temporary).unlink(missing_ok=True)
