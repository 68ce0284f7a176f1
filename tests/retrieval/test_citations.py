"""Citations: formatted, parsed, and resolved to the text that they cite."""

import shutil

import pypdfium2
import pytest

from ragkit.errors import UsageError
from ragkit.retrieval.citations import DocumentPart, parse_citation
from ragkit.retrieval.hits import format_citation
from tests.conftest import REPOSITORY


@pytest.mark.parametrize(
    ("citation", "path", "place"),
    [
        ("a/b.pdf#page=7", "a/b.pdf", DocumentPart(locator="page=7")),
        ("a.md#L10-L42", "a.md", DocumentPart(lines=(10, 42))),
        ("a.md#L10-42", "a.md", DocumentPart(lines=(10, 42))),
        ("a.md#L10", "a.md", DocumentPart(lines=(10, 10))),
        ("a.html#char=5,99", "a.html", DocumentPart(characters=(5, 99))),
        ("a.html", "a.html", DocumentPart()),
        ("c#.md", "c#.md", DocumentPart()),
        ("c#.md#L3", "c#.md", DocumentPart(lines=(3, 3))),
    ],
)
def test_a_citation_is_parsed_into_path_and_part(citation, path, place):
    assert parse_citation(citation) == (path, place)


@pytest.mark.parametrize(
    ("arguments", "citation"),
    [
        (("a.pdf", "page=7", None, None, 5, 99), "a.pdf#page=7"),
        (("a.md", None, 10, 42, 5, 99), "a.md#L10-L42"),
        (("a.md", None, 10, 10, 5, 99), "a.md#L10"),
        (("a.html", None, None, None, 5, 99), "a.html#char=5,99"),
    ],
)
def test_a_citation_is_by_locator_else_lines_else_characters(arguments, citation):
    assert format_citation(*arguments) == citation


@pytest.fixture
def filled(collection, folder):
    (folder / "page.html").write_text("<title>T</title><p>First.</p><p>Second one.</p>")
    (folder / "poem.txt").write_text("one\ntwo\nthree\nfour\nfive\n")
    collection.index(folder)
    return collection


def test_the_citation_of_every_hit_returns_its_text(filled):
    for hit in filled.search("keys parents cats first two", k=50):
        excerpt = filled.get(hit.citation)
        assert hit.text in excerpt.text
        assert excerpt.path == hit.path
        assert filled.get(str(hit.passage_id)).text == hit.text


@pytest.mark.parametrize(
    ("reference", "context", "text"),
    [
        ("poem.txt#L2-L3", 0, "two\nthree"),
        ("poem.txt#L2-L3", 1, "one\ntwo\nthree\nfour"),
        ("poem.txt#L3", 99, "one\ntwo\nthree\nfour\nfive\n"),
        ("poem.txt#L5-L900", 0, "five\n"),
        ("poem.txt#char=5,7", 0, "wo"),
        ("poem.txt#char=5,7", 1, "one\ntwo\nthree"),
        ("poem.txt", 0, "one\ntwo\nthree\nfour\nfive\n"),
    ],
)
def test_a_citation_returns_its_text(filled, reference, context, text):
    assert filled.get(reference, context).text == text


def test_an_excerpt_has_its_locator_lines_and_citation(filled):
    excerpt = filled.get("poem.txt#char=4,9")
    assert (excerpt.start_line, excerpt.end_line) == (2, 3)
    assert excerpt.citation == "poem.txt#L2-L3"


