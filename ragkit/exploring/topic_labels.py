"""Terms that tell a topic from the others: class-based TF-IDF.

Contract: the texts of each topic in, terms out. The texts of a topic count as one document
(Grootendorst 2022, BERTopic, https://arxiv.org/abs/2203.05794): a term's weight is its share of the
topic's words times log(1 + mean number of words of a topic / number of the term in all topics).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[^\W\d_][\w'\u2019-]*\w")
_MAX_CHARACTERS = 4_000  # of a passage
_MIN_LETTERS = 3
_SAME_START = 5  # letters by which "teacher" and "teachers" count as one term
_NAME_TERMS = 3


def topic_terms(
    texts: Sequence[Sequence[str]], stop_words: frozenset[str], count: int = 8
) -> list[tuple[str, ...]]:
    """Return the `count` best terms of each topic, best first. `texts`: the texts of each topic."""
    words = [_count_words(own, stop_words) for own in texts]
    total: Counter[str] = Counter()
    for own in words:
        total.update(own)
    mean = sum(total.values()) / max(1, len(words))
    found = []
    for own in words:
        size = max(1, sum(own.values()))
        weights = {
            word: number / size * math.log(1 + mean / total[word]) for word, number in own.items()
        }
        terms: list[str] = []
        for word in sorted(weights, key=lambda word: (-weights[word], word)):
            if not any(word[:_SAME_START] == term[:_SAME_START] for term in terms):
                terms.append(word)
                if len(terms) == count:
                    break
        found.append(tuple(terms))
    return found


def topic_name(terms: Sequence[str], taken: set[str]) -> str:
    """Return a name that is not taken: the first three terms, with a number where needed."""
    base = ", ".join(terms[:_NAME_TERMS]) or "topic"
    name, number = base, 2
    while name in taken:
        name, number = f"{base} {number}", number + 1
    return name


def _count_words(texts: Sequence[str], stop_words: frozenset[str]) -> Counter[str]:
    words: Counter[str] = Counter()
    for text in texts:
        # Each text counts a word once or twice at most: one long passage does not name a topic.
        own = Counter(match[0].casefold() for match in _WORD.finditer(text[:_MAX_CHARACTERS]))
        for word, number in own.items():
            if len(word) >= _MIN_LETTERS and word not in stop_words:
                words[word] += min(number, 2)
    return words
