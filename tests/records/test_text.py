"""The embedded text of a passage, and texts cut to one line."""

from ragkit.records.text import embedded_text, shorten


def test_the_embedded_text_is_header_newline_text():
    assert embedded_text("Keys › Storage", "Keep it.") == "Keys › Storage\nKeep it."
    assert embedded_text("", "Keep it.") == "Keep it."


def test_a_long_text_is_cut_to_one_line():
    assert shorten("Keys\n are  kept.") == "Keys are kept."
    assert shorten("Keys are kept.", 10) == "Keys are …"
    assert len(shorten("a" * 1000)) == 50
