"""Words → terms, by the language they are written in.

A term is lowercased, stemmed and without accents. An identifier (`parseURL`, `max_size`,
`os.path`) gives itself and its parts; scripts without spaces between words give overlapping
n-grams. A stop word becomes a term of its own kind, which phrases can name and rankings leave out.
Documents and queries are analysed alike. Knows no index; its stemmers are tantivy's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ragkit.analysis.language import STEMMERS, language
from ragkit.analysis.stopwords import STOP_WORDS

STOP = "~"  # before the term of a stop word
LONGEST = 80  # characters of a word; longer ones are hashes and base64
_REMEMBERED = 8_000_000  # characters of words and their terms
# Vowel signs and accents that Python does not count among the letters.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0900-\u0963\u0966-\u0dff"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f71-\u0f84\u0f90-\u0fbc"
    "\u102b-\u103e\u17b4-\u17d3\u1ab0-\u1aff\u20d0-\u20f0\u302a-\u302f"
)
_IGNORED = dict.fromkeys(map(ord, "\u00ad\u200c\u200d\u2060\ufeff"))  # invisible inside words
# Han, kana and Hangul, of which two make a word; Thai, Lao, Burmese and Khmer letters.
_PAIRS = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_TRIPLES = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3"
_WORD = re.compile(rf"[\w{_MARKS}]+(?:\.[\w{_MARKS}]+)*")
_UNSPACED = re.compile(f"[{_PAIRS}{_TRIPLES}]")
_RUN = re.compile(f"(?P<pairs>[{_PAIRS}]+)|(?P<triples>[{_TRIPLES}]+)|[^{_PAIRS}{_TRIPLES}]+")
_SIZES = {"pairs": 2, "triples": 3}
_IDENTIFIER = re.compile(r"_|[a-z0-9][A-Z]|[A-Z]{2}[a-z]")
_PART = re.compile(r"[A-Z]+s(?![a-z])|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_UNDONE = {"ae": "ä", "oe": "ö", "ue": "ü"}
_DIGRAPH = re.compile("ae|oe|ue")


class Term(NamedTuple):
    """A term, and what it was in the text. `extra`: other terms of its word say the same."""

    written: str
    term: str
    extra: bool = False


class Terms(NamedTuple):
    """Of a word: the terms in the order of the text, and rows of terms that stand beside it.

    `ends` are what a run of n-grams ends with: with them, any part of it that is shorter than an
    n-gram begins some term.
    """

    body: list[Term]
    beside: list[list[Term]]
    ends: list[str]


def normal(text: str) -> str:
    """Composed, compatibility forms folded (NFKC), without what cannot be seen inside words."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text.translate(_IGNORED))


def words(text: str) -> list[str]:
    """The words of a normal text, in order; a dotted name is one."""
    return _WORD.findall(text)


def telling(text: str) -> list[str]:
    """The terms of a text in the language it seems to be in, each once, without stop words."""
    return telling_in(language(text), text)


def telling_in(code: str, text: str) -> list[str]:
    """The same in a language that is known by its code."""
    rows = analysis(code).text(text)
    terms = dict.fromkeys(term for row in rows for term in row.split())
    return [term for term in terms if not term.startswith(STOP)]


@lru_cache(maxsize=64)
def analysis(language: str) -> Analysis:
    """The analysis of a language by its code; where it has no stemmer, words keep their endings."""
    return Analysis(language)


class _Known(dict[str, str]):
    """What stands between spaces → its terms; most words of a text have been seen before."""

    def __init__(self, terms: Callable[[str], tuple[str, list[str]]]) -> None:
        self.beside: dict[str, list[str]] = {}
        self.size = 0  # characters, about
        self._terms = terms

    def __missing__(self, chunk: str) -> str:
        self[chunk], beside = self._terms(chunk)
        if beside:
            self.beside[chunk] = beside
        self.size += 2 * len(chunk) + len(self[chunk])
        return self[chunk]


