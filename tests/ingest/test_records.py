"""Files with several documents (mailboxes, archives, tables), from the folder to the hit."""

import os
from dataclasses import replace

import pytest

from ragkit.collection import Collection
from ragkit.errors import UsageError
from tests.documents.files import PNG, make_zip

START = b"From ann@example.org Tue Oct  1 12:34:56 2024\n"
FIRST = START + b"From: ann@example.org\nSubject: One\n\nThe zebra lives in the savanna.\n\n"
SECOND = START + b"From: bo@example.org\nSubject: Two\n\nThe okapi hides in the forest.\n\n"
THIRD = START + b"From: cy@example.org\nSubject: Three\n\nThe walrus rests on the ice.\n\n"


def write(path, data, ago=10):
    """Write a file with a time stamp old enough to be trusted."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    stamp = path.stat().st_mtime_ns - ago * 1_000_000_000
    os.utime(path, ns=(stamp, stamp))


@pytest.fixture
def mail(tmp_path):
    write(tmp_path / "post" / "mail.mbox", FIRST + SECOND)
    return tmp_path / "post"


def best(collection, query):
    return collection.search(query, k=1, mode="lexical")[0]


def ids(collection):
    return {
        hit.path: hit.passage_id
        for word in ("zebra", "okapi", "walrus")
        for hit in collection.search(word, k=1, mode="lexical", min_score=-1)
    }


def test_each_message_of_an_mbox_is_a_document_with_its_citation(collection, mail):
    report = collection.index(mail)
    assert (report.added, report.passages) == (1, 2)
    assert collection.status().documents == 2
    hit = best(collection, "okapi")
    assert (hit.path, hit.title, hit.stale) == ("mail.mbox/2", "Two", False)
    assert hit.metadata["from"] == "bo@example.org"
    assert collection.get(hit.citation).text == hit.text
    assert collection.get("mail.mbox/1").title == "One"
    assert collection.get(str(mail / "mail.mbox" / "1")).path == "mail.mbox/1"


def test_a_new_message_embeds_only_itself(collection, mail):
    collection.index(mail)
    before = ids(collection)
    write(mail / "mail.mbox", FIRST + SECOND + THIRD, ago=5)
    report = collection.index()
    assert (report.updated, report.embedded, report.reused) == (1, 1, 2)
    after = ids(collection)
    assert {path: after[path] for path in before} == before
    assert set(after) - set(before) == {"mail.mbox/3"}


def test_a_deleted_message_is_not_found(collection, mail):
    collection.index(mail)
    write(mail / "mail.mbox", FIRST, ago=5)
    collection.index()
    assert collection.status().documents == 1
    assert not [hit for hit in collection.search("okapi", mode="lexical") if "okapi" in hit.text]
    with pytest.raises(UsageError, match=r"no document mail.mbox/2"):
        collection.get("mail.mbox/2")


def test_unread_members_of_an_archive_are_listed_with_reasons(collection, tmp_path):
    data = make_zip({"a/b.md": "# Tea\n\nGreen leaves.\n", "i.png": PNG, ".x": "y"})
    write(tmp_path / "in" / "docs.zip", data)
    collection.index(tmp_path / "in")
    (file,) = collection.files()
    assert (file.status, file.media_type, file.documents) == ("indexed", "application/zip", 1)
    assert [(part.record, part.reason, part.skipped) for part in file.unread] == [
        ("i.png", "no text layer; install ragkit-search[ocr]", True),
        (".x", "hidden", True),
    ]
    assert file.unread_count == 2
    assert collection.index().missing == ()  # what is no document is not missing
    assert best(collection, "leaves").citation == "docs.zip/a/b.md#L1-L3"
    with pytest.raises(UsageError, match=r"docs.zip/i.png was not read: no text layer"):
        collection.get("docs.zip/i.png")
    with pytest.raises(UsageError, match=r"docs.zip contains 1 documents; name one, as in"):
        collection.get("docs.zip")


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (make_zip({}), "skipped", "contains no files"),
        (make_zip({"a.png": PNG, "b.png": PNG, ".c": "x"}), "skipped",  # the same image twice
         "nothing to read in it: 1 of 3 no text layer; install ragkit-search[ocr]"),
        (b"PK\x03\x04 cut off", "failed", "damaged zip file: its directory cannot be read"),
        (make_zip({"a.txt": ""}), "empty", None),
    ],
)  # fmt: skip
def test_an_archive_without_documents_has_a_reason(collection, tmp_path, data, status, reason):
    write(tmp_path / "in" / "a.zip", data)
    collection.index(tmp_path / "in")
    (file,) = collection.files()
    assert (file.status, file.reason) == (status, reason)


def test_an_archive_that_becomes_unreadable_loses_its_documents(collection, tmp_path):
    write(tmp_path / "in" / "a.zip", make_zip({"a.txt": "Green tea."}))
    collection.index(tmp_path / "in")
    write(tmp_path / "in" / "a.zip", b"PK\x03\x04 cut off", ago=5)
    report = collection.index()
    assert (report.failed, collection.status().documents) == (1, 0)


def test_a_damaged_member_counts_as_missing(collection, tmp_path):
    data = make_zip({"a.txt": "Green tea.", "b.pdf": "%PDF-1.4 cut off"})
    write(tmp_path / "in" / "a.zip", data)
    report = collection.index(tmp_path / "in")
    assert (report.added, report.failed, len(report.missing)) == (1, 0, 1)
    assert [(part.path, part.kind) for part in collection.index().missing] == [
        ("a.zip/b.pdf", "damaged")
    ]
    assert collection.status().coverage.missing_parts == {"damaged": 1}


def test_a_removed_message_returns_with_the_next_change(collection, mail):
    collection.index(mail)
    assert collection.remove(str(mail / "mail.mbox" / "2")) == 1
    assert collection.status().documents == 1
    collection.index()
    assert best(collection, "okapi").path == "mail.mbox/2"


def test_rows_of_tables_are_documents_if_the_setting_says_so(tmp_path, collection, encoder):
    write(tmp_path / "in" / "a.csv", b"id,name\n1,zebra\n2,okapi\n")
    folder = collection.folder
    collection.index(tmp_path / "in")
    assert best(collection, "okapi").path == "a.csv"
    settings = replace(collection.settings, records=True)
    with Collection(folder, settings=settings, encoder=encoder) as by_records:
        report = by_records.index()
        assert (report.updated, by_records.status().documents) == (1, 2)
        hit = best(by_records, "okapi")
        assert (hit.path, hit.metadata) == ("a.csv/3", {"id": "2", "name": "okapi"})
        assert by_records.index().unchanged == 1
    assert collection.index().unchanged == 1  # kept with the collection
    settings = replace(collection.settings, records=False)
    with Collection(folder, settings=settings, encoder=encoder) as by_file:
        assert (by_file.index().updated, by_file.status().documents) == (1, 1)
