"""Compressed text of Mobipocket books: back references and phrases; hostile ones end."""

import struct

from ragkit.documents.formats.web.mobi import read_mobi
from ragkit.documents.read import read_all
from tests.documents.mobi_files import make_mobi


def test_palmdoc_text_is_unpacked():
    # "abc" and three bytes from three bytes before; a blank and "d"; two bytes as they are.
    record = b"<p>abc\x80\x18" + bytes((ord("d") ^ 0x80,)) + b"\x02\xc3\xa9</p>"
    document = read_mobi(make_mobi("", compression=2, records=[record]), "a.mobi")
    assert document.text == "abcabc dé"


def test_overlapping_references_repeat_and_damaged_ones_are_left_out():
    record = b"<p>a\x80\x0f\xbf\xff</p>"  # ten times the byte before; 2,047 bytes before the start
    document = read_mobi(make_mobi("", compression=2, records=[record]), "a.mobi")
    assert document.text == "a" * 11


def phrase_records(*phrases):
    """Codes of eight bits: byte 255 - n stands for phrase n. A phrase ending in "…" is packed."""
    table = struct.pack(">256I", *[0xFF << 8 | 0x80 | 8] * 256)
    limits = struct.pack(">64I", *[0] * 64)
    codes = b"HUFF" + struct.pack(">III", 24, 24, 24 + len(table)) + bytes(8) + table + limits
    content, offsets = b"", []
    for phrase in phrases:
        offsets.append(2 * len(phrases) + len(content))
        is_packed = phrase.endswith(b"~")
        plain = phrase.removesuffix(b"~")
        content += struct.pack(">H", len(plain) | (0 if is_packed else 0x8000)) + plain
    head = b"CDIC" + struct.pack(">III", 16, len(phrases), 8)
    return [codes, head + struct.pack(f">{len(offsets)}H", *offsets) + content]


def test_text_of_phrases_is_unpacked():
    phrases = phrase_records(b"<p>", b"leave ", b"pay", bytes((254, 253)) + b"~")
    data = make_mobi("", compression=17480, records=[bytes((255, 252, 253))], phrases=phrases)
    assert read_mobi(data, "a.mobi").text == "leave paypay"


def test_phrases_that_contain_each_other_end():
    phrases = phrase_records(bytes((254, 254)) + b"~", bytes((255, 255)) + b"~")
    data = make_mobi("", compression=17480, records=[b"\xff"], phrases=phrases)
    (record, *_) = read_all(data, "a.mobi")
    assert (record.document, record.kind) == (None, "limit")


def test_entries_behind_the_text_are_left_out():
    # A multibyte mark of one byte, before it an entry of three bytes with its size.
    records = [b"<p>Words\0" + b"xx\x83"]
    data = make_mobi("", records=records, trailing=3)
    assert read_mobi(data, "a.mobi").text == "Words"
