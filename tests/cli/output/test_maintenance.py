"""Reports as text: one line per check, the remedy below what is not in order."""

from ragkit.cli.output.maintenance import format_copy, format_diagnoses
from ragkit.records.maintenance import CopyReport, Diagnosis, DoctorReport


def test_a_report_is_a_line_per_check_with_remedies():
    report = DoctorReport(
        "/kit",
        True,
        (
            Diagnosis("disk", "ok", "9 GB free"),
            Diagnosis("vectors", "error", "1 is wrong", "all are right", "ragkit doctor --repair"),
            Diagnosis("orphans", "warning", "2", "none", "ragkit doctor --repair", repaired=True),
        ),
        {"ragkit": "1", "sqlite": "3"},
        ("deleted 2 orphans",),
        1.25,
    )
    assert format_diagnoses(report).split("\n") == [
        "ok        disk: 9 GB free",
        "error     vectors: 1 is wrong",
        "          expected: all are right",
        "          remedy: ragkit doctor --repair",
        "repaired  orphans: 2",
        "done      deleted 2 orphans",
        "versions  ragkit 1, sqlite 3",
        "1 error (/kit, 1.2 s)",
    ]


def test_a_copy_is_one_line_or_two():
    report = CopyReport("/copy", 1, 1200, 1200, 5_000_000, 0.5)
    assert format_copy("backed up", report) == (
        "backed up 1 document (1,200 passages, 1,200 vectors, 5.0 MB) to /copy in 0.5 s"
    )
    aside = CopyReport("/copy", 2, 0, 0, 5, 0.5, "/old")
    assert format_copy("restored", aside).split("\n")[1] == "the old collection is now /old"
