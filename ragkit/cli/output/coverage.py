"""Coverage as text: the status of files, how many were read, why a path is not found.

Knows no collection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragkit.cli.output.terminal import format_count
from ragkit.records.hits import Hit

if TYPE_CHECKING:
    from ragkit.records.reports import Coverage, FileStatus, Missing, Whereabouts

EMPTY_COLLECTION = "the collection is empty; fill it with: ragkit index FOLDER"
_MAX_LISTED = 20  # files that a failed `--strict` lists
# Reasons by kind, singular and plural.
_REASONS = {
    "no_text_layer": ("scan without a text layer", "scans without a text layer"),
    "no_text": ("without any text",) * 2,
    "encrypted": ("encrypted",) * 2,
    "too_large": ("over the size limit",) * 2,
    "limit": ("over a limit when opened",) * 2,
    "timeout": ("not read in time",) * 2,
    "damaged": ("damaged",) * 2,
    "unreadable": ("that cannot be opened",) * 2,
    "unsupported": ("in an unsupported format",) * 2,
    "image": ("image", "images"),
    "no_document": ("that is not a document", "that are not documents"),
    "hidden": ("hidden",) * 2,
    "ignored": ("ignored",) * 2,
    "excluded": ("excluded",) * 2,
    "link": ("link", "links"),
    "special": ("special file", "special files"),
    "secret": ("with secrets",) * 2,
    "generated": ("generated or vendored",) * 2,
}


def format_coverage(coverage: Coverage) -> str:
    """Return how many files were read: `812 of 830 files, 18 not: 11 scans without a text layer,
    …`."""
    text = f"{coverage.read:,} of {format_count(coverage.files, 'file')}"
    if coverage.missing:
        missing = sum(coverage.missing.values())
        text += f", {missing:,} not: {_kinds(coverage.missing)}"
    return text


def format_left_out(coverage: Coverage) -> str:
    """Return the number of files that are not documents or are excluded by rules: `12 hidden, 3
    ignored`."""
    return _kinds(coverage.left_out)


def format_missing_parts(coverage: Coverage) -> str:
    """Return the number of parts of read files that were not read: `3 of archives and mails not
    read: …`."""
    number = sum(coverage.missing_parts.values())
    return f"{number:,} of archives and mails not read: {_kinds(coverage.missing_parts)}"


def format_coverage_lines(coverage: Coverage) -> list[str]:
    """Return the lines about coverage at the end of a run: none if everything was read."""
    lines = []
    if coverage.missing:
        lines.append(f"read {format_coverage(coverage)} (ragkit ls --failed)")
    if coverage.missing_parts:
        lines.append(f"parts {format_missing_parts(coverage)} (ragkit ls --failed)")
    if coverage.left_out:
        lines.append(f"left out: {format_left_out(coverage)} (ragkit ls --failed)")
    return lines


def _kinds(numbers: Mapping[str, int]) -> str:
    return ", ".join(
        f"{number:,} {_REASONS.get(kind, (kind, kind))[number > 1]}"
        for kind, number in numbers.items()
    )


def format_missing(missing: Sequence[Missing]) -> str:
    """Return the message of a failed `--strict`: the files and parts that were not read."""
    lines = [f"{len(missing):,} not read, so --strict fails:"]
    lines += [f"  {entry.path}: {entry.reason}" for entry in missing[:_MAX_LISTED]]
    if len(missing) > _MAX_LISTED:
        lines.append(f"  and {len(missing) - _MAX_LISTED:,} more: ragkit ls --failed")
    return "\n".join(lines)


def format_stale_warning(hits: Sequence[Hit]) -> str | None:
    """Return a warning that names the files of hits that have changed since indexing; None if none
    has."""
    paths = list(dict.fromkeys(hit.path for hit in hits if hit.stale))
    if not paths:
        return None
    named = ", ".join(paths[:3]) + (f" and {len(paths) - 3:,} more" if len(paths) > 3 else "")
    return f"files changed since indexing: {named}; run `ragkit index` to update"


def format_files(files: Sequence[FileStatus], *, parts: bool = False) -> str:
    """Return one line per file; with `parts` also one for each part of a file that was not read."""
    lines = []
    counts = Counter(file.path for file in files)  # roots may have files of the same path
    for file in files:
        path = file.path if counts[file.path] == 1 else f"{file.root}/{file.path}"
        lines.append(f"{file.status:<8} {file.passages:>6,}  {path}{_remark(file)}")
        for part in file.unread if parts else ():
            status = "skipped" if part.skipped else "failed"
            place = f"{path}/{part.record}" if part.record else path
            lines.append(f"{status:<8} {0:>6,}  {place}  ({part.reason})")
    return "\n".join(lines)


def _remark(file: FileStatus) -> str:
    """Return the remark after a file's path: the reason, or what the file contains."""
    remarks = [file.reason] if file.reason else []
    if file.documents > 1:
        remarks.append(format_count(file.documents, "document"))
    if file.unread_count:
        remarks.append(f"{file.unread_count:,} parts not read")
    if file.secrets_count and file.kind != "secret":
        kinds = ", ".join(dict.fromkeys(secret.kind for secret in file.secrets))
        lines = ", ".join(f"{secret.line:,}" for secret in file.secrets[:3] if secret.line)
        at = f" in line {lines}" + (", …" if file.secrets_count > 3 else "") if lines else ""
        remarks.append(f"secrets: {kinds}{at}")
    if file.unreadable:
        remarks.append(f"{format_count(file.unreadable, 'passage')} that the model cannot read")
    if file.stale:
        remarks.append("changed since indexing")
    return f"  ({', '.join(remarks)})" if remarks else ""


def format_explanations(explanations: Sequence[Whereabouts]) -> str:
    """Return why paths are indexed or not, and the command that changes it."""
    return "\n".join(
        f"{path.path}: {path.answer}" + (f"\n  {path.remedy}" if path.remedy else "")
        for path in explanations
    )
