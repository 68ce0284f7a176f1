"""Data that stands in text: an image in base64, a key, a dump without a space for miles.

Nobody searches for the middle of it, no tokenizer knows it, and as passages it would outnumber the
document's words. So only its beginning is cut into passages; `left_out` says what is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST = 2_000  # characters; no word, address or digest of any language is as long
_KEPT = 100  # from the beginning: WordPiece takes a longer word for one it does not know
# Letters of other scripts are no part of it: Chinese and Thai have no spaces.
# The look behind lets each run be tried once: time stays in proportion to the text.
_DATA = re.compile(rf"(?<![A-Za-z0-9+/=_%-])[A-Za-z0-9+/=_%-]{{{_LONGEST + 1},}}+")


def data_spans(text: str) -> Iterator[tuple[int, int]]:
    """`(start, end)` of what no passage shows, in order."""
    if len(text) <= _LONGEST:
        return
    for match in _DATA.finditer(text):
        yield match.start() + _KEPT, match.end()


def left_out(text: str) -> str | None:
    """What the user should know of it; None where every word is in a passage."""
    sizes = [end - start for start, end in data_spans(text)]
    if not sizes:
        return None
    words = "a word" if len(sizes) == 1 else f"{len(sizes):,} words"
    return f"{words} of over {_LONGEST:,} characters: {sum(sizes):,} characters not searched"
