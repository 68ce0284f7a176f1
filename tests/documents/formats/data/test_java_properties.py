"""Java properties: letters that are written as escapes."""

import pytest

from ragkit.documents.read import read


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"greeting=caf\u00e9 cr\u00E8me", "greeting=café crème"),
        (r"happy=\ud83d\ude00 done", "happy=😀 done"),
        (r"line=a\u000ab", r"line=a\u000ab"),  # line numbers stay valid
        (r"path=c:\users", r"path=c:\users"),
        (r"lone=\ud83d", "lone=�"),
    ],
)
def test_escapes_are_letters(source, text):
    document = read(source.encode(), "a.properties")
    assert (document.text, document.lines) == (text, True)
