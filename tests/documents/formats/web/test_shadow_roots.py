"""Declarative shadow DOM is visible text; other templates are not."""

import pytest

from ragkit.documents.formats.web.html import read_html


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<my-x><template shadowrootmode=open><p>in</p></template>out</my-x>", "in\n\nout"),
        ("<my-x><TEMPLATE ShadowRootMode='closed'>in</TEMPLATE></my-x>", "in"),
        ("<p>a<template><p>inert</p></template>", "a"),
        (
            "<my-x><template shadowrootmode=open>a<template>b</template>c</template></my-x>",
            "ac",
        ),
        (
            "<my-x><template shadowrootmode=open>a<my-y><template shadowrootmode=open>b"
            "</template></my-y></template></my-x></template>c",
            "a\n\nb\n\nc",
        ),
        ("<template shadowrootmode=other>a</template><p>b", "b"),
    ],
)
def test_shadow_roots_are_read(markup, text):
    assert read_html(markup.encode(), "a.html").text == text
