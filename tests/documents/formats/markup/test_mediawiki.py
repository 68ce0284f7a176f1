"""MediaWiki text: what a page shows, line by line."""

import pytest

from ragkit.documents.formats.markup.mediawiki import read_mediawiki


def read(text):
    return read_mediawiki(text.encode(), "a.wiki")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("The '''harbour''' has ''two'' [[Pier|piers]].", "The harbour has two piers."),
        ("See [[Pier#North]] and [https://example.org the port].", "See Pier#North and the port."),
        ("two piers.<ref name=x>Port book, p. 3</ref>", "two piers. [Port book, p. 3]"),
        ("two piers<ref name=x/> here", "two piers here"),
        ("2<sup>64</sup> bytes, H<sub>2</sub>O&nbsp;5&minus;3", "2^64 bytes, H2O 5−3"),
        ("[[File:Pier.jpg|thumb|200px|The [[North Pier|pier]] at dusk]]", "[The pier at dusk]"),
        ("[[Category:Harbours]]", ""),
        ("{{Infobox|name=Harbour}}", "Infobox | name=Harbour"),
        ("* one", "- one"),
        ("** two", "  - two"),
        ("a <!-- no --> b", "a  b"),
        ("__NOTOC__", ""),
    ],
)
def test_a_line_shows_its_words(line, text):
    assert read(line).text == text


def test_headings_tables_and_code():
    document = read(
        "== Dues ==\n"
        '{| class="wikitable"\n! Ship !! style="x" | Fee\n|-\n| Barge || 40\n|-\n| Tug\n|}\n'
        "<syntaxhighlight lang=py>\nx = '''1'''\n</syntaxhighlight>\nend"
    )
    assert document.text.split("\n") == [
        "Dues", "", "Ship | Fee", "", "Barge | 40", "", "Tug", "", "", "x = '''1'''", "", "end",
    ]  # fmt: skip
    assert [(heading.level, heading.text) for heading in document.headings] == [(2, "Dues")]
    assert len(document.fences) == 1


def test_only_the_attributes_before_a_cell_are_left_out_and_tables_may_be_nested():
    # https://www.mediawiki.org/wiki/Help:Tables: attributes, a bar, then the content of the cell.
    text = '{|\n| style="x" | {{convert|unit=km|5}} || b\n|\n{|\n| in\n|}\n|-\n| c || d\n|}\n| e'
    assert [line for line in read(text).text.split("\n") if line] == [
        "convert | unit=km | 5 | b", "in", "c | d", "e",
    ]  # fmt: skip


def test_a_line_stays_one_line_and_code_ends_at_its_own_tag():
    document = read("a&#10;b\n<pre>\nx </source> y\n</pre>\nend")
    assert document.text.split("\n") == ["a b", "", "x </source> y", "", "end"]
    assert len(document.fences) == 1


def test_a_row_of_equals_signs_takes_linear_time():
    # Took more than the age of the universe: any place in a value could end it.
    line = "| " + "a=" + "bbbbbbbbbbbbbbbbb=" * 500
    assert read("{|\n" + line).text == "\n" + line[2:]
