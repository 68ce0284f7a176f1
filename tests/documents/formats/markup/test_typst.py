"""Typst: headings and words, line by line."""

from ragkit.documents.formats.markup.typst import read_typst

SOURCE = """#set page(
  paper: "a4",
)
#let todo(x) = text(red)[#x]
= Introduction <intro>
The _flow_ of *ice* is slow. // a comment
/* secret
comment */ See #link("https://example.org")[the docs].#footnote[Or not.]
== Methods
#text(red)[Hot #strong[surface]] at 5 \\$, $ Q = rho A $
```py
x = "*1*"
```
https://example.org/a_b_c
"""


def test_words_stay_and_settings_and_comments_do_not():
    document = read_typst(SOURCE.encode(), "a.typ")
    assert document.text.split("\n") == [
        "", "", "", "",
        "Introduction",
        "The flow of ice is slow.",
        "",
        " See the docs. [Or not.]",
        "Methods",
        "Hot surface at 5 $, $ Q = rho A $",
        "```py", 'x = "*1*"', "```",
        "https://example.org/a_b_c",
        "",
    ]  # fmt: skip
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "Introduction"),
        (2, "Methods"),
    ]
    assert len(document.fences) == 1


def test_signs_of_comments_and_brackets_in_raw_text_and_strings_hide_nothing():
    # https://typst.app/docs/reference/text/raw: raw text is shown verbatim.
    source = (
        '```c\n/* kept */ x;\n```\nUse `<div>` and `_src_/*.c`.\n#let p = "("\n*First*.\n'
        '#let q = (\n  a: ")",\n)\nSecond. /* never\nclosed\n#let r = (\nThird.'
    )
    assert read_typst(source.encode(), "a.typ").text.split("\n") == [
        "```c", "/* kept */ x;", "```", "Use `<div>` and `_src_/*.c`.", "", "First.",
        "", "", "", "Second. /* never", "closed", "", "Third.",
    ]  # fmt: skip
