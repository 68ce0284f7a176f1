"""Headings of a Word file whose styles are a publisher's own: by the size and weight of letters.

Used only where no paragraph is a heading by its style or its outline level. Knows the paragraphs
that were read, not the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragkit.documents.layout.blocks import Block

_MIN_RATIO = 1.15  # of a heading's letters to those of the text
_MAX_LENGTH = 120  # characters of a heading
_MAX_SHARE = 0.25  # of all characters; with more, large or bold text is the text
_MAX_LEVEL = 6
_SENTENCE_ENDS = (".", ",", ";", ":")


@dataclass(frozen=True, slots=True)
class SizedBlock:
    """A paragraph outside of tables and lists, with the size of its smallest letters (half points;
    0: unknown) and whether all of them are bold."""

    block: Block
    size: int
    is_bold: bool


def mark_headings(blocks: Sequence[SizedBlock]) -> None:
    """Give the paragraphs that look like headings their levels: those in larger letters first, then
    bold lines in letters as large as the text's."""
    characters: Counter[int] = Counter()
    for sized in blocks:
        if not sized.is_bold:
            characters[sized.size] += len(sized.block.text)
    if not characters:
        return
    usual, _ = characters.most_common(1)[0]
    if not usual:
        return
    found = [sized for sized, _ in pairwise(blocks) if _is_heading(sized, usual)]
    total = sum(len(sized.block.text) for sized in blocks)
    if sum(len(sized.block.text) for sized in found) > _MAX_SHARE * total:
        return
    kinds = sorted({_kind(sized, usual) for sized in found}, reverse=True)
    for sized in found:
        sized.block.level = min(kinds.index(_kind(sized, usual)) + 1, _MAX_LEVEL)


def _kind(sized: SizedBlock, usual: int) -> tuple[int, bool]:
    return (sized.size, sized.is_bold) if sized.size > usual else (usual, True)


def _is_heading(sized: SizedBlock, usual: int) -> bool:
    text = sized.block.text
    is_large = sized.size >= _MIN_RATIO * usual
    is_line = "\n" not in text and len(text) <= _MAX_LENGTH
    has_words = 2 * sum(map(str.isalpha, text)) > len(text)
    return (
        (is_large or (sized.is_bold and sized.size >= usual))
        and is_line
        and has_words
        and not text.endswith(_SENTENCE_ENDS)
    )
