"""Rewrite a follow-up question into a standalone question, without a language model.

A question that is short or contains a pronoun or the like ("it", "das", "et pour …") is a
follow-up. It is searched for together with the rarest words of the latest earlier question that has
some. Only words are added, never query syntax, and never words of an answer. The rewritten question
is shown to the user and used for the search alone. A short question that names a subject ("Sick
leave?") may begin a new topic, so it is also searched for by itself. Knows words and their inverse
document frequency (idf).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from ragkit.analysis.analyzer import split_words
from ragkit.answers.references import continues, refers_back
from ragkit.records.answers import Turn

MAX_ADDED_WORDS = 4
SHORT_QUESTION = 4  # words; a question with no more than these is taken for a follow-up
MAX_TURNS = 20  # the latest turns, from which words are taken
MAX_TURN_LENGTH = 8_000  # characters of an earlier question that are read
_REFERENCE_WINDOW = 12  # words at the beginning of a question in which a reference counts
_MIN_IDF_SHARE = 0.5  # of the highest idf in the conversation; words below it are not added
# Words that refer to something earlier, in the languages of most questions.
_REFERENCE_LIST = """
it its they them their this that these those he she his her one ones there former latter
es ihn ihm ihr sie er diese dieser dieses diesem diesen dessen deren davon dafür damit dort
il elle ils elles lui leur ça cela ceci celui celle ceux
eso esto esa ese ello ellos ellas
"""
_REFERENCES = frozenset(_REFERENCE_LIST.split())
_UNSPACED_REFERENCE = re.compile(r"[它她]|他们|[这那][个些样里]|それ(?!ぞれ)|これ|[そこ]の|そこ")
# In a script without spaces `\w+` matches a whole sentence. Two characters (Chinese, Japanese) or
# four (Thai, Burmese, Khmer) count as one word.
_UNSPACED_WORD = re.compile(
    r"[\u3041-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]{2}"
    r"|[\u0e01-\u0ece\u1000-\u103f\u1780-\u17d3]{4}"
)
_WORD = re.compile(r"[^\W_]\w{1,79}")  # a longer run without spaces is cut every 80 characters
# "Are there", "gibt es" and "y a-t-il" refer to nothing earlier.
_EXISTENTIAL = re.compile(
    r"\b(?:(?:is|are|was|were) there|there (?:is|are|was|were)|gibt es|es gibt|gab es|es gab|il y a"
    r"|a-t-il)\b",
    re.IGNORECASE,
)
# "The same" is a reference at the end of a question or before a preposition: not in "at the same
# time".
_THE_SAME = re.compile(
    r"\b(?:the same|(?:das|den|dem|der|die)selben?|l[ea] même|lo mismo)"
    r"(?=\W*$|\s+(?:for|with|to|für|mit|pour|avec|con|para)\b)",
    re.IGNORECASE,
)
_CONTINUATION = re.compile(
    r"(?:and|but|or|so|also|what about|how about|why|und|aber|oder|warum|et|mais|ou|pourquoi|y|pero"
    r"|o|por qué)\b|那么|为什么|还有|では|じゃあ|なぜ",
    re.IGNORECASE,
)

# "For contractors?" and "and in Germany?" continue the question before.
_CONTINUING_PHRASE = re.compile(
    r"(?:(?:and|but|or|und|aber|oder|et|mais|ou|y|pero|o)\s+)?(?:what about\s+|how about\s+)?"
    r"(?:for|with|without|in|on|at|by|from|during|after|before|für|mit|ohne|bei|nach|vor|pour|avec"
    r"|sans|dans|après|avant|para|con|sin|en|después|antes)\b",
    re.IGNORECASE,
)


def is_followup(question: str) -> bool:
    """Whether the form of a question shows that it cannot be understood alone.

    True for at most SHORT_QUESTION words, for up to twice as many that begin like a continuation
    ("and", "what about"), and for a question with a reference among its first words.
    """
    # `\w` leaves out the vowel signs of Indic scripts.
    words = re.findall(r"\w+", question) if question.isascii() else split_words(question)
    length = sum(max(1, len(_UNSPACED_WORD.findall(word))) for word in words)
    if length <= SHORT_QUESTION or _THE_SAME.search(question):
        return True
    if _UNSPACED_REFERENCE.search(question):
        return True
    if length <= 2 * SHORT_QUESTION and (
        _CONTINUATION.match(question.strip()) or continues(question)
    ):
        return True
    words = re.findall(r"\w+", _EXISTENTIAL.sub(" ", question))
    if any(word.lower() in _REFERENCES for word in words[:_REFERENCE_WINDOW]):
        return True
    return refers_back(question)


def rewrite_followup(
    question: str,
    history: Sequence[Turn],
    terms: Callable[[str], list[str]],
    idf: Callable[[str], float],
) -> str:
    """Return a standalone question: `question`, or `question (words of an earlier question)`.

    `terms` returns the index terms of a text, `idf` the inverse document frequency of a term. At
    most MAX_ADDED_WORDS are added: the rarest of the latest question that has words with half of
    the conversation's highest idf or more.
    """
    if not history or not is_followup(question):
        return question
    own_terms = set(terms(question))
    candidates = [
        _new_words(turn.question[:MAX_TURN_LENGTH], own_terms, terms, idf)
        for turn in history[-MAX_TURNS:]
    ]
    highest = max((value for words in candidates for value in words.values()), default=0.0)
    for words in reversed(candidates):
        specific = [word for word, value in words.items() if value >= _MIN_IDF_SHARE * highest]
        if specific:
            rarest = sorted(specific, key=lambda word: -words[word])[:MAX_ADDED_WORDS]
            return f"{question} ({' '.join(word for word in specific if word in rarest)})"
    return question


def subject_terms(
    question: str, terms: Callable[[str], list[str]], idf: Callable[[str], float]
) -> dict[str, float]:
    """Return the terms of the subject that a short question names, with their idf.

    Without terms it has no subject of its own: it has a reference, begins like the rest of an
    earlier question, or has no content word of the collection.
    """
    plain = _EXISTENTIAL.sub(" ", question)
    has_reference = any(word.lower() in _REFERENCES for word in re.findall(r"\w+", plain))
    if has_reference or _THE_SAME.search(question) or _UNSPACED_REFERENCE.search(question):
        return {}
    if _CONTINUING_PHRASE.match(question.strip()) or refers_back(question):
        return {}
    unseen_idf = idf("")
    return {term: value for term in terms(question) if (value := idf(term)) < unseen_idf}


def covered_share(subject: Mapping[str, float], text_terms: Collection[str]) -> float:
    """Return the share of a subject's terms, by idf, that a text has."""
    total = sum(subject.values())
    return sum(subject[term] for term in subject if term in text_terms) / total if total else 0.0


def _new_words(
    text: str, own_terms: set[str], terms: Callable[[str], list[str]], idf: Callable[[str], float]
) -> dict[str, float]:
    """Return the words of a text that may be added, with the highest idf of their terms.

    They are not references, occur in the collection, and share no term with `own_terms`.
    """
    unseen_idf = idf("")  # idf of a term in no document; a search for such a term finds nothing
    new_words = {}
    for word in dict.fromkeys(_WORD.findall(text)):
        known = [value for term in terms(word) if (value := idf(term)) < unseen_idf]
        if known and word.lower() not in _REFERENCES and not own_terms & set(terms(word)):
            new_words[word] = max(known)
    return new_words
