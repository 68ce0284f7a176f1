"""What `ragkit doctor` found, and copies of a collection, as text. Knows no collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkit.cli.output.render import format_size
from ragkit.cli.output.terminal import format_count

if TYPE_CHECKING:
    from ragkit.records.maintenance import CopyReport, Diagnosis, DoctorReport


def format_diagnoses(report: DoctorReport) -> str:
    """Return one line for each check, with the remedy below what is not in order."""
    lines = [line for entry in report.diagnoses for line in _lines(entry)]
    lines += [f"done      {action}" for action in report.actions]
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    lines.append(f"versions  {versions}")
    open_entries = [
        entry for entry in report.diagnoses if entry.severity != "ok" and not entry.repaired
    ]
    errors = sum(entry.severity == "error" for entry in open_entries)
    summary = "everything is in order"
    if open_entries:
        warnings = len(open_entries) - errors
        counts = [format_count(errors, "error")] if errors else []
        counts += [format_count(warnings, "warning")] if warnings else []
        summary = ", ".join(counts)
    lines.append(f"{summary} ({report.collection}, {report.seconds:.1f} s)")
    return "\n".join(lines)


def _lines(entry: Diagnosis) -> list[str]:
    state = "repaired" if entry.repaired else entry.severity
    lines = [f"{state:<9} {entry.name}: {entry.found}"]
    if entry.severity != "ok" and not entry.repaired:
        if entry.expected:
            lines.append(f"          expected: {entry.expected}")
        if entry.remedy:
            lines.append(f"          remedy: {entry.remedy}")
    return lines


def format_copy(verb: str, report: CopyReport) -> str:
    """Return what was copied where: `backed up 3 documents (…) to PATH`."""
    counts = ", ".join(
        (format_count(report.passages, "passage"), format_count(report.vectors, "vector"))
    )
    text = (
        f"{verb} {format_count(report.documents, 'document')} ({counts}, "
        f"{format_size(report.bytes)}) to {report.path} in {report.seconds:.1f} s"
    )
    return text + (f"\nthe old collection is now {report.set_aside}" if report.set_aside else "")
