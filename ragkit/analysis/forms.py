"""Further terms of a word: its base form, other stemmers' stems, its key without optional marks.

They stand beside the term of `analyzer` and never replace it: an index keeps them in a field of
their own, and a query looks each up with less weight than the word itself. A term with the prefix
`EXACT` is the stem with its accents and counts in addition. English has no base forms here: its
stemmer is enough, and dictionaries take seconds to load. Knows words of one language, no index.

Dictionaries: simplemma (MIT), https://github.com/adbar/simplemma. Stemmers: Snowball in PyStemmer
(MIT and BSD), https://snowballstem.org.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from ragkit.analysis import letters

if TYPE_CHECKING:
    from ragkit.analysis.analyzer import Analyzer

EXACT = "="
REVERSED = "<"  # before a term in reverse, of a word that may be a compound
_MIN_COMPOUND = 7  # letters
# What may stand between the parts of a compound, by language.
COMPOUND_LINKS = {
    "de": ("", "s", "es", "n", "en", "er", "e", "ens"), "nl": ("", "s", "en", "e"),
    "sv": ("", "s", "e"), "da": ("", "s", "e"), "no": ("", "s", "e"), "is": ("", "s", "a"),
    "fi": ("", "n"), "hu": ("",), "et": ("",),
}  # fmt: skip
# ISO 639-1 code → Snowball's stemmer in PyStemmer, for languages that tantivy has no stemmer for.
MORE_STEMMERS = {
    "ca": "catalan", "cs": "czech", "eo": "esperanto", "et": "estonian", "eu": "basque",
    "fa": "persian", "ga": "irish", "hi": "hindi", "hr": "serbian", "bs": "serbian",
    "hy": "armenian", "id": "indonesian", "lt": "lithuanian", "ms": "indonesian", "ne": "nepali",
    "pl": "polish", "sr": "serbian", "yi": "yiddish",
}  # fmt: skip
# Languages of simplemma's dictionaries, and its name for them where that is another. Those that
# take seconds and hundreds of megabytes to load are left out, their stemmers have to do: Danish,
# Dutch, Estonian, Finnish, German, Irish, Norwegian, Polish, Russian, Swahili, Swedish, Turkish.
_DICTIONARIES = {
    "ar": "ar", "bg": "bg", "ca": "ca", "cs": "cs", "cy": "cy", "el": "el", "eo": "eo",
    "es": "es", "fa": "fa", "fr": "fr", "gd": "gd", "gl": "gl", "gv": "gv", "he": "he",
    "hi": "hi", "hu": "hu", "hy": "hy", "id": "id", "is": "is", "it": "it", "ka": "ka",
    "la": "la", "lb": "lb", "lt": "lt", "lv": "lv", "mk": "mk", "ml": "ml", "ms": "ms",
    "nn": "nn", "pt": "pt", "ro": "ro", "se": "se", "sk": "sk", "sl": "sl", "sq": "sq",
    "tl": "tl", "uk": "uk", "hr": "hbs", "sr": "hbs",
    "bs": "hbs",
}  # fmt: skip
LANGUAGES = _DICTIONARIES.keys() | MORE_STEMMERS.keys()
# Also what short Serbian texts in Latin letters are taken for.
_SERBIAN_SCRIPT = frozenset(("sr", "mk", "und", "bs", "hr", "sl", "cs", "sk", "en"))
_HEBREW_PREFIXES = "והבכלמש"
_MIN_STEM = 2  # letters that removing a Hebrew or Arabic prefix must leave
_MAX_PREFIXES = 3
_ARABIC_PREFIXES = ("وال", "بال", "كال", "فال", "لل", "ال", "و", "ب", "ل", "ف", "ك")
_URDU = frozenset("ٹڈڑںہھےگچپ")


def reversed_compound(word: str, term: str, language: str) -> str | None:
    """Return the entry by which a word is found by its last part (`Frist`: `Kündigungsfrist`): its
    term in reverse. None for one that is no compound, and in other languages."""
    if len(word) < _MIN_COMPOUND or language not in COMPOUND_LINKS or not word.isalpha():
        return None
    return REVERSED + term[::-1]


def has_dictionary(language: str) -> bool:
    """Whether words of a language, an ISO 639-1 code, have base forms from a dictionary."""
    return language in _DICTIONARIES


class Forms:
    """The further terms of the words of one language."""

    def __init__(self, analyzer: Analyzer, language: str) -> None:
        self._analyzer = analyzer
        self._language = language
        self._stem = _stemmer(MORE_STEMMERS[language]) if language in MORE_STEMMERS else None

    def of(self, word: str, *, with_dictionary: bool = True) -> list[str]:
        """Return the further terms of a word without parts, each once, without the word's own.

        `with_dictionary=False` leaves out what needs the language's dictionary.
        """
        term = self._analyzer.term
        key = letters.folded(word)
        spellings = {key}
        if not word.isascii():
            spellings |= self._script_variants(word.lower(), key)
        if (self._stem is not None and word.isalpha()) or not word.isascii():
            spellings |= {self._stem(form) for form in (word.lower(), key) if self._stem}
        if with_dictionary and (lemma := self._lemma(word)):
            spellings |= {lemma, letters.folded(lemma)}
            if self._stem is not None:
                spellings.add(self._stem(lemma))
        terms = {term(spelling): None for spelling in sorted(spellings) if spelling}
        if exact := self._exact(word):
            terms[exact] = None
        terms.pop(term(word), None)
        return [found for found in terms if found]

    def _exact(self, word: str) -> str | None:
        """Return the stem with accents; None for a word without accents of Latin letters."""
        if word.isascii() or not any("\u00c0" <= char <= "\u1eff" for char in word):
            return None
        return EXACT + self._analyzer.accented_stem(word)

    def _lemma(self, word: str) -> str | None:
        name = _DICTIONARIES.get(self._language)
        if name is None or not any(map(str.isalpha, word)) or any(map(str.isdigit, word)):
            return None
        # Dictionaries have lower case and names; a word at the beginning of a sentence is neither.
        lemma = str(_lemmatizer()(word, name)).lower()
        if lemma == word.lower() and word != word.lower():
            lemma = str(_lemmatizer()(word.lower(), name)).lower()
        return lemma if lemma != word.lower() else None

    def _script_variants(self, word: str, key: str) -> set[str]:
        """Return other spellings of a word by its script: Latin for Serbian, base letters, without
        prefixes that are written as part of the word."""
        found: set[str] = set()
        first = word[0]
        if "\u0400" <= first <= "\u04ff":
            if self._language in _SERBIAN_SCRIPT and (spelling := letters.latin(word)):
                found.add(spelling)
        elif "\u05d0" <= first <= "\u05ea":
            found.update(_without_hebrew_prefixes(key))
            found.update([form.replace("ו", "").replace("י", "") for form in (key, *found)])
        elif "\u0600" <= first <= "\u06ff":
            found.update(_without_arabic_affixes(key, is_urdu=not _URDU.isdisjoint(word)))
        elif "\u0b80" <= first <= "\u0d7f" or "\u0900" <= first <= "\u0b7f":
            found.add(_without_vowel_sign(key))
        return found


def _without_hebrew_prefixes(word: str) -> list[str]:
    """`שבחוזה` → בחוזה, חוזה: particles are written as prefixes; which letters are one is not
    known."""
    found = []
    for length in range(1, _MAX_PREFIXES + 1):
        if len(word) - length <= _MIN_STEM or word[length - 1] not in _HEBREW_PREFIXES:
            break
        found.append(word[length:])
    return found


def _without_arabic_affixes(word: str, *, is_urdu: bool) -> list[str]:
    if is_urdu:  # direct, oblique and plural forms differ in the last vowel
        stem = word.rstrip("اهيون")
        return [stem] if len(stem) >= _MIN_STEM and stem != word else []
    prefix = next(
        (p for p in _ARABIC_PREFIXES if word.startswith(p) and len(word) - len(p) > _MIN_STEM), ""
    )
    return [word[len(prefix) :]] if prefix else []


def _without_vowel_sign(word: str) -> str:
    """Return an Indic word without the vowel sign and anusvara at its end, where endings begin."""
    end = len(word)
    while end > _MIN_STEM and unicodedata.category(word[end - 1]) in ("Mc", "Mn"):
        end -= 1
    return word[:end]


@cache
def _stemmer(name: str) -> Callable[[str], str]:
    import Stemmer

    stem: Any = Stemmer.Stemmer(name).stemWord
    return stem  # type: ignore[no-any-return]


@cache
def _lemmatizer() -> Callable[[str, str], str]:
    import simplemma

    lemmatize: Any = simplemma.lemmatize
    return lemmatize  # type: ignore[no-any-return]
