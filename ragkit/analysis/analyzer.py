"""Text analysis: text → index terms, by the language of the text.

A term is a word in lower case, stemmed, without accents. An identifier (`parseURL`, `max_size`,
`os.path`) yields itself and its parts, a code (`DEC-0054`) also its spelling without separators
(`identifiers`); scripts without spaces between words yield overlapping n-grams. A stop word yields
a term with a prefix of its own, so that phrases can contain it and rankings can discount it.
Documents and queries are analysed alike. The stemmers are tantivy's (Snowball). Knows no index.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from functools import cache, cached_property, lru_cache, partial, reduce
from operator import or_
from typing import Any, NamedTuple

from ragkit.analysis.forms import Forms, reversed_compound
from ragkit.analysis.identifiers import is_definition, joined_spellings
from ragkit.analysis.language import STEMMERS, detect_language
from ragkit.analysis.letters import ZERO_WIDTH_NON_JOINER, folded, ordered_thai
from ragkit.analysis.number_words import NumberWords
from ragkit.analysis.quantities import Quantity, may_have_quantities, quantities
from ragkit.analysis.stopwords import STOP_WORDS

STOP_PREFIX = "~"  # before the term of a stop word
_PUNCTUATION = ".,;:!?()[]{}<>\"'`*/|-"  # around a word; no sign of an identifier
MAX_WORD_LENGTH = 80  # characters; longer words are hashes and base64
_SHORT_PLURAL_LENGTH = 4  # letters of `gpus`; longer words with this ending are singulars
_MAX_CACHED_WORDS = 50_000  # words and their further terms
_MAX_CACHED_LENGTH = 8_000_000  # characters of cached words and their terms
# Vowel signs and accents that Python does not count among the letters.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0900-\u0963\u0966-\u0dff"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f71-\u0f84\u0f90-\u0fbc"
    "\u102b-\u103e\u17b4-\u17d3\u1ab0-\u1aff\u20d0-\u20f0\u302a-\u302f"
)
_INVISIBLE = "\u00ad\u200c\u200d\u2060\ufeff"  # inside words
# Scripts indexed by bigrams: Han, kana and Hangul. By trigrams: Thai, Lao, Burmese and Khmer.
_BIGRAM_LETTERS = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_TRIGRAM_LETTERS = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3"
_UNSPACED_LETTERS = _BIGRAM_LETTERS + _TRIGRAM_LETTERS
_WORD = re.compile(rf"[\w{_MARKS}]+(?:\.[\w{_MARKS}]+)*")
_NGRAM_SIZES = {"bigrams": 2, "trigrams": 3}
_IDENTIFIER = re.compile(r"_|[a-z0-9][A-Z]|[A-Z]{2}[a-z]")
_IDENTIFIER_PART = re.compile(r"[A-Z]+s(?![a-z])|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
# Snowball takes "GPUs" for a singular, and finds no ending in "PDFs", whose stem has no vowel.
_PLURAL_ABBREVIATION = re.compile(r"[A-Z][A-Z0-9]+s")
_CONSONANTS = re.compile(r"[b-df-hj-np-tv-xz]{3,}")
_DOT_NAME = re.compile(r"\.(?<![\w.]\.)[A-Za-z]{2}")  # begins with a character: quick to search
_DOTTED_CAPITAL = re.compile(r"\.[A-Z]\.")
_SHORT_CAPITALS = re.compile(r"[A-Z]{2,3}(?![\w'’-])")
_LETTER_HYPHEN = re.compile(r"[^\W\d_]-")
_SUSPENSION = "- (?:und|oder|en|of|och|eller|og|ja|tai|és|vagy) "
_UMLAUT_TO_DIGRAPH = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_DIGRAPH_TO_UMLAUT = {"ae": "ä", "oe": "ö", "ue": "ü"}
_DIGRAPH = re.compile("ae|oe|ue")


# Compiled on first use: most queries need none of them, and some take milliseconds.
@cache
def _symbol() -> re.Pattern[str]:
    return re.compile(r"(?<![\w.])(?:[A-Za-z]{1,8}(?:#|\+\+)(?!\w)|\.[A-Za-z]{2,12}(?![\w.]))")


@cache
def _initials() -> re.Pattern[str]:
    return re.compile(r"(?<![\w.])(?:[A-Z]\.){2,6}[A-Z]?(?!\w)")


@cache
def _inside_word() -> re.Pattern[str]:
    return re.compile(r"[\w.'’-]")  # before capitals: they are the end of a word


@cache
def _hyphenated() -> re.Pattern[str]:
    return re.compile(r"(?<![\w-])[^\W\d_]+(?:-[^\W\d_]+){1,3}(?![\w-])")


@cache
def _suspension() -> re.Pattern[str]:
    return re.compile(_SUSPENSION)


@cache
def _suspended_words() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)([^\W\d_]{{2,20}}){_SUSPENSION}([^\W\d_]{{4,30}})")


def _has_unspaced(text: str) -> bool:
    """Whether a text has letters of a script without spaces; U+0E01 is the first of them."""
    return not text.isascii() and max(text) >= "\u0e01" and bool(_unspaced().search(text))


@cache
def _unspaced() -> re.Pattern[str]:
    return re.compile(f"[{_UNSPACED_LETTERS}]")


@cache
def _runs() -> re.Pattern[str]:
    return re.compile(
        f"(?P<bigrams>[{_BIGRAM_LETTERS}]+)|(?P<trigrams>[{_TRIGRAM_LETTERS}]+)"
        f"|[^{_UNSPACED_LETTERS}]+"
    )


class Term(NamedTuple):
    """A term and the text it was made of.

    `redundant`: other terms of the same word cover it. `weight`: that of the parts of a word is 1
    together.
    """

    surface: str
    term: str
    redundant: bool = False
    weight: float = 1.0


class WordTerms(NamedTuple):
    """The terms of one word.

    `sequence` are its terms in the order of the text; `alternatives` are further rows of terms for
    the same position (the parts of an identifier, a dotted name). `suffixes` are the last
    characters of each run of n-grams: with them, every substring shorter than an n-gram is the
    beginning of some term.
    """

    sequence: list[Term]
    alternatives: list[list[Term]]
    suffixes: list[str]


def normalize(text: str) -> str:
    """Return `text` in Unicode normal form NFKC, without invisible characters inside words."""
    if text.isascii():
        return text
    for character in _INVISIBLE:  # a tenth of the time of `translate`
        text = text.replace(character, "")
    return ordered_thai(unicodedata.normalize("NFKC", text))


def symbols(text: str) -> list[Quantity]:
    """Return the names in a text whose signs make the word: `C#`, `.NET`; `U.S.A.`, also USA."""
    found: dict[Quantity, None] = {}
    if "#" in text or "++" in text or _DOT_NAME.search(text):
        for match in _symbol().finditer(text):
            found[Quantity(match[0], ("#" + match[0].lower(),))] = None
    for match in _initials().finditer(text) if _DOTTED_CAPITAL.search(text) else ():
        found[Quantity(match[0], (match[0].replace(".", "").lower(),))] = None
    return list(found)


def joined_words(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return words that are also written otherwise, as (text, words): the parts of one with a
    zero-width non-joiner, one with hyphens in one piece, the full words of `Ein- und Verkauf`."""
    found: list[tuple[str, tuple[str, ...]]] = []
    if "-" in text or ZERO_WIDTH_NON_JOINER in text:
        for chunk in text.split():  # a pattern is tried at every letter
            found += _joined_in(chunk)
        found += _suspended(text)
    return list(dict.fromkeys(found))


