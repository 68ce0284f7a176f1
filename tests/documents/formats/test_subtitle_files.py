"""ASS, SBV and TTML: the spoken text with its times."""

import pytest

from ragkit.documents.read import read
from ragkit.errors import DocumentError

ASS = """[Script Info]
Title: x
[V4+ Styles]
Style: Default,Arial
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,left out
Dialogue: 0,0:00:04.00,0:00:06.00,Default,,0,0,0,,{\\k20}ka{\\k30}ra, oke
Dialogue: 0,0:00:01.00,0:00:03.50,Default,Jane,0,0,0,,{\\i1}Oil it{\\i0}\\Nevery May.
Dialogue: 0,0:00:01.00,0:00:03.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}
"""
SBV = "0:00:01.000,0:00:03.000\nOil it\nevery May.\n\n0:00:03.500,0:00:05.000\nIt is hot.\n"
TTML = (
    '<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml"><head><metadata>x</metadata></head>'
    '<body><div><p begin="00:00:01.000" end="3s">Oil it<br/>every <span>May.</span></p>'
    '<p begin="3.5s" dur="1.5s">It is hot.</p></div></body></tt>'
)


@pytest.mark.parametrize(
    ("name", "data", "text", "times"),
    [
        ("a.ass", ASS, "Jane: Oil it every May. kara, oke",
         ["00:00:01.000-00:00:03.500", "00:00:04.000-00:00:06.000"]),
        ("a.sbv", SBV, "Oil it every May. It is hot.",
         ["00:00:01.000-00:00:03.000", "00:00:03.500-00:00:05.000"]),
        ("a.ttml", TTML, "Oil it every May. It is hot.",
         ["00:00:01.000-00:00:03.000", "00:00:03.500-00:00:05.000"]),
    ],
)  # fmt: skip
def test_the_spoken_text_has_its_times(name, data, text, times):
    document = read(data.encode(), name)
    assert document.text == text
    assert [locator.value for locator in document.locators] == times


@pytest.mark.parametrize(("name", "data"), [("a.ass", "x"), ("a.sbv", "x"), ("a.ttml", "<tt/>")])
def test_files_without_cues_are_errors(name, data):
    with pytest.raises(DocumentError, match="no subtitle in it"):
        read(data.encode(), name)


def test_damaged_xml_is_an_error():
    with pytest.raises(DocumentError, match="not well-formed XML"):
        read(b"<tt><p begin='1s'>a", "a.ttml")
