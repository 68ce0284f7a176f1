"""Bodies of Outlook messages in compressed RTF ([MS-OXRTFCP] has the first example)."""

from pathlib import Path

import pytest

from ragkit.documents.formats.mail.compressed_rtf import decompress_rtf, visible_rtf
from ragkit.documents.read import read
from ragkit.errors import DocumentError

SAMPLES = Path(__file__).parents[2] / "samples"
# [MS-OXRTFCP] 4.1.1 and 4.2.1
EXAMPLE = (
    b"-\x00\x00\x00+\x00\x00\x00LZFu\xf1\xc5\xc7\xa7\x03\x00\n\x00rcpg125B2\n\xf3 hel\t\x00 bw"
    b"\x05\xb0ld}\n\x80\x0f\xa0"
)
UNCOMPRESSED = bytes.fromhex(
    "2e000000220000004d454c41000000007b5c727466315c616e73695c616e73696370673132353220746573747d"
)


def test_the_examples_of_the_specification():
    assert decompress_rtf(EXAMPLE) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert decompress_rtf(UNCOMPRESSED) == b"{\\rtf1\\ansi\\ansicpg1252 test}"


@pytest.mark.parametrize("data", [b"", EXAMPLE[:12], EXAMPLE[:8] + b"ABCD" + EXAMPLE[12:]])
def test_damage_is_an_error(data):
    with pytest.raises(DocumentError, match="damaged compressed RTF"):
        decompress_rtf(data)


def test_a_body_that_ends_too_early_is_read_as_far_as_it_goes():
    assert decompress_rtf(EXAMPLE[:30]).startswith(b"{\\rtf1\\ansi\\ansicpg")


def test_paragraphs_of_encapsulated_html_stay_apart():
    rtf = rb"{\rtf1\fromhtml1{\*\htmltag64 <p>}\htmlrtf{\f2\b x\htmlrtf0 One}{\*\htmltag72 </p>}T}"
    assert visible_rtf(rtf) == rb"{\rtf1\fromhtml1\par {\f2One}\par T}"


def test_a_message_whose_only_body_is_rtf():
    text = read((SAMPLES / "rtf-body.msg").read_bytes(), "a.msg").text
    for words in ("Café – pump warranty 😀 smile", "東京の", "Насос", "see the docs"):
        assert words in text
