"""The ledger as text for people: what became of files, how many were read, why one is not found.

Knows no collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragkit.cli.output.terminal import counted
from ragkit.records.documents import Hit

if TYPE_CHECKING:
    from ragkit.records.reports import Coverage, FileStatus, Missing, Whereabouts

_NAMED = 20  # files that a failed `--strict` and a stale answer name
# Kinds of reasons, for one and for several.
_WORDS = {
    "no_text_layer": ("scan without a text layer", "scans without a text layer"),
    "no_text": ("without any text",) * 2,
    "encrypted": ("encrypted",) * 2,
    "too_large": ("over the size limit",) * 2,
    "limit": ("over a limit when opened",) * 2,
    "timeout": ("not read in time",) * 2,
    "damaged": ("damaged",) * 2,
    "unreadable": ("that cannot be opened",) * 2,
    "unsupported": ("in a format not supported yet",) * 2,
    "image": ("image", "images"),
    "no_document": ("that is no document", "that are no documents"),
    "hidden": ("hidden",) * 2,
    "ignored": ("ignored",) * 2,
    "excluded": ("excluded",) * 2,
    "link": ("link", "links"),
    "special": ("special file", "special files"),
}


def coverage(coverage: Coverage) -> str:
    """`812 of 830 files, 18 not: 11 scans without a text layer, 4 encrypted, 3 over …`."""
    text = f"{coverage.read:,} of {counted(coverage.files, 'file')}"
    if coverage.missing:
        missing = sum(coverage.missing.values())
        text += f", {missing:,} not: {_kinds(coverage.missing)}"
    return text


def left_out(coverage: Coverage) -> str:
    """What is no document, or is left out by rules: `12 hidden, 3 ignored`."""
    return _kinds(coverage.left_out)


def parts(coverage: Coverage) -> str:
    """What is missing of files that were read."""
    number = sum(coverage.missing_parts.values())
    return f"{number:,} of archives and mails not read: {_kinds(coverage.missing_parts)}"


def coverage_lines(found: Coverage) -> list[str]:
    """What a run says of coverage at its end: nothing where everything was read."""
    lines = []
    if found.missing:
        lines.append(f"read {coverage(found)} (ragkit ls --failed)")
    if found.missing_parts:
        lines.append(f"parts {parts(found)} (ragkit ls --failed)")
    if found.left_out:
        lines.append(f"left out: {left_out(found)} (ragkit ls --failed)")
    return lines


def _kinds(numbers: Mapping[str, int]) -> str:
    return ", ".join(
        f"{number:,} {_WORDS.get(kind, (kind, kind))[number > 1]}"
        for kind, number in numbers.items()
    )


def missing(missing: Sequence[Missing]) -> str:
    """What keeps a run from full coverage."""
    lines = [f"{len(missing):,} not read, which --strict does not allow:"]
    lines += [f"  {each.path}: {each.reason}" for each in missing[:_NAMED]]
    if len(missing) > _NAMED:
        lines.append(f"  and {len(missing) - _NAMED:,} more: ragkit ls --failed")
    return "\n".join(lines)


def stale(hits: Sequence[Hit]) -> str | None:
    """One line for all hits whose file has changed or gone since; None where there is none."""
    paths = list(dict.fromkeys(hit.path for hit in hits if hit.stale))
    if not paths:
        return None
    named = ", ".join(paths[:3]) + (f" and {len(paths) - 3:,} more" if len(paths) > 3 else "")
    verb = "has" if len(paths) == 1 else "have"
    return f"{named} {verb} changed or gone since indexed; mend with: ragkit index"


def files(files: Sequence[FileStatus], *, parts: bool = False) -> str:
    """The ledger, a line a file; with `parts` also one for what is in a file and was not read."""
    lines = []
    for file in files:
        lines.append(f"{file.status:<8} {file.passages:>6,}  {file.path}{_remark(file)}")
        for each in file.unread if parts else ():
            status = "skipped" if each.skipped else "failed"
            place = f"{file.path}/{each.record}" if each.record else file.path
            lines.append(f"{status:<8} {0:>6,}  {place}  ({each.reason})")
    return "\n".join(lines)


def _remark(file: FileStatus) -> str:
    """What is behind a file's path: its reason, or what it holds."""
    holds = [file.reason] if file.reason else []
    if file.documents > 1:
        holds.append(counted(file.documents, "document"))
    if file.unread_count:
        holds.append(f"{file.unread_count:,} in it not read")
    if file.stale:
        holds.append("changed or gone since")
    return f"  ({', '.join(holds)})" if holds else ""


def explanations(found: Sequence[Whereabouts]) -> str:
    """Why paths are found or not, with the command that changes it."""
    return "\n".join(
        f"{each.path}: {each.answer}" + (f"\n  {each.remedy}" if each.remedy else "")
        for each in found
    )
