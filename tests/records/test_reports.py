"""Reports: what a run without work and a file without details contain."""

from ragkit.records.reports import Coverage, FileStatus, IndexReport, NotRead, Unread


def test_an_empty_run_reports_zeros():
    report = IndexReport()
    counts = (report.added, report.updated, report.unchanged, report.moved, report.removed)
    assert counts == (0, 0, 0, 0, 0)
    assert (report.documents, report.warnings, report.missing) == ((), (), ())
    assert report.coverage is None
    assert not report.dry_run


def test_a_file_status_has_no_unread_parts_by_default():
    status = FileStatus("a", "indexed", None, 1, "text/plain", None, 5, 5, 1, (), "/notes")
    assert (status.unread, status.unread_count, status.stale) == ((), 0, False)
    assert status.ocr_confidence is None


def test_an_unread_part_is_damaged_by_default():
    assert Unread("b.pdf", "cut short", skipped=False).kind == "damaged"


def test_coverage_and_unread_files_have_no_parts_by_default():
    assert dict(Coverage(3, 2, {"damaged": 1}, {}).missing_parts) == {}
    assert NotRead(1, "a", "/notes", "failed", "damaged", "cut short").parts == ()
