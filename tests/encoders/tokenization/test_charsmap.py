"""The compiled normalization against the library's, string by string."""

from __future__ import annotations

import random

import pytest
from tokenizers import normalizers

from ragkit.encoders.tokenization.charsmap import Charsmap
from tests.encoders.tokenization.double_array import REPLACEMENTS, compile_charsmap

BASES = "aeioA ªº™ﬁＡ１½éßЯйابتかは한आ的　\u00a0\t\r\n-…\u200d\u200c\x07☺"
MARKS = "\u0301\u0308\u0302\u0653\u064e\u093c\u0e33\u0e31\u20e3\ufe0f\u3099\u0344\u102b\u1038"


def strings(count: int) -> list[str]:
    """Letters with and without marks, in any order."""
    rng = random.Random(17)
    choose = rng.choice
    return [
        "".join(
            choose(BASES) + "".join(choose(MARKS) for _ in range(choose([0, 0, 0, 1, 1, 2])))
            for _ in range(rng.randint(0, 12))
        )
        for _ in range(count)
    ]


def test_equal_to_the_library() -> None:
    data = compile_charsmap()
    ours, library = Charsmap(data), normalizers.Precompiled(data)
    answered = 0
    for text in [*REPLACEMENTS, *strings(4_000)]:
        mine = ours.normalize(text)
        if mine is None:
            continue
        answered += 1
        assert mine[0] == library.normalize_str(text), ascii(text)
        assert len(mine[1]) == len(mine[0])
    assert answered > 3_000


def test_spans_by_hand() -> None:
    ours = Charsmap(compile_charsmap())
    assert ours.normalize("aﬁ e\u0301") == ("afi é", [(0, 1), (1, 2), (1, 2), (2, 3), (3, 5)])
    assert ours.normalize("\r\n") == (" ", [(0, 2)])
    assert ours.normalize("plain") == ("plain", [(index, index + 1) for index in range(5)])
    assert ours.normalize("") == ("", [])


@pytest.mark.parametrize("text", ["\u0600a", "\u0378", "☺\u200d☺", "ª\u200c"])
def test_texts_that_are_left_to_the_library(text: str) -> None:
    """A letter that joins the next, a code point without a character, emoji in a sequence, and a
    cluster whose end depends on the version of Unicode."""
    assert Charsmap(compile_charsmap()).normalize(text) is None


@pytest.mark.parametrize("data", [b"", b"\4\0\0", b"\0\0\0\0", b"\xff\0\0\0abcd"])
def test_a_damaged_table_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="trie"):
        Charsmap(data)
