"""SHA-256 of files, cached between processes.

Contract: `file_digest` is the hex digest of a file's bytes. Hashing 90 MB of weights takes 0.3 s,
longer than a cold query may take, so digests are stored in the user's cache folder, keyed by the
file's real path, size, modification time and inode. Errors of the cache are ignored: the file is
hashed again. `RAGKIT_CACHE_DIR` moves it. Knows nothing of models.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from ragkit import user_dirs

_MAX_DIGESTS = 1_000  # with more, the cache is emptied


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal. Raises OSError if it is unreadable."""
    real = path.resolve()
    status = real.stat()
    key = f"{real}|{status.st_size}|{status.st_mtime_ns}|{status.st_ino}"
    digests = _read_cache()
    if key not in digests:
        with real.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        digests = {} if len(digests) >= _MAX_DIGESTS else digests
        _write_cache({**digests, key: digest})
        return digest
    return digests[key]


def _read_cache() -> dict[str, str]:
    try:
        digests = json.loads((user_dirs.cache() / "digests.json").read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(digests, dict):
        return {}
    return {key: value for key, value in digests.items() if isinstance(value, str)}


def _write_cache(digests: dict[str, str]) -> None:
    """Write a temporary file and rename it: another process never reads half of it."""
    with contextlib.suppress(OSError):
        folder = user_dirs.cache()
        folder.mkdir(parents=True, exist_ok=True)
        import tempfile

        handle, temporary = tempfile.mkstemp(dir=folder, prefix="digests-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(digests, file)
            Path(temporary).replace(folder / "digests.json")
        except OSError:
            Path(temporary).unlink(missing_ok=True)