def test_absolute_and_working_folder_paths(filled, folder, monkeypatch):
    assert filled.get(f"{folder}/poem.txt#L1").text == "one"
    monkeypatch.chdir(folder / "sub")
    assert filled.get("cats.txt").path == "sub/cats.txt"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("peom.txt", r"no document peom.txt in this collection; the nearest is poem.txt"),
        ("poem.txt#page=1", "poem.txt#page=1: poem.txt has no pages, only text"),
        ("poem.txt#L99", "poem.txt#L99: there is no line 99; poem.txt has 5 lines"),
        ("poem.txt#L6", "there is no line 6; poem.txt has 5 lines"),
        ("poem.txt#L0", "lines count from 1; poem.txt has 5"),
        ("poem.txt#L3-L2", "line 3 comes after line 2; name the smaller one first"),
        ("poem.txt#char=2,999", "poem.txt has 24 characters, no 999"),
        ("poem.txt#char=9,3", "character 9 comes after character 3"),
        ("poem.txt#L" + "9" * 5000, "is not a part of a document; expected #page=7, #L10-L42 or"),
        ("poem.txt#chapter", "#chapter is not a part of a document"),
        ("99999", "no passage has the id 99999"),
        ("0", "no passage has the id 0"),
        ("-1", "no document -1"),
        (" ", "the reference is empty"),
        ("sub", r"sub is a folder, 1 of its documents are here"),
        ("sub/", "sub/ is a folder"),
        ("a\0b", "no document a"),
        ("~nobody-has-this-name/x", "no document ~nobody"),
        ("../" * 2000, "no document"),
        ("poem.txt#page=1#L1", "#page=1 is not a part of a document"),
    ],
)
def test_a_missing_document_or_part_is_named_in_the_error(filled, reference, message):
    with pytest.raises(UsageError, match=message):
        filled.get(reference)


def test_a_missing_page_is_an_error(filled, folder):
    shutil.copy(REPOSITORY / "data" / "papers" / "atomic-commit.pdf", folder)
    filled.index(folder)
    count = len(pypdfium2.PdfDocument(folder / "atomic-commit.pdf"))
    assert filled.get(f"atomic-commit.pdf#page={count}").page == count
    with pytest.raises(UsageError, match=f"no page 99; atomic-commit.pdf has {count} pages"):
        filled.get("atomic-commit.pdf#page=99")
    with pytest.raises(UsageError, match=f"pages count from 1; atomic-commit.pdf has {count}"):
        filled.get("atomic-commit.pdf#page=0")


def test_the_error_for_an_unread_file_has_the_reason(filled, folder):
    (folder / ".hidden.txt").write_text("secret")
    (folder / "empty.txt").write_text("")
    filled.index(folder)
    with pytest.raises(UsageError, match=r"\.hidden\.txt was not read: hidden"):
        filled.get(".hidden.txt")
    empty = filled.get("empty.txt")
    assert filled.get(empty.citation).text == empty.text == ""


def test_a_path_in_two_roots_is_ambiguous(filled, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "poem.txt").write_text("six")
    filled.index(other)
    with pytest.raises(UsageError, match=r"poem.txt is in several roots; name one of"):
        filled.get("poem.txt")
    assert filled.get(f"{other}/poem.txt").text == "six"


def test_a_changed_file_makes_its_citations_stale(filled, folder):
    (hit,) = filled.search("one two three", k=1)
    assert not hit.stale
    (folder / "poem.txt").write_text("one\ntwo\nTHREE\nfour\nfive\n")
    assert filled.search("one two three", k=1)[0].stale
    assert filled.get(hit.citation).stale


def test_a_file_that_was_only_touched_is_not_stale(filled, folder):
    text = (folder / "poem.txt").read_text()
    (folder / "poem.txt").write_text(text)
    assert not filled.search("one two three", k=1)[0].stale


def test_context_adds_the_neighbouring_passages(filled, folder):
    long = "\n\n".join(f"Paragraph {n} speaks of thing{n}. " + "filler " * 25 for n in range(9))
    (folder / "long.txt").write_text(long)
    filled.index(folder)
    (plain,) = filled.search("thing4", k=1, mode="lexical")
    (wide,) = filled.search("thing4", k=1, mode="lexical", context=1)
    assert "thing3" not in plain.text
    assert all(f"thing{n}" in wide.text for n in (3, 4, 5))
    assert "thing2" not in wide.text
    assert wide.text == long[wide.start : wide.end]
    assert filled.get(wide.citation).text.strip() == wide.text.strip()
