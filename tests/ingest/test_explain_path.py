"""The explanation of a path: its state, the reason and the remedy."""

import os
import re
import sys
import time

import pytest

from ragkit import Settings
from ragkit.errors import UsageError
from tests.documents.files import make_zip


@pytest.fixture
def indexed(collection, folder, monkeypatch):
    """Return a collection of the three notes, an archive and several skipped paths."""
    (folder / ".gitignore").write_text("# scratch\n*.tmp\nbuild/\n")
    (folder / "a.tmp").write_text("x")
    (folder / "build").mkdir()
    (folder / "build" / "out.txt").write_text("x")
    (folder / ".secret").write_text("x")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    members = {"in/tea.txt": "Green tea.", "cut.pdf": "%PDF-1.4 cut off"}
    (folder / "docs.zip").write_bytes(make_zip(members))
    for path in folder.rglob("*.*"):
        old = time.time() - 10
        os.utime(path, (old, old))
    collection.index(folder)
    monkeypatch.chdir(folder.parent)
    return collection


@pytest.mark.parametrize(
    ("path", "state", "answer"),
    [
        ("notes/leave.txt", "indexed", "read on .* and unchanged since: 1 passage, text/plain"),
        ("notes/a.tmp", "skipped", r"ignored by .gitignore:2 \(\*\.tmp\)"),
        ("notes/build/out.txt", "skipped", r"the folder build/ is ignored by .gitignore:3"),
        ("notes/.secret", "skipped", "hidden"),
        ("notes/broken.pdf", "failed", "could not be read .*: damaged PDF: no pages"),
        ("notes/docs.zip", "indexed", "1 passage, application/zip; 1 in it not read"),
        ("notes/docs.zip/in/tea.txt", "indexed", "in docs.zip, read on .*: 1 passage$"),
        ("docs.zip/cut.pdf", "failed", "in docs.zip, not read: damaged PDF"),
        ("docs.zip/no.txt", "unknown", "docs.zip had no no.txt when it was read on"),
        ("notes/sub", "folder", "a folder: 1 of 1 files were read, 1 passage$"),
        ("notes", "folder", r"a folder: 4 of 5 files were read, 5 passages; 4 left out"),
        ("sub/cats.txt", "indexed", "unchanged since"),
        ("notes/nothing.txt", "unknown", "there is no such file in .*notes"),
        ("nothing.txt", "unknown", "there is no such file; the roots are: .*notes"),
        ("..", "folder", "4 of 5 files"),
    ],
)
def test_each_kind_of_path_has_its_state_and_answer(indexed, path, state, answer):
    explanation = indexed.explain(path)
    assert (explanation.path, explanation.state) == (path, state)
    assert re.search(answer, explanation.answer), explanation.answer


def test_new_changed_and_deleted_files_have_their_state(indexed, folder):
    (folder / "new.txt").write_text("New.")
    (folder / "leave.txt").write_text("Parents work.")
    (folder / "sub" / "cats.txt").unlink()
    explanations = [
        indexed.explain(f"notes/{path}") for path in ("new.txt", "leave.txt", "sub/cats.txt")
    ]
    assert [explanation.state for explanation in explanations] == ["new", "changed", "gone"]
    assert explanations[1].remedy == f"ragkit index {folder / 'leave.txt'}"
    assert explanations[2].remedy == f"ragkit remove {folder / 'sub' / 'cats.txt'}"
    assert "2 changed or deleted since" in indexed.explain("notes").answer
    indexed.index(folder)
    assert (
        indexed.explain("notes/new.txt").state
        == indexed.explain("notes/leave.txt").state
        == "indexed"
    )
    assert indexed.explain("notes/sub/cats.txt").state == "unknown"


def test_the_advice_for_a_missing_file_removes_it_where_indexing_keeps_it(indexed, folder):
    folder.rename(folder.with_name("away"))  # as a disk that is not mounted
    explanation = indexed.explain("notes/leave.txt")
    assert explanation.state == "gone"
    command, path = explanation.remedy.removeprefix("ragkit ").split()
    assert (command, indexed.remove([path])) == ("remove", 1)
    assert indexed.explain("notes/leave.txt").state == "unknown"


def test_a_file_outside_of_all_roots_names_them_and_the_command(indexed, folder, tmp_path):
    (tmp_path / "other.txt").write_text("x")
    explanation = indexed.explain("other.txt")
    assert (explanation.state, explanation.remedy) == ("outside", "ragkit index other.txt")
    assert str(folder) in explanation.answer


def test_a_file_excluded_since_the_last_run_is_skipped_with_the_rule(indexed, folder):
    (folder / ".gitignore").write_text("leave.txt\n")
    assert indexed.explain("notes/a.tmp").state == "new"
    explanation = indexed.explain("notes/leave.txt")
    assert explanation.state == "skipped"
    assert "ignored by .gitignore:1 (leave.txt); its text read on" in explanation.answer


def test_a_file_over_the_size_limit_names_the_setting(open_collection, folder):
    collection = open_collection(Settings(passage_tokens=40, overlap=0.0, max_file_mb=0.00005))
    collection.index(folder)
    explanation = collection.explain(folder / "keys.md")
    assert (explanation.state, explanation.answer) == ("skipped", "larger than 50 bytes")
    assert "max_file_mb" in explanation.remedy
    assert collection.status().coverage.missing == {"too_large": 1}


def test_passages_without_an_embedding_are_reported(indexed, folder, monkeypatch):
    with indexed._store.writing() as connection:
        connection.execute("DELETE FROM vectors")
    explanation = indexed.explain("notes/keys.md")
    assert "2 of them have no embedding yet" in explanation.answer
    assert explanation.remedy == "ragkit index"


def test_files_are_listed_by_path(indexed, folder):
    def listed(*paths):
        return [file.path for file in indexed.files(paths=paths)]

    assert listed("notes/sub", folder / "keys.md") == ["keys.md", "sub/cats.txt"]
    assert listed("docs.zip/in/tea.txt") == ["docs.zip"]
    assert listed("build") == ["build/"]
    assert listed(".") == [file.path for file in indexed.files()]
    with pytest.raises(UsageError, match=r"nothing\.txt is not in this collection; why: ragkit ls"):
        listed("nothing.txt")


def test_a_root_that_cannot_be_read_is_explained(collection, folder, monkeypatch):
    collection.index(folder)
    real = os.stat

    def refuse(path, *arguments, **named):
        if str(path) == str(folder):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "stat", refuse)
    explanation = collection.explain(folder / "keys.md")
    assert explanation.state == "skipped"
    assert f"its root {folder} cannot be read: permission denied" in explanation.answer
    assert "is kept" in explanation.answer


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs")
def test_a_rule_in_a_file_that_is_no_longer_regular_is_not_read(collection, folder):
    from ragkit.ingest.explain_path import _rule_line

    (folder / ".gitignore").write_bytes(b"one\n\xff two \n")
    assert _rule_line(folder / ".gitignore", 2) == "\N{REPLACEMENT CHARACTER} two"
    gone = "a rule that no longer exists"
    assert _rule_line(folder / ".gitignore", 9) == gone
    (folder / ".gitignore").unlink()
    os.mkfifo(folder / ".gitignore")
    assert _rule_line(folder / ".gitignore", 1) == gone  # and does not wait
