"""Zip and tar archives → their members, treated like the files of a folder.

Nothing is unpacked to the disk: member names are only used in citations. Hidden members, links and
devices are skipped with a reason, as in a folder. Encrypted members are read with a password: those
of the old method by Python, those with AES by pyzipper. Knows no document format.
"""

from __future__ import annotations

import importlib.util
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import IO

from ragkit.documents.formats.exports import slack
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import (
    DAMAGE,
    MAX_MEMBERS,
    Budget,
    BudgetExceededError,
    has_too_many_entries,
)
from ragkit.documents.unpacking.zip_names import decode_names
from ragkit.errors import DocumentError

_FLAG_ENCRYPTED = 0x1  # bit of a zip member's general purpose flags
_AES = 99  # in place of the compression method of a member
_NEEDS_EXTRA = "encrypted: needs a password, and ragkit-search[encrypted] to be read with it"
_TYPE_MASK, _TYPE_SYMLINK = 0o170000, 0o120000  # of a Unix file mode


def zip_members(
    data: bytes, name: str, budget: Budget, passwords: Sequence[str] = ()
) -> Iterator[Member]:
    """Yield the members of a zip file, in the order of its central directory. An encrypted member
    is read if one of the passwords opens it.

    A member that cannot be read is yielded with the reason. Raises `DocumentError` if the directory
    is damaged or too long, `BudgetExceededError` if the file's budget is used up.
    """
    if has_too_many_entries(data):
        raise DocumentError(f"zip file with over {MAX_MEMBERS:,} members: not read", kind="limit")
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise DocumentError("damaged zip file: its directory cannot be read") from error
    with archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        decryption = _ZipDecryption(data, archive, passwords)
        slack_users = _slack_users(archive, budget)
        for info, decoded_name in zip(infos, decode_names(infos), strict=True):
            budget.count_member()
            member_name = decoded_name.replace("\\", "/")
            mode = info.external_attr >> 16
            if _is_hidden(member_name):
                yield Member(member_name, reason="hidden", skipped=True, kind="hidden")
            elif mode & _TYPE_MASK == _TYPE_SYMLINK:
                yield Member(member_name, reason="symbolic link", skipped=True, kind="link")
            elif info.flag_bits & _FLAG_ENCRYPTED:
                yield decryption.read(info, member_name, budget)
            else:
                yield _slack_member(_zip_member(archive, info, member_name, budget), slack_users)


class _ZipDecryption:
    """Reads the encrypted members of a zip file. The password that opened one is tried first."""

    def __init__(self, data: bytes, archive: zipfile.ZipFile, passwords: Sequence[str]) -> None:
        self._data, self._archive = data, archive
        self._aes: tuple[zipfile.ZipFile, dict[int, zipfile.ZipInfo]] | None = None  # by offset
        # Programs of Windows encrypt with the bytes of its code page, others with UTF-8.
        encoded = (
            password.encode(encoding, "replace")
            for password in passwords
            for encoding in ("utf-8", "cp1252")
        )
        self._passwords = list(dict.fromkeys(encoded))

    def read(self, info: zipfile.ZipInfo, name: str, budget: Budget) -> Member:
        """Return a member with its content, or with the reason why it stays closed."""
        if self._passwords and info.compress_type == _AES and not _has_pyzipper():
            return Member(name, reason=_NEEDS_EXTRA, kind="encrypted")
        for password in self._passwords:
            try:
                with self._open(info, password) as file:
                    content = budget.decompress(file, info.compress_size, name)
            except BudgetExceededError:
                raise
            except DocumentError as error:
                return Member(name, reason=str(error), kind=error.kind)
            except (RuntimeError, NotImplementedError, KeyError, struct.error, *DAMAGE):
                # One wrong password in 256 seems to be right, until the content is no valid data.
                continue
            self._passwords.remove(password)
            self._passwords.insert(0, password)
            return Member(name, content)
        return Member(name, reason="encrypted: needs a password", kind="encrypted")

    def _open(self, info: zipfile.ZipInfo, password: bytes) -> IO[bytes]:
        if info.compress_type != _AES:
            return self._archive.open(info, pwd=password)
        if self._aes is None:  # its directory is read once for all members
            from pyzipper import AESZipFile

            self._aes = self._archive, {}  # if it cannot be read, all of them stay closed
            archive: zipfile.ZipFile = AESZipFile(BytesIO(self._data))
            self._aes = archive, {inner.header_offset: inner for inner in archive.infolist()}
        archive, infos = self._aes
        return archive.open(infos[info.header_offset], pwd=password)