def _joined_in(chunk: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what `joined_words` returns for a text without white space."""
    if ZERO_WIDTH_NON_JOINER in chunk:
        inner = chunk.strip(ZERO_WIDTH_NON_JOINER)
        if ZERO_WIDTH_NON_JOINER in inner:
            yield inner, tuple(split_words(" ".join(inner.split(ZERO_WIDTH_NON_JOINER))))
    if "-" in chunk:
        for match in _hyphenated().finditer(chunk):
            yield match[0], (match[0].replace("-", ""),)


def _suspended(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the full words that `Ein- und Verkauf` may be short for."""
    for match in _suspended_words().finditer(text) if _suspension().search(text) else ():
        first, second = match[1], match[2].lower()
        for cut in range(2, len(second) - 2):
            yield match[0], (first + second[cut:],)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of the words that `split_words` returns."""
    return [match.span() for match in _WORD.finditer(text)]


def unspaced_runs(word: str) -> Iterator[tuple[int, int, int]]:
    """Yield the runs of a word as (start, end, size of its n-grams); size 0 for a run of a script
    with spaces between words."""
    if not _has_unspaced(word):
        yield 0, len(word), 0
        return
    for run in _runs().finditer(word):
        yield *run.span(), _NGRAM_SIZES.get(run.lastgroup or "", 0)


def split_words(text: str) -> list[str]:
    """Return the words of a normalized text, in order; a dotted name is one word."""
    return _WORD.findall(text)


def content_terms(text: str, language: str | None = None) -> list[str]:
    """Return the distinct terms of `text` without stop words, in order of first occurrence.

    `language` is an ISO 639-1 code; it is detected from the text where it is None.
    """
    rows = analyzer_for(language or detect_language(text)).index_terms(text)
    terms = dict.fromkeys(term for row in rows for term in row.split())
    return [term for term in terms if not term.startswith(STOP_PREFIX)]


@lru_cache(maxsize=64)
def analyzer_for(language: str) -> Analyzer:
    """Return the analyzer of a language, by ISO 639-1 code; without a stemmer where none exists."""
    return Analyzer(language)


class _TermCache(dict[str, str]):
    """White-space separated chunk → its terms. Most chunks of a text have been seen before.

    `traits` has what a chunk yields beside its terms, as bits; chunks with nothing else, which
    most are, are not in it.
    """

    def __init__(self, analyze: Callable[[str], tuple[str, list[str], int]]) -> None:
        self.alternatives: dict[str, list[str]] = {}
        self.traits: dict[str, int] = {}
        self.forms: dict[str, list[str]] = {}
        self.named: dict[str, list[Quantity]] = {}
        self.length = 0  # characters, approximately
        self._analyze = analyze

    def __missing__(self, chunk: str) -> str:
        terms, alternatives, traits = self._analyze(chunk)
        if alternatives:
            self.alternatives[chunk] = alternatives
        if traits:
            self.traits[chunk] = traits
        self.length += 2 * len(chunk) + len(terms)
        self[chunk] = terms  # last: another thread that finds it finds the rest too
        return terms


class _Analyzed:
    """A text with what its chunks yield: their terms, joined, and the chunks that have `traits`."""

    def __init__(self, text: str, cache: _TermCache) -> None:
        chunks = text.split()
        self.text, self.cache = text, cache
        self.terms = " ".join(map(cache.__getitem__, chunks))
        self.special = list(filter(cache.traits.__contains__, chunks))
        self.traits: int = reduce(or_, map(cache.traits.__getitem__, self.special), 0)

    @cached_property
    def plain(self) -> str:
        """The text, normalized."""
        return normalize(self.text)


# What a chunk of text yields beside its terms.
_ALTERNATIVES = 1  # further rows of terms
_FORMS = 2  # further terms of its words
_NAMED = 4  # names with signs, words with hyphens
_NUMBER = 8  # with the chunks around it, a quantity or an identifier
_DEFINITION = 16  # with the next chunk, a definition such as `class Name`
_CAPITALS = 32  # an abbreviation that is a stop word in lower case
_SUSPENDED_WORD = 64  # with the chunks after it, a word with a part left out


class Analyzer:
    """Text of one language → terms. Safe to share between threads."""

    def __init__(self, language: str) -> None:
        from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

        self._language = language

        def stemmer(tokenizer: Any, *, accents: bool = False) -> Any:  # noqa: ANN401 (no types)
            builder = TextAnalyzerBuilder(tokenizer).filter(Filter.lowercase())
            if language in STEMMERS:  # before accents are removed: they distinguish suffixes
                builder = builder.filter(Filter.stemmer(STEMMERS[language]))
            if not accents:
                builder = builder.filter(Filter.ascii_fold())
            return builder.build().analyze

        self._stem_word = stemmer(Tokenizer.raw())
        self._stem_words = stemmer(Tokenizer.whitespace())
        self._stem_accented = stemmer(Tokenizer.raw(), accents=True)
        self._stop_words = STOP_WORDS.get(language, frozenset())
        self._cache = _TermCache(self._analyze_chunk)
        self._forms = Forms(self, language)
        self._forms_of = lru_cache(_MAX_CACHED_WORDS)(self._forms.of)
        without_dictionary = partial(self._forms.of, with_dictionary=False)
        self._light_forms_of = lru_cache(_MAX_CACHED_WORDS)(without_dictionary)

    @cached_property
    def number_words(self) -> NumberWords:
        """The number words of this language; for queries only."""
        return NumberWords(self._language, self.term)

    def index_forms(self, text: str) -> list[str]:
        """Return the further terms of the words of a text: base forms, folded letters, numbers.

        They are indexed in a field of their own, without positions. ASCII words in English have
        none.
        """
        return self.index_text(text)[1]

    def forms(self, word: str, *, with_dictionary: bool = True) -> list[str]:
        """Return the further terms of a word without parts (`forms`)."""
        if not self.has_forms(word):
            return []
        return self._forms_of(word) if with_dictionary else self._light_forms_of(word)

    def has_forms(self, text: str) -> bool:
        """Whether words of a text may have further terms: not ASCII ones in English."""
        return self._language != "en" or not text.isascii()

    def folded_ngrams(self, word: str) -> list[str]:
        """Return the n-grams of a word of an unspaced script whose folded form has others."""
        if not _has_unspaced(word):
            return []
        key = folded(word)
        return [term.term for term in self.word_terms(key).sequence] if key != word else []

    def quantities(self, text: str) -> list[Quantity]:
        """Return the numbers, dates and amounts of a normalized text (`quantities`), and the
        abbreviations in capitals that are stop words in lower case (IT, US)."""
        return quantities(text, self._language) + self._capitals(text)

    def _capitals(self, text: str) -> list[Quantity]:
        """Return the abbreviations of `quantities`; none of a text that is all in capitals."""
        if text.isupper() and " " in text:
            return []
        return [
            Quantity(match[0], ("#" + match[0],))
            for match in _SHORT_CAPITALS.finditer(text)
            if match[0].lower() in self._stop_words
            and not _inside_word().match(text, match.start() - 1, match.start())
        ]

    def accented_stem(self, word: str) -> str:
        """Return the stem of a word with its accents."""
        return "".join("".join(self._stem_accented(word)).split())

    def index_terms(self, text: str) -> list[str]:
        """Return the rows of terms to index, each joined by spaces: the text, then alternatives,
        then the joined spellings of its identifiers.

        A phrase may match within one row, never from one row to the next.
        """
        return self._rows(_Analyzed(text, self._current_cache()))

    def index_text(self, text: str) -> tuple[list[str], list[str]]:
        """Return what `index_terms` and `index_forms` return."""
        analyzed = _Analyzed(text, self._current_cache())
        return self._rows(analyzed), self._further_terms(analyzed) if analyzed.special else []

    def _current_cache(self) -> _TermCache:
        if self._cache.length > _MAX_CACHED_LENGTH:
            self._cache = _TermCache(self._analyze_chunk)
        return self._cache

    def _rows(self, analyzed: _Analyzed) -> list[str]:
        """Return the rows of `index_terms`."""
        rows, cache = [analyzed.terms], analyzed.cache
        if analyzed.traits & _ALTERNATIVES:
            rows += [row for chunk in analyzed.special for row in cache.alternatives.get(chunk, ())]
        if analyzed.traits & (_NUMBER | _DEFINITION):
            joined = joined_spellings(analyzed.plain)
            if joined:
                rows.append(" ".join([self.term(spelling) for spelling in joined]))
        return rows

    def _further_terms(self, analyzed: _Analyzed) -> list[str]:
        """Return the terms of `index_forms`."""
        found: list[str] = []
        traits, cache = analyzed.traits, analyzed.cache
        if traits & _FORMS:
            for chunk in analyzed.special:
                forms = cache.forms.get(chunk)
                if forms is None:
                    forms = cache.forms[chunk] = self._forms_of_chunk(normalize(chunk))
                    cache.length += sum(map(len, forms))
                found += forms
        named: dict[Quantity, None] = {}  # each once
        for chunk in analyzed.special if traits & _NAMED else ():
            if cache.traits[chunk] & _NAMED:
                named.update(dict.fromkeys(self._named_in(chunk, cache)))
        for surface, row in _suspended(analyzed.text) if traits & _SUSPENDED_WORD else ():
            named[Quantity(surface, tuple(map(self.term, row)))] = None
        for quantity in named:
            found += quantity.terms
        for quantity in quantities(analyzed.plain, self._language) if traits & _NUMBER else ():
            found += quantity.terms
        for quantity in self._capitals(analyzed.plain) if traits & _CAPITALS else ():
            found += quantity.terms
        return found

    def _forms_of_chunk(self, chunk: str) -> list[str]:
        """Return the further terms of the words of a normalized chunk."""
        found: list[str] = []
        for word in split_words(chunk):
            if self.has_forms(word):
                for surface, term, *_ in self.word_terms(word).sequence:
                    found += self._forms_of(surface)
                    entry = reversed_compound(surface, term, self._language)
                    if entry and not term.startswith(STOP_PREFIX):
                        found.append(entry)
                found += self.folded_ngrams(word)
        return found

    def _named_in(self, chunk: str, cache: _TermCache) -> list[Quantity]:
        """Return the names with signs and the joined words of a chunk."""
        named = cache.named.get(chunk)
        if named is None:
            named = cache.named[chunk] = [
                *(
                    Quantity(surface, tuple(map(self.term, row)))
                    for surface, row in _joined_in(chunk)
                ),
                *symbols(normalize(chunk)),
            ]
        return named

    def _traits(self, chunk: str, plain: str) -> int:
        """Return the traits of a chunk without its alternatives; `plain`: it, normalized."""
        traits = _FORMS if self.has_forms(plain) else 0
        if is_definition(plain):
            traits |= _DEFINITION
        word = plain.strip(",;:!?()[]\"'")  # no sign of a name; dots are (`.NET`, `U.S.`)
        if word.isascii() and word.isalpha() and word[1:].islower() and chunk == plain:
            return traits
        word = plain.rstrip(".,;:!?)")
        if word.isascii() and word.isalpha() and chunk == plain:  # most chunks
            return traits | (_CAPITALS if word.isupper() and self._is_capitals(plain) else 0)
        if _LETTER_HYPHEN.search(chunk):
            traits |= _NAMED | (_SUSPENDED_WORD if chunk[-1] == "-" else 0)
        if ZERO_WIDTH_NON_JOINER in chunk or symbols(plain):
            traits |= _NAMED
        if may_have_quantities(plain):
            traits |= _NUMBER
        return traits | (_CAPITALS if self._is_capitals(plain) else 0)

    def _is_capitals(self, chunk: str) -> bool:
        """Whether a chunk contains capitals that are a stop word in lower case."""
        return any(
            match[0].lower() in self._stop_words for match in _SHORT_CAPITALS.finditer(chunk)
        )

    def chunks_with(self, chunks: Iterable[str], terms: Set[str]) -> list[str]:
        """Return those chunks of text, without white space, that have any of these terms, in any
        order; further terms (`index_forms`) do not count.

        Words without parts, which most chunks are, are stemmed in one call.
        """
        cache = self._current_cache()
        plain: dict[str, str] = {}  # chunk → its only word
        others: list[str] = []
        for chunk in chunks:
            word = chunk.strip(_PUNCTUATION) if chunk.isascii() and chunk not in cache else ""
            if word.isalpha() and (word.islower() or word[1:].islower()):
                plain[chunk] = word
            else:
                others.append(chunk)
        found = [
            chunk
            for chunk in others
            if not terms.isdisjoint(cache[chunk].split())
            or any(not terms.isdisjoint(row.split()) for row in cache.alternatives.get(chunk, ()))
        ]
        words = [word for word in dict.fromkeys(plain.values()) if len(word) <= MAX_WORD_LENGTH]
        matching = {
            word for word, term in zip(words, self.terms(words), strict=True) if term in terms
        }
        return found + [chunk for chunk, word in plain.items() if word in matching]

    def word_terms(self, word: str) -> WordTerms:
        """Return the terms of one of the words that `split_words` returns."""
        sequence: list[Term] = []
        alternatives: list[list[Term]] = []
        suffixes: list[str] = []
        parts = word.split(".")
        weight = 1 / len(parts)
        for part in parts:
            if not _has_unspaced(part):
                self._add_spaced_word(part, weight, sequence, alternatives)
                continue
            for run in _runs().finditer(part):
                if run.lastgroup is None:
                    self._add_spaced_word(run[0], 1.0, sequence, alternatives)
                    continue
                size = _NGRAM_SIZES[run.lastgroup]
                sequence += [Term(gram, gram) for gram in _ngrams(run[0], size)]
                if len(run[0]) >= size:
                    suffixes.append(run[0][1 - size :])
        if parts[1:] and len(word) <= MAX_WORD_LENGTH:
            alternatives.append([Term(word, self.term(word), redundant=True)])
        return WordTerms(sequence, alternatives, suffixes)

    def spelling_variants(self, word: str) -> set[str]:
        """Return the terms of other spellings: German umlauts as ae, oe, ue, and ph as f, and the
        reverse; of an
        abbreviation in lower case the singular and the plural (`pdfs`, `gpus`)."""
        lower = word.lower()
        is_short_plural = len(lower) == _SHORT_PLURAL_LENGTH and lower.endswith("us")
        if is_short_plural or _CONSONANTS.fullmatch(lower):
            is_plural = len(lower) >= _SHORT_PLURAL_LENGTH and lower.endswith("s")
            return {self.term(lower[:-1] if is_plural else lower + "s")}
        if self._language != "de":
            return set()
        variants = (
            lower.translate(_UMLAUT_TO_DIGRAPH),
            _DIGRAPH.sub(lambda digraph: _DIGRAPH_TO_UMLAUT[digraph[0]], lower),
            lower.replace("ph", "f"),  # Delphin, Photographie: both spellings are correct
            lower.replace("f", "ph"),
        )
        return {self.term(variant) for variant in variants if variant != lower}

    def is_stop_word(self, word: str) -> bool:
        """Whether a word, as it is written, is a stop word of this language."""
        return word.lower() in self._stop_words

    @staticmethod
    def is_shorter_than_ngram(term: str) -> bool:
        """Whether a term has fewer characters than the n-grams of its script."""
        if not _has_unspaced(term):
            return False
        run = _runs().fullmatch(term)
        return run is not None and len(term) < _NGRAM_SIZES.get(run.lastgroup or "", 0)

    @staticmethod
    def verb_stem(gram: str) -> tuple[str, Callable[[str], bool]] | None:
        """Return the part of a bigram that stays when a Japanese or Korean verb is inflected (書く:
        書いて; 먹다: 먹었습니다), and a function that tells whether another bigram has an ending
        there; None for another bigram."""
        if len(gram) != _NGRAM_SIZES["bigrams"]:
            return None
        if gram[1] == "다" and "가" <= gram[0] <= "힣":
            return gram[0], lambda other: "가" <= other[-1] <= "힣"
        if "\u4e00" <= gram[0] <= "\u9fff" and "ぁ" <= gram[1] <= "ゖ":
            return gram[0], lambda other: "ぁ" <= other[-1] <= "ゖ"
        return None

    def term(self, word: str) -> str:
        """Return the one term of a word without parts."""
        prefix = STOP_PREFIX if word.lower() in self._stop_words else ""
        if _PLURAL_ABBREVIATION.fullmatch(word):
            word = word[:-1]
        return prefix + "".join("".join(self._stem_word(word)).split())

    def terms(self, words: Sequence[str]) -> list[str]:
        """Return the term of each of these words without parts, stemmed in one call."""
        stems = self._stem_words(" ".join(words))
        if len(stems) != len(words):
            return [self.term(word) for word in words]
        stop_words = self._stop_words
        return [
            STOP_PREFIX + stem if word.lower() in stop_words else stem
            for word, stem in zip(words, stems, strict=True)
        ]

    def _analyze_chunk(self, chunk: str) -> tuple[str, list[str], int]:
        """Return the terms of a chunk without white space, the rows of its alternatives, and its
        traits."""
        sequence: list[str] = []
        alternatives: list[str] = []
        plain = normalize(chunk)
        if word := _only_word(plain):
            return self.term(word), alternatives, self._traits(chunk, plain)
        for word in split_words(plain):
            terms = self.word_terms(word)
            sequence += [term.term for term in terms.sequence]
            alternatives += [" ".join([term.term for term in row]) for row in terms.alternatives]
            alternatives += terms.suffixes
        traits = self._traits(chunk, plain) | (_ALTERNATIVES if alternatives else 0)
        return " ".join(sequence), alternatives, traits

    def _add_spaced_word(
        self, word: str, weight: float, sequence: list[Term], alternatives: list[list[Term]]
    ) -> None:
        word = word.strip("_")
        if not word or len(word) > MAX_WORD_LENGTH:
            return
        parts = identifier_parts(word)
        sequence.append(Term(word, self.term(word), redundant=len(parts) > 1, weight=weight))
        if parts[1:]:
            weight /= len(parts)
            alternatives.append([Term(part, self.term(part), weight=weight) for part in parts])


def _only_word(chunk: str) -> str | None:
    """Return the word of a normalized chunk that is one without parts, as most are, with
    punctuation around it; None for any other chunk."""
    word = chunk.strip(_PUNCTUATION)
    is_one = word.isalpha() and (word[1:] == word[1:].lower() or word.isupper())
    return word if is_one and len(word) <= MAX_WORD_LENGTH and not _has_unspaced(word) else None


def identifier_parts(identifier: str) -> list[str]:
    """`HTTPServer2_max` → HTTP, Server, 2, max; no parts of a word that is no identifier."""
    if not _IDENTIFIER.search(identifier):
        return []
    return [
        piece
        for part in identifier.split("_")
        if part
        for piece in (_IDENTIFIER_PART.findall(part) if part.isascii() else [part])
    ]


def _ngrams(text: str, size: int) -> list[str]:
    """All overlapping n-grams of `size` characters; the whole text where it is shorter."""
    return [text[start : start + size] for start in range(max(1, len(text) - size + 1))]
