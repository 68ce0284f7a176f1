"""Mailboxes over the size limit are read in pieces; no message is lost to their number or size."""

import os

import pytest

from ragkit.documents.read import read_all
from ragkit.ingest import mailboxes
from ragkit.ingest.mailboxes import open_mailbox
from ragkit.settings import Settings

HEADERS = (
    "From ann@example.org Tue Mar 12 10:00:00 2024\nFrom: Ann Roe <ann@example.org>\n"
    "Subject: Note {0}\nDate: Tue, 12 Mar 2024 10:00:00 +0100\nMessage-ID: <{0}@example.org>\n"
)
FILE = (
    'Content-Type: multipart/mixed; boundary="B"\n\n--B\nContent-Type: text/plain\n'
    "\nSee file {0}.\n"
    "--B\nContent-Type: text/plain\nContent-Disposition: attachment; filename=note.txt\n\n"
    "Attached to {0}.\n--B--\n\n"
)


def message(number, text="The harbour dues are due on Friday.\n"):
    return (HEADERS + "\n").format(number) + text + "\n"


def with_file(number):
    return (HEADERS + FILE).format(number)


@pytest.fixture
def write(tmp_path):
    def write(*messages, name="in/old.mbox"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(messages))
        return path.parent

    return write


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(mailboxes, "PIECE_BYTES", 2_000)
    monkeypatch.setattr(mailboxes, "_READ_BYTES", 700)


@pytest.fixture
def tiny_limit(open_collection):
    return open_collection(Settings(max_file_mb=0.001))


def names(collection):
    return {entry.path: entry.title for entry in collection.documents()}


def test_pieces_have_every_message_once_and_with_its_number(small_pieces, write):
    written = [message(1, "From the start, words.\n" * 200), *map(message, range(2, 40))]
    written.insert(20, message("long", "one line " * 900 + "\n"))
    folder = write(*written, name="in/Inbox")
    mailbox = open_mailbox(str(folder), "Inbox")
    pieces = list(mailbox.pieces())
    assert b"".join(piece.file.data for piece in pieces) == (folder / "Inbox").read_bytes()
    assert len(pieces) > 5
    whole = list(read_all((folder / "Inbox").read_bytes(), "Inbox"))
    found = [
        (piece.renumber(record.name), record.document)
        for piece in pieces
        for record in read_all(piece.file.data, "Inbox")
    ]
    assert found == [(record.name, record.document) for record in whole]


def test_a_message_over_the_limit_is_left_out_alone(small_pieces, write, monkeypatch):
    monkeypatch.setattr(mailboxes, "MAX_MESSAGE_BYTES", 5_000)
    written = [message(1), message(2, "words " * 3_000 + "\n"), message(3), message(4)]
    mailbox = open_mailbox(str(write(*written)), "old.mbox")
    found = {}
    for piece in mailbox.pieces():
        if piece.file is None:
            found[str(piece.first)] = "too large"
            continue
        for record in read_all(piece.file.data, "old.mbox"):
            found[piece.renumber(record.name)] = record.document.title
    assert found == {"1": "Note 1", "2": "too large", "3": "Note 3", "4": "Note 4"}


def test_a_large_mailbox_is_indexed_to_its_end_and_read_again_when_it_grows(
    small_pieces, write, tiny_limit
):
    folder = write(*map(message, range(1, 30)), with_file(30))
    report = tiny_limit.index(folder)
    assert (report.added, report.missing) == (1, ())
    found = names(tiny_limit)
    assert found["old.mbox/1"] == "Note 1"
    assert found["old.mbox/30"] == "Note 30"
    assert "old.mbox/30/note.txt" in found and len(found) == 31
    again = tiny_limit.index(folder)
    assert (again.unchanged, again.updated, again.embedded) == (1, 0, 0)
    os.utime(folder / "old.mbox")
    assert tiny_limit.index(folder).unchanged == 1
    with (folder / "old.mbox").open("a") as file:
        file.write(message("new"))
    assert tiny_limit.index(folder).updated == 1
    assert names(tiny_limit)["old.mbox/31"] == "Note new"
    (hit, *_) = tiny_limit.search("Attached to 30", 1, mode="lexical")
    assert hit.path == "old.mbox/30/note.txt"
    write(*map(message, range(1, 25)))
    tiny_limit.index(folder)
    assert len(names(tiny_limit)) == 24


def test_other_large_files_without_an_extension_are_too_large(write, tiny_limit):
    folder = write("no mail " * 500, name="in/LARGE")
    report = tiny_limit.index(folder)
    assert [missing.kind for missing in report.missing] == ["too_large"]


def test_an_interrupted_mailbox_is_read_again(small_pieces, write, tiny_limit, monkeypatch):
    folder = write(*map(message, range(1, 30)))
    pieces = mailboxes.Mailbox.pieces

    def cut_off(self):
        yield next(pieces(self))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mailboxes.Mailbox, "pieces", cut_off)
        with pytest.raises(KeyboardInterrupt):
            tiny_limit.index(folder)
    tiny_limit.index(folder)
    assert len(names(tiny_limit)) == 29


def test_generated_attachments_of_a_large_mailbox_are_read_where_they_are_asked_for(
    small_pieces, write, tiny_limit
):
    lock = FILE.replace("note.txt", "package-lock.json").replace(
        "Attached to {0}.", '{{"name": "harbour", "lockfileVersion": 3, "packages": {{}}}}'
    )
    messages = [*map(message, range(1, 10)), (HEADERS + lock).format("lock")]
    folder = write(*messages)
    lock_path = "old.mbox/10/package-lock.json"
    tiny_limit.index(folder)
    assert lock_path not in names(tiny_limit)
    tiny_limit.index(folder, include=["*.mbox"])
    assert lock_path in names(tiny_limit)
