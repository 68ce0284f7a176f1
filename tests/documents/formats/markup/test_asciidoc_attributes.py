"""Attributes and conditions of AsciiDoc."""

import pytest

from ragkit.documents.formats.markup.asciidoc_attributes import resolve_attributes


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (":a: Falcon\n\nThe {a} and {b}", "\n\nThe Falcon and {b}"),
        ("= Manual for {a}\n:a: Falcon", "= Manual for Falcon\n"),
        (":a: x\n:b: {a} y\n\n{b}", "\n\n\nx y"),
        (":a: x\n:!a:\n\n{a}", "\n\n\n{a}"),
        ("ifdef::a[]\nhidden\nendif::[]\nshown", "\n\n\nshown"),
        ("ifndef::a[]\nshown\nendif::[]", "\nshown\n"),
        (":a:\nifdef::a[shown {amp}]", "\nshown {amp}"),
        ("----\n{a} :b: c\n----", "----\n{a} :b: c\n----"),
        (":author: Ada\ntext", ":author: Ada\ntext"),
        (r"\{a} text", r"\{a} text"),
        ("plain", "plain"),
    ],
)
def test_lines_are_what_a_reader_sees(source, text):
    assert resolve_attributes(source) == text


def test_attributes_that_name_each_other_end():
    assert len(resolve_attributes(":a: {b}{b}\n:b: {a}{a}\n\n" + "{a}" * 99)) < 100_000
