"""A question that leans on the one before it, made whole without a language model.

Contract: a question that is short or points back ("it", "das", "et pour …") is searched for with
the rarest words of the last question that had some; any other as it is. What is added is words
alone, no sign a search would obey, shown to the user, and changes only what is looked for. Nothing
of an answer is added. Knows words and how rare they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ragkit.records.answers import Turn

ADDED = 4  # words, at most
SHORT = 4  # words; a question with no more says little of its own
TURNS = 20  # the last ones, that are looked at
READ = 8_000  # characters of each
# Words that point back, and beginnings that go on, in the languages of most questions.
_BACK_WRITTEN = """
it its they them their this that these those he she his her one ones there former latter
es ihn ihm ihr sie er diese dieser dieses diesem diesen dessen deren davon dafür damit dort
il elle ils elles lui leur ça cela ceci celui celle ceux
eso esto esa ese ello ellos ellas
"""
_BACK = frozenset(_BACK_WRITTEN.split())
_BACK_UNSPACED = re.compile(r"[它她]|他们|[这那][个些样里]|それ(?!ぞれ)|これ|[そこ]の|そこ")
# Of a word that is a whole sentence, its script having no spaces: two characters, or four, say as
# much as a word does elsewhere.
_AS_MUCH = re.compile(
    r"[\u3041-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]{2}"
    r"|[\u0e01-\u0ece\u1000-\u103f\u1780-\u17d3]{4}"
)
_WORD = re.compile(r"[^\W_]\w{1,79}")  # a run without spaces comes in pieces of 80
# "Are there", "gibt es" and "y a-t-il" point at nothing.
_THERE_IS = re.compile(
    r"\b(?:(?:is|are|was|were) there|there (?:is|are|was|were)|gibt es|es gibt|gab es|es gab|il y a"
    r"|a-t-il)\b",
    re.IGNORECASE,
)
# "The same" points back where nothing says the same as what: not in "at the same time".
_THE_SAME = re.compile(
    r"\b(?:the same|(?:das|den|dem|der|die)selben?|l[ea] même|lo mismo)"
    r"(?=\W*$|\s+(?:for|with|to|für|mit|pour|avec|con|para)\b)",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"(?:and|but|or|so|also|what about|how about|why|und|aber|oder|warum|et|mais|ou|pourquoi|y|pero"
    r"|o|por qué)\b|那么|为什么|还有|では|じゃあ|なぜ",
    re.IGNORECASE,
)


def follows_on(question: str) -> bool:
    """Whether a question cannot be understood alone, by its look."""
    words = re.findall(r"\w+", question)
    length = sum(max(1, len(_AS_MUCH.findall(word))) for word in words)
    if length <= SHORT or _THE_SAME.search(question) or _BACK_UNSPACED.search(question):
        return True
    if length <= 2 * SHORT and _GOES_ON.match(question.strip()):
        return True
    said = re.findall(r"\w+", _THERE_IS.sub(" ", question))
    return any(word.lower() in _BACK for word in said[:12])


def whole(
    question: str,
    history: Sequence[Turn],
    terms: Callable[[str], list[str]],
    rarity: Callable[[str], float],
) -> str:
    """The question with the words of the one before that it needs.

    `terms` folds and stems the words of a text; `rarity` is a word's inverse document frequency.
    """
    if not history or not follows_on(question):
        return question
    own = set(terms(question))
    told = [_fresh(turn.question[:READ], own, terms, rarity) for turn in history[-TURNS:]]
    limit = 0.5 * max((rare for words in told for rare in words.values()), default=0.0)
    for words in reversed(told):
        telling = [word for word, rare in words.items() if rare >= limit]
        if telling:
            best = sorted(telling, key=lambda word: -words[word])[:ADDED]
            return f"{question} ({' '.join(word for word in telling if word in best)})"
    return question


def _fresh(
    text: str, own: set[str], terms: Callable[[str], list[str]], rarity: Callable[[str], float]
) -> dict[str, float]:
    """The words of a text that point at something, are in the collection and not among `own`, with
    their rarity."""
    nowhere = rarity("")  # of a word that no document has; looking for that finds nothing
    found = {}
    for word in dict.fromkeys(_WORD.findall(text)):
        known = [rare for term in terms(word) if (rare := rarity(term)) < nowhere]
        if known and word.lower() not in _BACK and not own & set(terms(word)):
            found[word] = max(known)
    return found