def _has_pyzipper() -> bool:
    return importlib.util.find_spec("pyzipper") is not None


def _slack_users(archive: zipfile.ZipFile, budget: Budget) -> dict[str, Mapping[str, str]]:
    """Names by user id, for each folder of a zip file that is an export of Slack ("": the root)."""
    names = set(archive.namelist())
    users = {}
    for folder in {
        name.removesuffix("users.json") for name in names if f"/{name}".endswith("/users.json")
    }:
        info = archive.getinfo(f"{folder}users.json")
        if names.issuperset(f"{folder}{name}" for name in slack.LISTS):
            is_encrypted = info.flag_bits & _FLAG_ENCRYPTED
            data = b"" if is_encrypted else _zip_member(archive, info, info.filename, budget).data
            users[folder] = slack.user_names(data)
    return users


def _slack_member(member: Member, users: dict[str, Mapping[str, str]]) -> Member:
    """A day of a channel with the names of its people; the lists of ids are not documents."""
    folder, _, name = member.name.rpartition("/")
    if member.reason is not None or not users:
        return member
    if name in slack.LISTS and (f"{folder}/" if folder else "") in users:
        reason = "list of ids in an export of Slack"
        return Member(member.name, reason=reason, skipped=True, kind="no_document")
    export = folder.rpartition("/")[0]
    names = users.get(f"{export}/" if export else "")
    if names is not None and slack.is_day(member.name):
        document = slack.read_named_day(member.data, member.name, names)
        return Member(member.name, document=document)
    return member


def _zip_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, budget: Budget
) -> Member:
    try:
        with archive.open(info) as file:
            return Member(name, budget.decompress(file, info.compress_size, name))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        return Member(name, reason=f"damaged zip member: {error}")
    except BudgetExceededError:
        raise
    except DocumentError as error:
        return Member(name, reason=str(error), kind=error.kind)
    except NotImplementedError:
        reason = f"unknown compression method ({info.compress_type})"
        return Member(name, reason=reason, kind="unsupported")


def tar_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the members of an uncompressed tar file, in file order.

    A member that cannot be read is yielded with the reason. Raises `DocumentError` where the file
    is damaged, `BudgetExceededError` if its budget is used up.
    """
    try:
        archive = tarfile.open(fileobj=BytesIO(data), mode="r:", errors="surrogateescape")  # noqa: SIM115
    except tarfile.TarError as error:
        raise DocumentError(f"damaged tar file: {error}") from error
    with archive:
        while True:
            try:
                info = archive.next()
            except (tarfile.TarError, EOFError, ValueError) as error:
                raise DocumentError(f"damaged tar file, the rest is not read: {error}") from error
            if info is None:
                return
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep every header
            if info.isdir():
                continue
            budget.count_member()
            yield _tar_member(archive, info, budget)


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, budget: Budget) -> Member:
    name = info.name
    if _is_hidden(name):
        return Member(name, reason="hidden", skipped=True, kind="hidden")
    if info.issym() or info.islnk():
        reason = f"{'symbolic' if info.issym() else 'hard'} link"
        return Member(name, reason=reason, skipped=True, kind="link")
    if not info.isreg():
        return Member(name, reason="not a regular file", skipped=True, kind="special")
    return _regular_tar_member(archive, info, budget)


def _regular_tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, budget: Budget) -> Member:
    name = info.name
    try:
        file = archive.extractfile(info)
        content = b"" if file is None else budget.decompress(file, info.size, name)
    except BudgetExceededError:
        raise
    except DocumentError as error:
        return Member(name, reason=str(error), kind=error.kind)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        return Member(name, reason=f"damaged tar member: {error}")
    if len(content) < info.size:
        return Member(name, reason="damaged tar member: it is cut off")
    return Member(name, content)


def _is_hidden(name: str) -> bool:
    """Return whether a part of the path begins with a dot, or macOS stored metadata there."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return any(part.startswith(".") for part in parts) or parts[:1] == ["__MACOSX"]