class Analysis:
    """Text of one language → terms. Safe to share between threads."""

    def __init__(self, language: str) -> None:
        from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

        self._language = language

        def stemming(tokenizer: Any) -> Any:  # noqa: ANN401 (tantivy has no types)
            builder = TextAnalyzerBuilder(tokenizer).filter(Filter.lowercase())
            if language in STEMMERS:  # before accents go: endings are told apart by them
                builder = builder.filter(Filter.stemmer(STEMMERS[language]))
            return builder.filter(Filter.ascii_fold()).build().analyze

        self._stem = stemming(Tokenizer.raw())
        self._stem_each = stemming(Tokenizer.whitespace())
        self._stop_words = STOP_WORDS.get(language, frozenset())
        self._known = _Known(self._terms)

    def text(self, text: str) -> list[str]:
        """What to index of a text, terms between spaces: first itself, then what stands beside it.

        Phrases reach over the terms of one of these strings, never from one to the next.
        """
        if self._known.size > _REMEMBERED:
            self._known = _Known(self._terms)
        known, chunks = self._known, text.split()
        body = " ".join(map(known.__getitem__, chunks))
        if known.beside.keys().isdisjoint(chunks):
            return [body]
        return [body, *(row for chunk in chunks for row in known.beside.get(chunk, ()))]

    def word(self, word: str) -> Terms:
        """The terms of one of `words`."""
        body: list[Term] = []
        beside: list[list[Term]] = []
        ends: list[str] = []
        parts = word.split(".")
        for part in parts:
            if part.isascii() or not _UNSPACED.search(part):
                self._spaced(part, body, beside)
                continue
            for run in _RUN.finditer(part):
                if run.lastgroup is None:
                    self._spaced(run[0], body, beside)
                    continue
                size = _SIZES[run.lastgroup]
                body += [Term(gram, gram) for gram in _grams(run[0], size)]
                if len(run[0]) >= size:
                    ends.append(run[0][1 - size :])
        if parts[1:] and len(word) <= LONGEST:
            beside.append([Term(word, self.term(word), extra=True)])
        return Terms(body, beside, ends)

    def spellings(self, word: str) -> set[str]:
        """The terms of a word written otherwise: German umlauts as ae, oe, ue, and back."""
        if self._language != "de":
            return set()
        low = word.lower()
        written = low.translate(_UMLAUTS), _DIGRAPH.sub(lambda two: _UNDONE[two[0]], low)
        return {self.term(each) for each in written if each != low}

    def is_stop_word(self, word: str) -> bool:
        """Whether a word as it is written says nothing by itself."""
        return word.lower() in self._stop_words

    @staticmethod
    def is_cut_short(term: str) -> bool:
        """Whether a term is shorter than the n-grams of its script."""
        run = _RUN.fullmatch(term)
        return run is not None and len(term) < _SIZES.get(run.lastgroup or "", 0)

    def _terms(self, chunk: str) -> tuple[str, list[str]]:
        """What stands between two spaces: its terms, and the rows of those beside it."""
        body: list[str] = []
        beside: list[str] = []
        for word in words(normal(chunk)):
            terms = self.word(word)
            body += [each.term for each in terms.body]
            beside += [" ".join([each.term for each in row]) for row in terms.beside]
            beside += terms.ends
        return " ".join(body), beside

    def _spaced(self, word: str, body: list[Term], beside: list[list[Term]]) -> None:
        word = word.strip("_")
        if not word or len(word) > LONGEST:
            return
        parts = _parts(word) if _IDENTIFIER.search(word) else []
        body.append(Term(word, self.term(word), extra=len(parts) > 1))
        if parts[1:]:
            beside.append([Term(part, self.term(part)) for part in parts])

    def term(self, word: str) -> str:
        """The one term of a word without parts."""
        stopped = STOP if word.lower() in self._stop_words else ""
        return stopped + "".join("".join(self._stem(word)).split())

    def each_term(self, spelled: Sequence[str]) -> list[str]:
        """The term of each of these words without parts, all made at once."""
        stems = self._stem_each(" ".join(spelled))
        if len(stems) != len(spelled):
            return [self.term(each) for each in spelled]
        stop_words = self._stop_words
        return [
            STOP + stem if word.lower() in stop_words else stem
            for word, stem in zip(spelled, stems, strict=True)
        ]


def _parts(identifier: str) -> list[str]:
    """`HTTPServer2_max` → HTTP, Server, 2, max."""
    parts = [part for part in identifier.split("_") if part]
    return [
        piece for part in parts for piece in (_PART.findall(part) if part.isascii() else [part])
    ]


def _grams(text: str, size: int) -> list[str]:
    """Every `size` characters on end; of fewer, all."""
    return [text[at : at + size] for at in range(max(1, len(text) - size + 1))]
