"""The status of files, the coverage and the figures of a collection."""

import pytest

from ragkit.records.reports import Missing
from ragkit.storage.sqlite import file_status, passages


@pytest.fixture
def filled(store, add):
    """Return a store with two files that were read, one with an unread part, and three not read."""
    add("a.txt", "Cats sleep. Dogs bark", size=21)
    parts = [["x.doc", "damaged .doc", False, "damaged"], ["logo.png", "image", True, "image"]]
    add("box.zip", "Welcome", record="intro.md", details={"unread": parts, "unread_count": 2})
    add("scan.pdf", status="failed", reason="no text", details={"kind": "no_text_layer"})
    add("sub/.hidden", status="skipped", reason="hidden", details={"kind": "hidden"})
    add("vault.docx", status="failed", reason="encrypted", details={"kind": "encrypted"})
    return store


def paths(rows):
    return [row.path for row in rows]


def test_the_report_lists_every_file_by_path(filled):
    with filled.reading() as connection:
        rows = file_status.coverage_report(connection)
    assert paths(rows) == ["a.txt", "box.zip", "scan.pdf", "sub/.hidden", "vault.docx"]
    text, box, *_ = rows
    assert (text.passages, text.characters, text.tokens, text.documents) == (2, 21, 4, 1)
    assert (box.unread_count, box.unread[0].record, box.unread[1].kind) == (2, "x.doc", "image")


def test_the_report_is_restricted_by_status_root_and_folder(filled, add):
    add("b.txt", "Text", root="/home/other")
    with filled.reading() as connection:
        failed = file_status.coverage_report(connection, statuses=["failed"])
        assert paths(failed) == ["scan.pdf", "vault.docx"]
        assert paths(file_status.coverage_report(connection, root_ids=[2])) == ["b.txt"]
        assert paths(file_status.coverage_report(connection, under="sub")) == ["sub/.hidden"]


def test_tokens_beyond_the_window_of_the_model_are_counted(filled):
    with filled.writing() as connection:
        passages.use_model(connection, "tiny", "f" * 64, 2, 1)
        row = file_status.coverage_report(connection, under="a.txt")[0]
    assert (row.tokens, row.truncated_tokens) == (4, 2)  # two passages of two tokens, window 1


def test_a_verified_file_that_is_gone_is_stale(filled, add):
    add("gone.txt", "Text", digest=b"x" * 20)
    with filled.reading() as connection:
        assert file_status.coverage_report(connection, under="gone.txt", verify=True)[0].stale
        assert not file_status.coverage_report(connection, under="gone.txt")[0].stale


@pytest.mark.parametrize(
    ("path", "expected"),
    [("box.zip/inner/x.doc", "box.zip"), ("a.txt", None), ("node_modules/p/x", "node_modules/")],
)
def test_the_enclosing_file_is_the_nearest_row_above_a_path(filled, add, path, expected):
    add("node_modules/", status="skipped", reason="ignored", details={"kind": "ignored"})
    with filled.reading() as connection:
        row = file_status.enclosing_file(connection, 1, path)
    assert (row and row.path) == expected


def test_files_are_counted_by_status_and_reason(filled):
    with filled.reading() as connection:
        by_status, by_reason = file_status.count_files(connection)
    assert by_status == {"failed": 2, "indexed": 2, "skipped": 1}
    assert by_reason == {"encrypted": 1, "hidden": 1, "no text": 1}


def test_coverage_counts_what_is_missing_and_what_was_left_out(filled):
    with filled.reading() as connection:
        coverage = file_status.coverage(connection)
    assert (coverage.files, coverage.read) == (4, 2)
    assert coverage.missing == {"no_text_layer": 1, "encrypted": 1}
    assert coverage.left_out == {"hidden": 1}
    assert coverage.missing_parts == {"damaged": 1}


def test_an_unknown_kind_counts_as_damaged():
    coverage = file_status.sum_coverage(1, [None, "link"], ["encrypted"])
    assert (coverage.files, coverage.missing) == (2, {"damaged": 1})
    assert coverage.left_out == {"link": 1}
    assert coverage.missing_parts == {"encrypted": 1}


def test_only_files_that_may_contain_a_document_are_missing(filled):
    with filled.reading() as connection:
        rows = file_status.coverage_report(connection)
    assert [row.path for row in rows if file_status.is_missing(row)] == ["scan.pdf", "vault.docx"]


def test_missing_parts_are_those_that_may_contain_documents(filled):
    with filled.reading() as connection:
        parts = file_status.missing_parts(connection, [1])
    assert parts == [Missing("box.zip/x.doc", "damaged", "damaged .doc")]


def test_unread_files_are_listed_in_pages(filled):
    with filled.reading() as connection:
        first = file_status.list_not_read(connection, 0, 2, left_out=False)
        rest = file_status.list_not_read(connection, first[-1].id, 2, left_out=False)
        left_out = file_status.list_not_read(connection, 0, 9, left_out=True)
    assert paths(first) == ["box.zip", "scan.pdf"]
    assert (first[0].reason, first[0].parts_count) == (None, 1)
    assert paths(rest) == ["vault.docx"]
    assert paths(left_out) == ["sub/.hidden"]


def test_the_collection_in_figures(filled):
    with filled.writing() as connection:
        passages.use_model(connection, "mini", "f" * 64, 2, 256)
    status = file_status.collection_status(filled, "1.2.3")
    assert (status.roots, status.documents, status.passages) == (("/home/notes",), 5, 3)
    assert (status.model, status.dimension, status.pending) == ("mini", 2, 3)
    assert status.database_bytes >= filled.path.stat().st_size
    assert (status.index_bytes, status.version) == (0, "1.2.3")
