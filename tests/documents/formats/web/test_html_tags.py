"""Tags of HTML: the element tables, the estimate of nesting, and the removal of tags."""

import pytest

from ragkit.documents.formats.web import html_tags
from ragkit.documents.formats.web.html_tags import is_too_deep, remove_tags
from tests.documents.formats.work import growth


def test_void_elements_are_those_of_the_standard():
    # https://html.spec.whatwg.org/#void-elements, and the obsolete <param>
    standard = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"}
    assert standard | {"source", "track", "wbr", "param"} == html_tags.VOID


def test_no_element_is_both_block_and_inline():
    assert not html_tags.BLOCKS & html_tags.INLINE
    assert not html_tags.DROPPED & (html_tags.BLOCKS | html_tags.INLINE)
    assert html_tags.BOLD <= html_tags.INLINE
    assert html_tags.LISTS | html_tags.SECTIONS <= html_tags.BLOCKS


def test_headings_have_levels_one_to_six():
    assert html_tags.HEADING_LEVELS == {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}


@pytest.mark.parametrize(
    ("markup", "is_deep"),
    [
        ("<div>" * 9_999, False),  # too few tags to matter
        # Depths 1 + 2 + ... + n: their sum is above 200,000,000 from n = 20,000 on.
        ("<div>" * 19_999, False),
        ("<div>" * 20_000, True),
        ("<div></div>" * 50_000, False),
        ("<p>" * 50_000, False),  # <p> ends the <p> before it
        ("<br>" * 50_000, False),
        ("<div></b>" * 20_000, True),  # an end tag without its start tag ends nothing
        ("<svg>" + "<g/>" * 50_000, False),  # in SVG, a self-closing tag is empty
        ("<g/>" * 50_000, True),  # in HTML it is not
    ],
)
def test_nesting_is_estimated_by_the_sum_of_depths(markup, is_deep):
    assert is_too_deep(markup) is is_deep


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>one <b>two</b></p><p>three", "one two\nthree"),
        ("a<br>b", "a\nb"),
        ("  a \t b  <div> </div>", "a b"),
        ("a<script>if (b < c) { d }</script>e<STYLE>f</STYLE>g", "a\ne\ng"),
        ("&lt;tag&gt; &amp; &eacute;", "<tag> & é"),
        ("a < b", "a < b"),
        ("<script>never closed", ""),
        ("", ""),
    ],
)
def test_text_between_tags_has_a_line_per_block(markup, text):
    assert remove_tags(markup) == text


@pytest.mark.parametrize("piece", ["<a", "<a ", "<", "<script>", "</p", "<a x=y "])
def test_removal_takes_linear_time(piece):
    assert growth(remove_tags, lambda size: piece * size, 500) < 5
