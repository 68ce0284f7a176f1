"""Regular expressions over extracted text: matches, limits, and patterns that never end."""

import sys
import zipfile

import pytest

from ragkit import UsageError
from ragkit.lookup import grep as grep_module

DOCX = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    "<w:p><w:r><w:t>Dear birds</w:t></w:r></w:p></w:body></w:document>"
)


def found(result):
    return [(match.citation, match.line, match.text) for match in result.matches]


def test_lines_have_citations_that_get_accepts(collection, folder):
    collection.index(folder)
    result = collection.grep(r"keys|private")
    assert found(result) == [
        ("keys.md#L3", 3, "Rotate the signing keys every ninety days."),
        ("keys.md#L7", 7, "Keep the private part in a vault."),
    ]  # fmt: skip
    assert [collection.get(match.citation).text for match in result.matches] == [
        match.text for match in result.matches
    ]
    assert (result.cursor, result.searched, result.notice) == (None, 3, None)


def test_options_for_case_words_and_plain_text(collection, folder):
    (folder / "a.txt").write_text("Über alles\nüberall\na.b (x\naxb\n")
    collection.index(folder / "a.txt")
    assert [m.line for m in collection.grep("über").matches] == [2]
    assert [m.line for m in collection.grep("über", ignore_case=True).matches] == [1, 2]
    assert [m.line for m in collection.grep("über", ignore_case=True, word=True).matches] == [1]
    assert [m.line for m in collection.grep("a.b").matches] == [3, 4]
    assert [m.line for m in collection.grep("a.b (x", literal=True).matches] == [3]


def test_anchors_match_at_lines_and_a_match_may_span_lines(collection, folder):
    (folder / "a.txt").write_text("one two\nthree\nfour two\nthree five\n")
    collection.index(folder / "a.txt")
    assert [m.line for m in collection.grep(r"two$").matches] == [1, 3]
    match = collection.grep(r"^four two\s+three").matches[0]
    assert (match.citation, match.line, match.text) == (
        "a.txt#L3-L4", 3, "four two\nthree five",
    )  # fmt: skip


def test_context_lines(collection, folder):
    (folder / "a.txt").write_text("1\n2\n3\n4\n5\n")
    collection.index(folder / "a.txt")
    first, last = collection.grep("1|5", context=2).matches
    assert (first.before, first.after) == ((), ("2", "3"))
    assert (last.before, last.after) == (("3", "4"), ())


def test_an_empty_match_is_one_for_each_line(collection, folder):
    (folder / "a.txt").write_text("x\n\ny")
    collection.index(folder / "a.txt")
    assert [m.line for m in collection.grep("q*").matches] == [1, 2, 3]


def test_office_files_and_archives_are_searched(collection, folder):
    with zipfile.ZipFile(folder / "old.zip", "w") as archive:
        archive.writestr("2019/birds.txt", "Birds sing.\n")
    with zipfile.ZipFile(folder / "letter.docx", "w") as office_file:
        office_file.writestr("word/document.xml", DOCX)
    collection.index(folder)
    result = collection.grep("birds", ignore_case=True)
    assert {(m.path, m.text) for m in result.matches} == {
        ("old.zip/2019/birds.txt", "Birds sing."),
        ("letter.docx", "Dear birds"),
    }
    for match in result.matches:
        assert collection.get(match.citation).text == match.text


def test_globs_and_filters_restrict_the_documents(collection, folder):
    collection.index(folder)
    assert {m.path for m in collection.grep("a", glob="*.{txt,rst}").matches} == {
        "leave.txt", "sub/cats.txt",
    }  # fmt: skip
    assert {m.path for m in collection.grep("a", where="path ~ 'sub/**'").matches} == {
        "sub/cats.txt"
    }
    with pytest.raises(UsageError, match="filter"):
        collection.grep("a", where="path ~~ 3")


def test_cursors_walk_through_all_matches_once(collection, folder):
    (folder / "a.txt").write_text("".join(f"row {n}\n" for n in range(7)))
    (folder / "b.txt").write_text("row without end")
    collection.index([folder / "a.txt", folder / "b.txt"])
    everything = found(collection.grep("row"))
    assert len(everything) == 8
    pages, cursor = [], None
    while True:
        result = collection.grep("row", limit=3, cursor=cursor)
        pages.append(found(result))
        cursor = result.cursor
        if cursor is None:
            break
    assert [len(page) for page in pages] == [3, 3, 2]
    assert sum(pages, []) == everything  # noqa: RUF017


def test_long_lines_are_shortened_around_the_match(collection, folder):
    (folder / "a.txt").write_text("x " * 2000 + "needle" + " y" * 2000)
    collection.index(folder / "a.txt")
    (match,) = collection.grep("needle").matches
    text = match.text
    assert text[match.offset :].startswith("needle")
    assert "needle" in match.excerpt(60)
    assert len(match.excerpt(60)) <= 62
    assert match.place == match.citation == "a.txt#L1"
    assert len(text) <= grep_module.MAX_LINE + 2
    assert text[0] == text[-1] == "…"


@pytest.mark.parametrize("pattern", [r"(a|aa)+$", r"(a+)+$", r"(\w+\s?)+!"])
def test_a_pattern_that_never_ends_is_stopped(collection, folder, pattern):
    (folder / "a.txt").write_text("a" * 60 + "b\n")
    (folder / "b.txt").write_text("aaa\n")
    collection.index([folder / "a.txt", folder / "b.txt"])
    result = collection.grep(pattern, seconds=0.5)
    assert "stopped after 0.5 s in a.txt" in result.notice
    assert collection.grep("aaa", cursor=result.cursor).matches[0].path == "b.txt"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_the_time_that_a_process_takes_to_start_does_not_count(
    collection, folder, tmp_path, monkeypatch
):
    collection.index(folder)
    slow = tmp_path / "slow-python"
    slow.write_text(f'#!/bin/sh\nsleep 0.6\nexec "{sys.executable}" "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    result = collection.grep(r"keys|private", seconds=0.5)
    assert (len(result.matches), result.notice) == (2, None)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", r"'\(' is no regular expression: missing \)"),
        ("[z-a]", "bad character range"),
        ("(" * 1900 + ")" * 100, "is no regular expression"),
        ("", "has 0 characters"),
        ("x" * 3000, "has 3,000 characters"),
    ],
)
def test_invalid_patterns_are_refused(collection, folder, pattern, message):
    collection.index(folder)
    with pytest.raises(UsageError, match=message):
        collection.grep(pattern)


@pytest.mark.parametrize("cursor", ["x", "1:x", "-1:2", "1", "9" * 60])
def test_other_cursors_are_refused(collection, folder, cursor):
    collection.index(folder)
    with pytest.raises(UsageError, match="is not a cursor"):
        collection.grep("a", cursor=cursor)


def test_a_damaged_text_is_not_searched(collection, folder, notices):
    collection.index(folder)
    with collection._store.writing() as connection:
        connection.execute("UPDATE documents SET text = text || 'x' WHERE record = ''")
    assert collection.grep("a").matches == ()
