"""Logs: no escape sequences, and the last state of redrawn lines."""

import pytest

from ragkit.documents.formats.plain_text import read_plain


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"build \x1b[1;31mERROR\x1b[0m pump", "build ERROR pump"),
        (b"see \x1b]8;;https://x.y\x1b\\link\x1b]8;;\x07 end", "see link end"),
        (b"progress 10%\rprogress 20%\rprogress 100%\ndone\n", "progress 100%\ndone\n"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"old\rMac\rlines", "old\nMac\nlines"),
        (b"one\rtwo\nthree", "one\ntwo\nthree"),
    ],
)
def test_what_only_a_terminal_shows_is_dropped(data, text):
    assert read_plain(data, "a.log").text == text
