"""Cached digests of files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ragkit import user_dirs
from ragkit.encoders import digests


def test_the_digest_is_sha256_and_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"abc")
    assert digests.file_digest(file) == hashlib.sha256(b"abc").hexdigest()
    monkeypatch.delattr(hashlib, "file_digest")
    assert digests.file_digest(file) == hashlib.sha256(b"abc").hexdigest()


def test_a_replaced_file_is_hashed_again(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"abc")
    first = digests.file_digest(file)
    (tmp_path / "new").write_bytes(b"xyz")
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    os.utime(tmp_path / "new", ns=times)  # the same size and time: only the inode differs
    (tmp_path / "new").replace(file)
    assert digests.file_digest(file) != first


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"a": 1}'])
def test_a_damaged_cache_is_ignored(content: bytes, tmp_path: Path) -> None:
    user_dirs.cache().mkdir(parents=True)
    (user_dirs.cache() / "digests.json").write_bytes(content)
    file = tmp_path / "weights"
    file.write_bytes(b"abc")
    assert digests.file_digest(file) == hashlib.sha256(b"abc").hexdigest()


def test_an_unwritable_cache_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    monkeypatch.setenv("RAGKIT_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert digests.file_digest(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    digests.file_digest(tmp_path / "file")
    assert [path.name for path in user_dirs.cache().iterdir()] == ["digests.json"]
