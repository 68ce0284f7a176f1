"""The numbers of list items, as browsers show them."""

import pytest

from ragkit.documents.formats.web.html import read_html


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<ol start=5><li>a<li value=9>b<li>c</ol>", "5. a\n9. b\n10. c"),
        ("<ol reversed><li>a<li>b</ol>", "2. a\n1. b"),
        ("<ol reversed start=9><li>a<li>b</ol>", "9. a\n8. b"),
        ("<ol start=-1><li>a<li>b<li>c</ol>", "-1. a\n0. b\n1. c"),
        ("<ol type=a><li>x<li>y</ol>", "a. x\nb. y"),
        ("<ol type=I start=4><li>x</ol>", "IV. x"),
        ("<ol style='list-style-type: lower-roman'><li>x<li type=A>y</ol>", "i. x\nB. y"),
        ("<ol><li>a<ul><li>b</ul><li>c</ol>", "1. a\n  - b\n2. c"),
        ("<ol><li value=x>a</ol>", "1. a"),
    ],
)
def test_items_have_the_number_that_is_displayed(markup, text):
    assert read_html(markup.encode(), "a.html").text == text
