"""Automatic numbers of lists and headings in odt, as LibreOffice displays them."""

from ragkit.documents.formats.office.odf import read_odt
from tests.documents.office_files import make_odf


def level(number, style="1", shown=1, prefix="", suffix=".", start=1):
    return (
        f'<text:list-level-style-number text:level="{number}" style:num-format="{style}" '
        f'text:display-levels="{shown}" style:num-prefix="{prefix}" style:num-suffix="{suffix}" '
        f'text:start-value="{start}"/>'
    )


CLAUSES = (
    f'<text:list-style style:name="L1">{level(1)}{level(2, shown=2, suffix="")}'
    f"{level(3, 'a', prefix='(', suffix=')')}</text:list-style>"
    '<text:list-style style:name="Dots"><text:list-level-style-bullet text:level="1" '
    'text:bullet-char="•"/></text:list-style>'
    f'<text:list-style style:name="Roman">{level(1, "I", start=4)}</text:list-style>'
)


def item(*content, tag="text:list-item", attributes=""):
    inner = "".join(c if c.startswith("<") else f"<text:p>{c}</text:p>" for c in content)
    return f"<{tag} {attributes}>{inner}</{tag}>"


def lists(*items, style="L1", attributes=""):
    return f'<text:list text:style-name="{style}" {attributes}>{"".join(items)}</text:list>'


def inner(*items):
    return f"<text:list>{''.join(items)}</text:list>"


def lines(body, styles=CLAUSES, pages=""):
    text = read_odt(make_odf("text", body, styles=styles, pages=pages), "a.odt").text
    return [line for line in text.split("\n") if line]


def test_clauses_have_the_numbers_of_their_levels():
    body = lists(
        item("Scope"),
        item("Liability", inner(item("The limit"), item("The cap", inner(item("of a year"))))),
        item("Term", inner(item("One year"))),
    )
    assert lines(body) == [
        "1. Scope", "2. Liability", "  2.1 The limit", "  2.2 The cap", "    (a) of a year",
        "3. Term", "  3.1 One year",
    ]  # fmt: skip


def test_lists_count_on_where_they_say_so():
    body = (
        lists(item("one"), attributes='xml:id="x"')
        + "<text:p>between</text:p>"
        + lists(item("two"), attributes='text:continue-numbering="true"')
        + lists(item("new"))
        + lists(item("three"), attributes='text:continue-list="x"')
        + lists(item("ten", attributes='text:start-value="10"'), item("eleven"))
    )
    assert lines(body) == [
        "1. one", "between", "2. two", "1. new", "3. three", "10. ten", "11. eleven",
    ]  # fmt: skip


def test_bullets_headers_and_other_styles():
    body = (
        lists(item("dot"), style="Dots")
        + lists(item("four"), item("five"), style="Roman")
        + lists(item("one"), item("no number", tag="text:list-header"), item("two"))
        + lists(item("first", "goes on"))
    )
    assert lines(body) == [
        "- dot", "IV. four", "V. five", "1. one", "  no number", "2. two", "1. first",
        "  goes on",
    ]  # fmt: skip


def test_headings_are_numbered_by_the_outline():
    outline = (
        "<text:outline-style>"
        '<text:outline-level-style text:level="1" style:num-format="1"/>'
        '<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/>'
        '<text:outline-level-style text:level="3" style:num-format=""/></text:outline-style>'
    )
    heading = '<text:h text:outline-level="{}" {}>{}</text:h>'
    body = "".join(
        heading.format(*values)
        for values in (
            (1, "", "<text:number>1</text:number>Scope"), (2, "", "Words"), (2, "", "Terms"),
            (1, 'text:is-list-header="true"', "Annex"), (1, "", "Cap"), (2, "", "Sums"),
            (3, "", "Plain"), (1, 'text:style-name="P9"', "Off"),
        )
    )  # fmt: skip
    styles = '<style:style style:name="P9" style:list-style-name=""/>'
    assert lines(body, styles, outline) == [
        "1 Scope", "1.1 Words", "1.2 Terms", "Annex", "2 Cap", "2.1 Sums", "Plain", "Off",
    ]  # fmt: skip


def test_a_numbered_heading_in_a_list():
    body = lists(item('<text:h text:outline-level="1">The cap</text:h>'))
    document = read_odt(make_odf("text", body, styles=CLAUSES), "a.odt")
    assert [heading.text for heading in document.headings] == ["1. The cap"]
