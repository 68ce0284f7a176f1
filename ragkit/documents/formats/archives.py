"""Zip and tar files → their members, read like the files of a folder.

Nothing is written anywhere: names only become parts of citations. Hidden members, links and
devices are passed over with a reason, as they are in a folder. Knows no document format.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

from ragkit.documents.budget import Budget, SpentError
from ragkit.documents.containers import Member
from ragkit.documents.unpacking.limits import MAX_ENTRIES, too_many_entries
from ragkit.errors import DocumentError

_ENCRYPTED = 0x1  # flag of a zip member


def zip_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """The members of a zip file, in the order of its directory.

    Raises DocumentError where it has no readable directory.
    """
    if too_many_entries(data):
        raise DocumentError(f"zip file with over {MAX_ENTRIES:,} members: not read", kind="limit")
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise DocumentError("damaged zip file: its directory cannot be read") from error
    with archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            budget.member()
            inner = info.filename.replace("\\", "/")
            mode = info.external_attr >> 16
            if (reason := _passed_over(inner)) is not None:
                yield Member(inner, reason=reason, skipped=True, kind="hidden")
            elif mode & 0o170000 == 0o120000:
                yield Member(inner, reason="symbolic link", skipped=True, kind="link")
            elif info.flag_bits & _ENCRYPTED:
                yield Member(inner, reason="encrypted: needs a password", kind="encrypted")
            else:
                yield _zip_member(archive, info, inner, budget)


def _zip_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, inner: str, budget: Budget
) -> Member:
    try:
        with archive.open(info) as file:
            return Member(inner, budget.inflate(file, info.compress_size, inner))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        return Member(inner, reason=f"damaged zip member: {error}")
    except SpentError:
        raise
    except DocumentError as error:
        return Member(inner, reason=str(error), kind=error.kind)
    except NotImplementedError:
        reason = f"compressed by a method ({info.compress_type}) not known"
        return Member(inner, reason=reason, kind="unsupported")


def tar_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """The members of a tar file, in their order. Raises DocumentError where it is damaged."""
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
            archive.members.clear()  # type: ignore[attr-defined]  # else it keeps every header
            if info.isdir():
                continue
            budget.member()
            yield _tar_member(archive, info, budget)


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, budget: Budget) -> Member:
    inner = info.name
    reason, kind = _passed_over(inner), "hidden"
    if reason is None and (info.issym() or info.islnk()):
        reason, kind = f"{'symbolic' if info.issym() else 'hard'} link", "link"
    elif reason is None and not info.isreg():
        reason, kind = "not a regular file", "special"
    if reason is not None:
        return Member(inner, reason=reason, skipped=True, kind=kind)
    try:
        file = archive.extractfile(info)
        content = b"" if file is None else budget.inflate(file, info.size, inner)
    except SpentError:
        raise
    except DocumentError as error:
        return Member(inner, reason=str(error), kind=error.kind)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        return Member(inner, reason=f"damaged tar member: {error}")
    if len(content) < info.size:
        return Member(inner, reason="damaged tar member: it is cut off")
    return Member(inner, content)


def _passed_over(name: str) -> str | None:
    """Why a member is not read for its name alone."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    if any(part.startswith(".") for part in parts) or parts[:1] == ["__MACOSX"]:
        return "hidden"
    return None
