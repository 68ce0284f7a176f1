"""The plan of a query: the terms, phrases and exclusions to look up in the lexical index.

The language of a query is unknown and often impossible to detect, so each word is analyzed for
every language of the collection. The resulting terms form one group. Knows terms and their document
frequencies, no passages.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ragkit.analysis import spelling
from ragkit.analysis.analyzer import (
    STOP_PREFIX,
    Analyzer,
    analyzer_for,
    joined_words,
    normalize,
    split_words,
    symbols,
)
from ragkit.analysis.forms import COMPOUND_LINKS, EXACT, REVERSED
from ragkit.analysis.identifiers import joined_spellings, unit_matches
from ragkit.storage.lexical.statistics import (
    FORMS,
    LANGUAGE,
    TEXT,
    Phrase,
    TermStatistics,
    phrase_of,
)

if TYPE_CHECKING:
    from ragkit.analysis.query_syntax import ParsedQuery

Argument = TypeVar("Argument", bound=Hashable)
Result = TypeVar("Result")

MAX_TERMS = 1024  # different words of a query that count
STOP_WORD_WEIGHT = 0.5  # BM25 weight of a stop word beside content words; docs/ranking.md
_CACHE_SIZE = 8192  # words, and terms, of earlier queries
_MAX_CORRECTED = 8  # unknown words of a query that are checked for typos
_MAX_SHORT_COMPLETIONS = 64  # terms that begin with a word too short to be a term
_MAX_COMPARED = 20_000  # terms that a misspelled word is compared with
_MIN_DICTIONARY_SHARE = 0.05  # of the passages
_MIN_COMPOUND_SHARE = 0.01  # of the passages
_FORM_WEIGHT = 0.8  # of another form of a word, beside 1 for the word as it is written
_EXACT_WEIGHT = 0.25  # in addition, where the accents are those that the query has
_COMPOUND_WEIGHT = 0.4  # of a compound with the word, and of the parts of a known compound
_JOINED_WEIGHT = 1.1  # of each of two words where a passage has them as one
_NUMBER_WEIGHT = 0.6  # of a number in words beside the one in digits, and the reverse
_INFLECTION_WEIGHT = 0.5  # of another form of a Japanese or Korean verb
_PART_WEIGHT = 0.3  # of the words of a date or another quantity that the index has as a whole
_MAX_DIGITS = 3  # of a number that may be written in words
_MAX_PAIRED = 8  # words of a query that may be parts of one compound, or of one name
_MAX_COMPOUNDS = 64  # terms that begin with a word and may be compounds
_MIN_PART = 3  # letters of a part of a compound
_MIN_COMPOUND = 7
# Endings after which an s can only link two parts: German, Swedish, Danish, Norwegian, Dutch.
_LINKED_ENDINGS = (
    "ungs", "heits", "keits", "schafts", "ions", "tats", "lings", "nings", "hets", "ings", "heids",
)  # fmt: skip


class Form(NamedTuple):
    """Another term that a word of the query is found by.

    `is_extra`: its score is added; of the word's terms and its other forms the best score counts.
    """

    field: str
    term: str
    weight: float
    is_extra: bool = False


class QueryWord(NamedTuple):
    """A word of the query with its index terms. No term belongs to two words. A term with spaces
    is several terms in a row."""

    surface: str  # as written in the query
    terms: tuple[str, ...]  # only those that the index contains
    idf: float  # inverse document frequency of the word as written
    weight: float = 1.0  # factor for its BM25 score
    corrected_to: str | None = None  # the similar indexed word, if it is misspelled
    # That of the passages with any of `terms`, which all are scored with: the term of a rare
    # language does not count more. It differs from `idf` where the word was corrected.
    matched_idf: float = 0.0
    forms: tuple[Form, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether any passage contains the word, or another form of it."""
        return bool(self.terms or self.forms)

    @property
    def is_stop_word(self) -> bool:
        """Whether it is a stop word of the language that the query is probably in."""
        return bool(self.terms) and self.terms[0].startswith(STOP_PREFIX)

    @property
    def factor(self) -> float:
        """The highest factor for its score that its forms can lead to, 1 without forms."""
        if not self.forms:
            return 1.0
        best = max([form.weight for form in self.forms if not form.is_extra], default=0.0)
        extra = sum(form.weight for form in self.forms if form.is_extra)
        return max(1.0, (max(best, 1.0) if self.terms else best) + extra)


