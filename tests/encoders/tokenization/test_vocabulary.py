"""Vocabularies as arrays against dictionaries; copies that are damaged or cannot be written."""

from __future__ import annotations

import random
from pathlib import Path
from zlib import crc32

import pytest

from ragkit.encoders.tokenization.vocabulary import (
    Vocabulary,
    pack,
    read_copy,
    unpack,
    write_copy,
)

PIECES = ["", "a", "##a", "the", "▁the", "日本", "\U0001f600", '"', "\\"]


def test_looks_up_what_a_dictionary_has() -> None:
    rng = random.Random(1)
    words = PIECES + ["".join(rng.choices("abcdé▁日", k=rng.randint(1, 6))) for _ in range(500)]
    expected = {word: id_ for id_, word in enumerate(dict.fromkeys(words[::2]))}
    vocabulary = Vocabulary.of(expected)
    assert [vocabulary.get(word) for word in words] == [expected.get(word) for word in words]


def test_pieces_of_the_same_checksum_are_told_apart() -> None:
    one, other = "plumless", "buckeroo"  # a known collision of CRC-32
    assert crc32(one.encode()) == crc32(other.encode())
    vocabulary = Vocabulary.of({one: 1, other: 2, "the": 3})
    assert [vocabulary.get(piece) for piece in (one, other, "the")] == [1, 2, 3]
    assert Vocabulary.of({other: 2}).get(one) is None
    assert Vocabulary.of({}).get(one) is None


def test_a_copy_has_what_was_written(tmp_path: Path) -> None:
    ids = {piece: 7 * number for number, piece in enumerate(PIECES)}
    content = pack(Vocabulary.of(ids), {"size": 9}, {"more": b"bytes"})
    write_copy(tmp_path / "new" / "copy", lambda: content)
    stored = read_copy(tmp_path / "new" / "copy")
    assert stored == content
    vocabulary, header, parts = unpack(stored)
    assert {piece: vocabulary.get(piece) for piece in PIECES} == ids
    assert (header["size"], bytes(parts["more"])) == (9, b"bytes")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["copy"]


@pytest.mark.parametrize("kept", [0, 3, 4, -1])
def test_a_damaged_copy_counts_as_none(tmp_path: Path, kept: int) -> None:
    write_copy(tmp_path / "copy", lambda: pack(Vocabulary.of({"a": 1}), {}))
    content = (tmp_path / "copy").read_bytes()
    (tmp_path / "copy").write_bytes(content[:kept])
    assert read_copy(tmp_path / "copy") is None
    (tmp_path / "copy").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert read_copy(tmp_path / "copy") is None


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise ValueError("no content")

    with pytest.raises(ValueError, match="no content"):
        write_copy(tmp_path / "copy", fail)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    write_copy(tmp_path / "file" / "copy", fail)  # not even called
