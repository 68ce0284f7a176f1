"""Stop words of each language, by ISO 639-1 code, read from `stopwords.txt`.

They carry no weight of their own in a ranking, and language detection counts them. Short lists of
function words only: longer lists, as packages offer them, contain words that users search for.
"""

from __future__ import annotations

import re
from pathlib import Path

_FILE = Path(__file__).with_name("stopwords.txt")


def read_stop_words(text: str) -> dict[str, frozenset[str]]:
    """Parse blocks of `[code]` and words: language code → its stop words. "#" begins a comment."""
    content = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    _, *blocks = re.split(r"^\[(\w+)\]$", content, flags=re.MULTILINE)
    return {
        code: frozenset(words.split())
        for code, words in zip(blocks[::2], blocks[1::2], strict=True)
    }


STOP_WORDS = read_stop_words(_FILE.read_text(encoding="utf-8"))