class QueryPlan(NamedTuple):
    """What a query looks up. `required` and `excluded` are words and phrases."""

    words: tuple[QueryWord, ...]
    required: tuple[Phrase, ...] = ()
    excluded: tuple[Phrase, ...] = ()

    @property
    def total_idf(self) -> float:
        """The weighted sum of the words' inverse document frequencies."""
        return sum(word.weight * word.idf * word.factor for word in self.words)


class _Token(NamedTuple):
    """A word, or a part of one, with its term in each language."""

    surface: str
    terms: tuple[str, ...]
    redundant: bool  # ignored if the index lacks it: a part of a word, or a stop word
    weight: float = 1.0


def cached(method: Callable[[Argument], Result]) -> Callable[[Argument], Result]:
    """Return a bound method with a cache of its results.

    The cache does not refer to the method's object, which refers to the cache: in a cycle the maps
    of a deleted index would stay until Python's garbage collection.
    """
    bound = weakref.WeakMethod(method)

    @lru_cache(_CACHE_SIZE)
    def call(argument: Argument) -> Result:
        alive = bound()
        if alive is None:
            raise RuntimeError("the planner was deleted while it was used")
        return alive(argument)

    return call


class QueryPlanner:
    """Builds the `QueryPlan`s of queries to one open index, or to several that are searched as one.
    Safe to share between threads.

    The field `LANGUAGE` has one term for each passage: the code of its language. tantivy goes on to
    count removed passages in the frequencies of terms until it merges their files, so the
    frequencies are corrected here: a removed passage never counts.
    """

    def __init__(self, statistics: TermStatistics) -> None:
        self._statistics = statistics
        self._total, self._counted = statistics.total, statistics.counted
        languages = statistics.languages()
        self._languages = [
            code
            for code, _ in languages
            if not self._has_removed or statistics.has_passage(LANGUAGE, code)
        ]
        self._analyzers = [analyzer_for(code) for code in self._languages]
        # Loading a dictionary takes seconds: not for a few passages, whose language may be a guess.
        self._dictionary_analyzers = [
            analyzer_for(code)
            for code, count in languages
            if code in self._languages and count >= _MIN_DICTIONARY_SHARE * self._counted
        ]
        # What may link the parts of a compound. Not for a few passages either: they would make the
        # queries of an English collection long.
        self._links = tuple(
            dict.fromkeys(
                link
                for code, count in languages
                if code in self._languages and count >= _MIN_COMPOUND_SHARE * self._counted
                for link in COMPOUND_LINKS.get(code, ())
            )
        )
        # Most queries contain the same frequent words, and each language has to analyze them.
        self._tokens_of = cached(self._analyze)
        self._document_frequency_of = cached(self._document_frequency)
        self._found_of = cached(self._find)

    @property
    def languages(self) -> Sequence[str]:
        """The ISO 639-1 codes of the languages of the passages, the most frequent first."""
        return self._languages

    @property
    def _has_removed(self) -> bool:
        return self._counted != self._total

    def plan(self, query: ParsedQuery) -> QueryPlan:
        """Return the plan of a query. A phrase that no passage contains is searched as words."""
        required = (self._phrase(phrase) for phrase in query.required)
        excluded = (self._phrase(phrase) for phrase in query.excluded)
        return QueryPlan(
            self._words(query.text),
            tuple(phrase for phrase in required if phrase and self._statistics.occurs(phrase)),
            tuple(phrase for phrase in excluded if phrase),
        )

    def _words(self, text: str) -> tuple[QueryWord, ...]:
        words: list[QueryWord] = []
        used_terms: set[str] = set()
        corrected = 0
        tokens = self._weigh(self._tokens(text))[:MAX_TERMS]
        quantities, covered = self._quantities(text)
        quantities += self._joined_stop_words(tokens, text)
        compounds = self._joined_compounds(tokens)
        for token in [*tokens, *quantities]:
            terms, forms = self._found_of(token)
            if not terms and not forms and token.redundant:
                continue
            forms += compounds.get(token.surface, ())
            idf = self.idf(terms, forms)
            weight = token.weight * (_PART_WEIGHT if token.surface in covered else 1)
            word = QueryWord(token.surface, terms, idf, weight, None, idf, forms)
            if (
                not word.is_known
                and spelling.max_edits(token.surface)
                and corrected < _MAX_CORRECTED
            ):
                corrected += 1
                word = self._correct(word)
            fresh = tuple(term for term in word.terms if term not in used_terms)
            if fresh or not word.terms:
                kept = tuple(form for form in forms if form.term not in used_terms)
                is_changed = len(fresh) < len(word.terms) or len(kept) < len(word.forms)
                words.append(word._replace(terms=fresh, forms=kept) if is_changed else word)
            used_terms.update(fresh)
        return tuple(words)

    def _find(self, token: _Token) -> tuple[tuple[str, ...], tuple[Form, ...]]:
        """Return the terms and the further forms by which the index finds a token."""
        terms = self._known_terms(self._variants(token))
        return terms, self._forms(token, terms)

    def _tokens(self, text: str) -> list[_Token]:
        """Return each different word, and each of its parts."""
        tokens: dict[tuple[str, ...], _Token] = {}
        for word in dict.fromkeys(split_words(normalize(text))):
            for token in self._tokens_of(word):
                first = tokens.setdefault(token.terms, token)
                if first.weight < token.weight:  # the same word as a part of another
                    tokens[token.terms] = first._replace(weight=token.weight)
            if len(tokens) > 2 * MAX_TERMS:
                break
        for joined in joined_spellings(normalize(text), is_query=True)[:MAX_TERMS]:
            terms = tuple(analyzer.term(joined) for analyzer in self._analyzers)
            token = _Token(joined, tuple(dict.fromkeys(terms)), redundant=True)
            tokens.setdefault(token.terms, token)
        return list(tokens.values())

    def _quantities(self, text: str) -> tuple[list[_Token], set[str]]:
        """Return the numbers, dates and further units of a query that the index has, and the words
        that they consist of."""
        plain = normalize(text)
        found: dict[tuple[str, ...], _Token] = {}
        named = [
            quantity for analyzer in self._analyzers for quantity in analyzer.quantities(plain)
        ]
        rows = [(quantity.surface, quantity.terms) for quantity in (*named, *symbols(plain))]
        for amount, joined in unit_matches(plain):
            rows.append((amount, tuple(analyzer.term(joined) for analyzer in self._analyzers)))
        for _, row in joined_words(text):
            rows += [
                (word, tuple(analyzer.term(word) for analyzer in self._analyzers)) for word in row
            ]
        for word in split_words(plain) if not plain.isascii() else ():
            for analyzer in self._analyzers[:1]:  # none: nothing is indexed
                rows += [(gram, (gram,)) for gram in analyzer.folded_ngrams(word)]
        words = split_words(plain)
        for analyzer in self._dictionary_analyzers:
            numbers = analyzer.number_words.find([analyzer.term(word) for word in words])
            for start, end, number in numbers:
                if end > start + 1:  # a single word has the digits as a form
                    rows.append((" ".join(words[start:end]), (str(number),)))
        covered: set[str] = set()
        for surface, terms in rows[:MAX_TERMS]:
            if any(self._frequency(field, term) for field in (TEXT, FORMS) for term in terms):
                token = _Token(surface, tuple(dict.fromkeys(terms)), redundant=True)
                found.setdefault(token.terms, token)
                if any(not term.isalpha() for term in terms):
                    covered.update(split_words(surface))
        return list(found.values()), covered - {token.surface for token in found.values()}

    def _joined_stop_words(self, tokens: Sequence[_Token], text: str) -> list[_Token]:
        """Return each pair of words that stand side by side in a query of stop words alone, as in
        The Who: nearly every passage has these words, few have them so."""
        if not all(self._is_stop_word(token.surface) for token in tokens):
            return []
        words = split_words(normalize(text))[:_MAX_PAIRED]
        found: dict[tuple[str, ...], _Token] = {}
        for pair in pairwise(words):
            rows = dict.fromkeys(" ".join(map(analyzer.term, pair)) for analyzer in self._analyzers)
            token = _Token(" ".join(pair), tuple(rows), redundant=True)
            found.setdefault(token.terms, token)
        return list(found.values())

    def _is_stop_word(self, word: str) -> bool:
        return any(analyzer.is_stop_word(word) for analyzer in self._analyzers)

    def _numbers(self, token: _Token) -> list[Form]:
        """Return the words for a number in digits, and the digits for a number word."""
        word = token.surface
        is_digits = word.isdecimal() and len(word) <= _MAX_DIGITS
        rows: dict[tuple[str, ...], None] = {}
        for analyzer in self._dictionary_analyzers:
            if is_digits:
                rows.update(dict.fromkeys(analyzer.number_words.terms(int(word))))
            elif number := analyzer.number_words.number(analyzer.term(word)):
                rows[(str(number),)] = None
        return [
            Form(field, " ".join(row), _NUMBER_WEIGHT)
            for row in rows
            for field in (TEXT, FORMS)
            if self._frequency(field, " ".join(row))
        ]

    def _forms(self, token: _Token, known: tuple[str, ...]) -> tuple[Form, ...]:
        """Return the known forms of a token: base forms, folded letters, numbers, compounds."""
        if any(term.startswith(STOP_PREFIX) for term in token.terms):
            return ()
        found = {
            term: Form(FORMS, term, _FORM_WEIGHT)
            for term in token.terms
            if self._frequency(FORMS, term)
        }
        forms = [*found.values(), *self._further_forms(token, with_dictionary=False)]
        forms += self._numbers(token)
        if not known and not forms:
            forms = self._further_forms(token, with_dictionary=True) or self._inflections(token)
        return (*forms, *self._compounds(token, is_known=bool(known or forms)))

    def _inflections(self, token: _Token) -> list[Form]:
        """Return the bigrams that other forms of a Japanese or Korean verb begin with."""
        if (stem := Analyzer.verb_stem(token.surface)) is None:
            return []
        start, has_ending = stem
        found = [term for term in self._completions(start) if len(term) > 1 and has_ending(term)]
        return [Form(TEXT, term, _INFLECTION_WEIGHT) for term in found]

    def _further_forms(self, token: _Token, *, with_dictionary: bool) -> list[Form]:
        found: dict[str, None] = {}
        for analyzer in self._dictionary_analyzers if with_dictionary else self._analyzers:
            found.update(
                dict.fromkeys(analyzer.forms(token.surface, with_dictionary=with_dictionary))
            )
        forms: list[Form] = []
        for term in found:
            if term.startswith(STOP_PREFIX) or term in token.terms:
                continue
            is_exact = term.startswith(EXACT)
            weight = _EXACT_WEIGHT if is_exact else _FORM_WEIGHT
            forms += [
                Form(field, term, weight, is_extra=is_exact)
                for field in (TEXT, FORMS)
                if self._frequency(field, term)
            ]
        return forms

    def _compounds(self, token: _Token, *, is_known: bool) -> list[Form]:
        """Return the parts of a compound that are words of the collection, and the collection's
        compounds that begin or end with a word."""
        word, links = token.surface.lower(), self._links
        if not word.isalpha() or len(word) < _MIN_PART or not (links or not is_known):
            return []
        found: list[Form] = []
        splits: list[tuple[float, tuple[str, ...], tuple[str, ...]]] = []
        for cut in (
            range(_MIN_PART, len(word) - _MIN_PART + 1) if len(word) >= _MIN_COMPOUND else ()
        ):
            last = self._known_words(word[cut:])
            for link in links or ("",) if last else ():
                if word[:cut].endswith(link) and cut - len(link) >= _MIN_PART:
                    first = self._known_words(word[: cut - len(link)])
                    if first:
                        splits.append((abs(len(word) / 2 - cut) + len(link), first, last))
        if splits:
            _, first, last = min(splits)
            weight = _COMPOUND_WEIGHT if is_known else 0.5
            found += [Form(TEXT, term, weight, is_extra=not is_known) for term in (*first, *last)]
        if not links or len(word) <= _MIN_PART:
            return found
        # The stemmer of another language may leave two letters, with which many terms begin.
        stems = [analyzer.term(word) for analyzer in self._analyzers]
        stem = min((stem for stem in stems if len(stem) >= _MIN_PART), key=len, default=word)
        if is_known:
            for term, _ in self._statistics.terms_with_prefix(TEXT, stem, limit=_MAX_COMPOUNDS):
                rest = term[len(stem) :]
                if len(rest) > _MIN_PART and any(
                    rest.startswith(link)
                    and len(rest) - len(link) > _MIN_PART
                    and self._frequency_of(rest[len(link) :])
                    for link in links
                ):
                    found.append(Form(TEXT, term, _COMPOUND_WEIGHT))
        return [*found, *self._compounds_ending_with(stem)]

    def _compounds_ending_with(self, stem: str) -> list[Form]:
        """Return the collection's compounds whose last part is a word: the rest is a word of the
        collection, or has an ending that only links parts."""
        found: list[Form] = []
        entries = self._statistics.terms_with_prefix(
            FORMS, REVERSED + stem[::-1], limit=_MAX_COMPOUNDS
        )
        for entry, _ in entries:
            term = entry.removeprefix(REVERSED)[::-1]
            rest = term.removesuffix(stem)
            if len(rest) <= _MIN_PART or not self._frequency_of(term):
                continue
            if rest.endswith(_LINKED_ENDINGS) or any(
                self._known_words(rest[: len(rest) - len(link)])
                for link in self._links
                if rest.endswith(link) and len(rest) - len(link) > _MIN_PART
            ):
                found.append(Form(TEXT, term, _COMPOUND_WEIGHT))
        return found

    def _known_words(self, word: str) -> tuple[str, ...]:
        terms = self._known_terms(analyzer.term(word) for analyzer in self._analyzers)
        return () if any(term.startswith(STOP_PREFIX) for term in terms) else terms

    def _joined_compounds(self, tokens: Sequence[_Token]) -> dict[str, tuple[Form, ...]]:
        """Return, for each word, the compounds of the collection of it and another word of the
        query."""
        words = [
            token.surface
            for token in tokens[:_MAX_PAIRED]
            if token.surface.isalpha()
            and not any(term.startswith(STOP_PREFIX) for term in token.terms)
        ]
        links = self._links
        found: dict[str, dict[str, Form]] = {}
        for place, first in enumerate(words):
            for other, second in enumerate(words):
                if other == place or not (links or other == place + 1):
                    continue
                terms = {
                    analyzer.term(first + link + second)
                    for link in links or ("",)
                    for analyzer in self._analyzers
                }
                for term in sorted(terms):
                    if self._frequency_of(term):
                        for word in (first, second):
                            form = Form(TEXT, term, _JOINED_WEIGHT)
                            found.setdefault(word, {})[term] = form
        return {word: tuple(forms.values()) for word, forms in found.items()}

    def _analyze(self, word: str) -> list[_Token]:
        """Return a word and its parts, each with the terms of all languages."""
        analyses = [analyzer.word_terms(word) for analyzer in self._analyzers]
        rows = [
            [*terms.sequence, *(term for row in terms.alternatives for term in row)]
            for terms in analyses
        ]
        return [
            _Token(
                same[0].surface,
                tuple(dict.fromkeys(token.term for token in same)),
                same[0].redundant,
                same[0].weight,
            )
            for same in zip(*rows, strict=True)
        ]

    def _frequency_of(self, term: str) -> int:
        return self._document_frequency_of((TEXT, term))

    def _frequency(self, field: str, term: str) -> int:
        return self._document_frequency_of((field, term)) if term else 0

    def _document_frequency(self, place: tuple[str, str]) -> int:
        """Return the number of passages that contain a term; of several in a row, at most."""
        field, term = place
        if " " not in term:
            return self._statistics.frequency(field, term)
        terms = tuple(term.split(" "))
        if field != TEXT or not self._statistics.occurs((terms,)):
            return 0
        return min(self._document_frequency_of((field, each)) for each in terms)

    def _weigh(self, tokens: list[_Token]) -> list[_Token]:
        """Give less weight to the stop words of the language that the query is probably in.

        Such a word is looked up where it is a stop word; a word that is a stop word in another
        language only is looked up where it is a content word. In a query of stop words alone, all
        count fully.
        """
        counts = [
            sum(analyzer.is_stop_word(token.surface) for token in tokens)
            for analyzer in self._analyzers
        ]
        highest = max(counts, default=0)
        likely = [
            analyzer
            for analyzer, count in zip(self._analyzers, counts, strict=True)
            if count == highest > 0
        ]
        weighed, has_content = [], False
        for token in tokens:
            is_stop = any(analyzer.is_stop_word(token.surface) for analyzer in likely)
            terms = tuple(term for term in token.terms if term.startswith(STOP_PREFIX) == is_stop)
            has_content = has_content or not is_stop
            if not is_stop and len(terms) == len(token.terms):
                weighed.append(token)
                continue
            weight = token.weight * (STOP_WORD_WEIGHT if is_stop else 1.0)
            weighed.append(_Token(token.surface, terms, is_stop or token.redundant, weight))
        return weighed if has_content else tokens

    def _variants(self, token: _Token) -> Iterator[str]:
        """Yield the terms of a token and of its spelling variants."""
        yield from token.terms
        if token.redundant or any(term.startswith(STOP_PREFIX) for term in token.terms):
            return
        for analyzer in self._analyzers:
            yield from analyzer.spelling_variants(token.surface)
        if Analyzer.is_shorter_than_ngram(token.surface):
            yield from self._completions(token.surface)

    def _correct(self, word: QueryWord) -> QueryWord:
        """Return an unknown word with the terms of the most similar known word, if there is one.

        The correction is a guess, so the word keeps the inverse document frequency of an unknown
        word; a passage that contains the correction contains only a part of it.
        """
        surface = word.surface.lower()
        spellings = list(set(spelling.edit_candidates(surface)))
        analyses = [analyzer.terms(spellings) for analyzer in self._analyzers]
        frequencies = self._frequencies_of(set().union(*analyses))
        candidates: list[tuple[tuple[int, int], str, tuple[str, ...]]] = []
        for candidate, terms in zip(spellings, zip(*analyses, strict=True), strict=True):
            if not frequencies.keys().isdisjoint(terms):
                known = tuple(term for term in dict.fromkeys(terms) if term in frequencies)
                total = sum(frequencies[term] for term in known)
                candidates.append(((candidate[0] != surface[0], -total), candidate, known))
        if not candidates and spelling.max_edits(surface) > 1:
            candidates = [
                ((edits, -self._total_frequency((term,))), term, (term,))
                for stem in {analyzer.term(surface) for analyzer in self._analyzers}
                for term, _ in self._statistics.terms_with_prefix(
                    TEXT, stem[:3], limit=_MAX_COMPARED
                )
                if abs(len(term) - len(stem)) <= 2
                and (edits := spelling.edit_distance(stem, term)) <= 2
                and self._frequency_of(term)
            ]
        if not candidates:
            return word
        _, correction, terms = min(candidates)
        return word._replace(terms=terms, corrected_to=correction, matched_idf=self.idf(terms))

    def _completions(self, prefix: str) -> list[str]:
        """Return the most frequent terms that begin with a word too short to be a term."""
        limit = _MAX_SHORT_COMPLETIONS
        if not self._has_removed:
            rows = self._statistics.terms_with_prefix(TEXT, prefix, limit=limit)
            return [term for term, _ in rows]
        rows = self._statistics.terms_with_prefix(TEXT, prefix, limit=_MAX_COMPARED)
        kept: list[tuple[int, str]] = []
        for term, counted in rows:  # by descending frequency, which is too high by removed passages
            if len(kept) >= limit and counted < kept[limit - 1][0]:
                break
            if frequency := self._frequency_of(term):
                kept.append((frequency, term))
                kept.sort(key=lambda pair: (-pair[0], pair[1]))
        return [term for _, term in kept[:limit]]

    def _phrase(self, text: str) -> Phrase | None:
        """Return these words in this order, in any inflection; None for a text without words."""
        sequences: set[tuple[str, ...]] = set()
        for analyzer in self._analyzers:
            terms = tuple(
                token.term
                for word in split_words(normalize(text))
                for token in analyzer.word_terms(word).sequence
            )
            sequences.add(terms)
            if len(terms) == 1 and Analyzer.is_shorter_than_ngram(terms[0]):
                sequences.update((term,) for term in self._completions(terms[0]))
        return phrase_of(sequences)

    def _known_terms(self, terms: Iterable[str]) -> tuple[str, ...]:
        return tuple(term for term in dict.fromkeys(terms) if term and self._frequency_of(term))

    def _frequencies_of(self, terms: Iterable[str]) -> dict[str, int]:
        """Return the numbers of passages of those terms that the index has; without the cache, for
        hundreds of terms of which few exist."""
        count = self._statistics.counted_frequency
        counted = [term for term in terms if term and count(TEXT, term)]
        found = {term: self._document_frequency((TEXT, term)) for term in counted}
        return {term: frequency for term, frequency in found.items() if frequency}

    def _total_frequency(self, terms: Sequence[str]) -> int:
        return sum(self._frequency_of(term) for term in terms)

    def idf(self, terms: Sequence[str], forms: Sequence[Form] = ()) -> float:
        """Return BM25's inverse document frequency of a word with these terms; without any, that of
        a word in no passage.

        A passage has one language, so it seldom contains two of the terms: their frequencies are
        added.
        """
        further = sum(
            self._frequency(form.field, form.term)
            for form in forms
            if form.weight >= _FORM_WEIGHT or not terms
        )
        return bm25_idf(self._total, min(self._total, self._total_frequency(terms) + further))


def bm25_idf(total: int, containing: int) -> float:
    """BM25's inverse document frequency of a term that `containing` of `total` passages contain."""
    return math.log(1 + (total - containing + 0.5) / (containing + 0.5))
