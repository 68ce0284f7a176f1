"""Invalid characters; titles without site names, placeholders and file names."""

import pytest

from ragkit.documents.layout.cleaning import page_title, property_title, strip_invalid_characters


@pytest.mark.parametrize(
    ("title", "heading", "expected"),
    [
        ("Leave policy | Example Ltd", "Leave policy", "Leave policy"),
        ("Example Ltd: Leave policy", "Leave policy", "Leave policy"),
        ("Leave policy for parents", "Leave policy", "Leave policy for parents"),  # no separator
        ("SQLite", "Limits", "SQLite"),
        (" Two\n lines ", None, "Two lines"),
        (None, "Limits", "Limits"),
        (None, None, None),
    ],
)
def test_a_page_title_has_no_site_name(title, heading, expected):
    assert (page_title(title, heading) or None) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Annual report", "Annual report"),
        ("Microsoft Word - Annual report", "Annual report"),
        ("(Untitled)", None),
        ("PowerPoint Presentation", None),
        ("Dokument1.doc", None),
        ("report", None),  # the file's own name
        ("---", None),
        ("", None),
    ],
)
def test_a_title_property_is_no_placeholder_and_no_file_name(title, expected):
    assert property_title(title, "folder/Report.pdf") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\0b", "ab"), ("a\ud83db\udfff", "ab"), ("a\tb\U0001f600", "a\tb\U0001f600")],
)
def test_nul_and_lone_surrogates_are_removed(text, expected):
    assert strip_invalid_characters(text) == expected
