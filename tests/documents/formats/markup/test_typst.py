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
