"""Splitting takes time proportional to the text: the tokenizer gets each character a few times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.records.documents import Document, Heading, Table
from tests.passages.tools import Words, check, split, without_blobs

HOSTILE = {
    "one word": "etaoinshrdlu",
    "words": "lorem ipsum dolor sit amet ",
    "emoji": "😀",
    "joined emoji": "👩\u200d",
    "dots": ".",
    "dots and brackets": ".)",
    "short sentences": "Ab cd. ",
    "short lines": "ab\n",
    "blank lines": "\n  \n\t",
    "paragraphs": "ab\n\n",
    "list items": "- a\n",
    "lead-ins": "a:\n\n",
    "lines of spaces": "\n" + " " * 500 + "a",
    "spaces": " " * 999 + "a",
    "Chinese": "漢字仮名。",
    "accents": "e" + "\u0301" * 9,
    "zero width": "\u200b",
    "long words": "x" * 700 + " ",
    "long words and signs": "(" + "x" * 600 + "). ",
}


def plain(part: str, length: int) -> Document:
    return Document((part * (length // len(part) + 1))[:length], "text/plain", lines=True)


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE)
def test_the_tokenizer_reads_each_character_a_few_times(part: str) -> None:
    for length in (5_000, 120_000):
        document, tokenizer = plain(part, length), Words(254)
        passages = split(document, tokenizer)
        assert tokenizer.read <= 3 * length + 500
        check(document, passages, tokenizer, overlap=36)
        assert all(len(passage.text) <= 240 * 16 for passage in passages)


def test_a_long_word_is_cut_into_pieces_that_are_tokenized() -> None:
    document = plain("etaoinshrdlu", 2_000)
    passages = split(document, Words(254))
    assert [len(passage.text) for passage in passages] == [100] * 20
    assert {passage.tokens for passage in passages} == {20}


def test_a_long_word_shares_its_ends_with_the_text_around_it() -> None:
    document = Document(f"Before it {'x' * 550} after it.", "text/plain")
    passages = split(document, Words(254))
    assert [len(passage.text) for passage in passages] == [110, 100, 100, 100, 100, 60]
    shorter = Document(f"Before it {'x' * 500} after it.", "text/plain")
    assert len(split(shorter, Words(254))) == 1  # one unknown token: a digest, an identifier


class Quick:
    """A tokenizer that costs nothing: every four characters are a token."""

    window = 254

    def token_spans(self, text: str) -> NDArray[np.int64]:
        starts = np.arange(0, len(text), 4, dtype=np.int64)
        return np.stack([starts, np.minimum(starts + 4, len(text))], axis=1)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [-(-len(text) // 4) for text in texts]


@pytest.mark.parametrize("part", ["x", "Lorem ipsum. ", "😀"])
def test_ten_megabytes_are_split_completely(part: str) -> None:
    document = plain(part, 10_000_000)
    passages = split(document, Quick())
    assert all(passage.tokens <= 254 for passage in passages)
    assert passages[-1].end == len(without_blobs(document.text).rstrip())


def test_a_hundred_thousand_headings_give_as_many_passages() -> None:
    text = "# a\nb\n" * 100_000
    headings = tuple(Heading(n * 6, n * 6 + 3, 1 + n % 6, "a") for n in range(100_000))
    assert len(split(Document(text, "text/markdown", headings=headings), Quick())) == 100_000


def test_a_hundred_thousand_pages_and_rows_are_split() -> None:
    text = "Lorem ipsum.\n\n" * 100_000
    pages = tuple(range(0, len(text), 14))
    passages = split(Document(text, "application/pdf", pages=pages), Quick())
    assert passages[-1].page == 100_000
    rows = "Name | Year\n" + "Lorem | 1900\n" * 100_000
    document = Document(rows, "text/csv", tables=(Table(0, len(rows), 12),))
    assert {passage.header for passage in split(document, Quick())} == {"", "Name | Year"}
