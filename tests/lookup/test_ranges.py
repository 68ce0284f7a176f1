"""Read by lines and pages, within a budget."""

import pytest

from ragkit import UsageError
from ragkit.lookup.ranges import parse_range

TEXT = "".join(f"line {number}\n" for number in range(1, 201))


@pytest.fixture
def filled(collection, folder):
    (folder / "long.txt").write_text(TEXT)
    collection.index(folder)
    return collection


def test_a_path_is_the_whole_document(filled):
    part = filled.read("long.txt")
    assert part.text == TEXT
    assert (part.first_line, part.last_line, part.lines, part.cursor) == (1, 200, 200, None)


def test_lines(filled):
    part = filled.read("long.txt", lines=(3, 4))
    assert (part.text, part.citation) == ("line 3\nline 4\n", "long.txt#L3-L4")
    assert filled.read("long.txt", lines=(199, 999)).text == "line 199\nline 200\n"


def test_a_citation_means_its_own_part(filled):
    assert filled.read("long.txt#L7").text == "line 7"


def test_a_budget_ends_at_a_line_and_the_cursor_goes_on(filled):
    texts, cursor = [], None
    while True:
        part = filled.read("long.txt", lines=(2, 180), max_tokens=100, cursor=cursor)
        texts.append(part.text)
        assert part.text.endswith("\n")
        cursor = part.cursor
        if cursor is None:
            break
    assert len(texts) > 3
    assert "".join(texts) == "".join(TEXT.splitlines(keepends=True)[1:180])


def test_a_line_longer_than_the_budget_is_cut(collection, folder):
    (folder / "one.txt").write_text("word " * 500)
    collection.index(folder)
    part = collection.read("one.txt", max_tokens=100)
    assert 0 < len(part.text) < 600
    rest = collection.read("one.txt", cursor=part.cursor)
    assert part.text + rest.text == "word " * 500


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lines": (0, 3)}, "lines is 0-3; expected FIRST-LAST"),
        ({"lines": (5, 3)}, "lines is 5-3"),
        ({"lines": (300, 301)}, "long.txt has 200 lines, no line 300"),
        ({"pages": (1, 1)}, "long.txt has no pages; expected lines, 1 to 200"),
        ({"lines": (1, 2), "pages": (1, 2)}, "both lines and pages"),
        ({"max_tokens": 3}, "max_tokens is 3"),
        ({"cursor": "x"}, "is not a cursor"),
        ({"cursor": "99999"}, "is not in this part of long.txt"),
    ],
)
def test_what_cannot_be_read_is_reported(filled, options, message):
    with pytest.raises(UsageError, match=message):
        filled.read("long.txt", **options)


def test_ranges_as_text():
    assert parse_range("12", "lines") == (12, 12)
    assert parse_range("12-40", "lines") == (12, 40)
    for text in ("", "-", "4-", "a-b", "1-2-3"):
        with pytest.raises(UsageError, match="lines is"):
            parse_range(text, "lines")
