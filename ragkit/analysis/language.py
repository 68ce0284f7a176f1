"""Language detection for passages, as far as stemming and stop words need it.

A passage's stop words decide; where it has too few (tables, code, headings), the language that its
document declares; else its script, with English for Latin letters. A wrong guess costs little: a
different suffix is stripped. Knows texts, not documents.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from ragkit.analysis.forms import LANGUAGES as LANGUAGES_WITH_FORMS
from ragkit.analysis.stopwords import STOP_WORDS

# ISO 639-1 code → the name of the Snowball stemmer in tantivy.
STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian",
    "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
UNDETERMINED = "und"  # ISO 639-2 for an undetermined language: no stemmer, no stop words
_ALIASES = {"nb": "no", "nn": "no"}
_CODES_BY_NAME = {name: code for code, name in STEMMERS.items()}
_SUPPORTED = STEMMERS.keys() | STOP_WORDS.keys() | LANGUAGES_WITH_FORMS
_CODES = sorted(STOP_WORDS)
_SAMPLE_LENGTH = 400  # characters of a passage that are examined: about sixty words
_MIN_STOP_WORDS = 2  # different stop words of a language that a sample must contain
_MIN_STOP_WORD_SHARE = 0.1  # of the sample's different words that must be stop words
_MIN_CLASSIFIED_WORDS = 3  # with fewer, and less probable ones, py3langid is a guess
_MIN_PROBABILITY = 0.6
_MAX_PROBABILITY_OF_OTHER = 0.01  # of the language by script; below it, related ones share the rest


# Compiled and collected on first use: no query needs them.
@cache
def _latin_code() -> re.Pattern[str]:
    return re.compile(r"[{}=;_<>\\|]|\w\(|\w/\w")  # identifiers, formulas, addresses


@cache
def _scripts() -> re.Pattern[str]:
    # Each group is named after the language that is assumed for its script.
    return re.compile(
        r"(?P<en>[A-Za-z\u00c0-\u024f\u1e00-\u1eff])|(?P<ru>[\u0400-\u04ff])|(?P<el>[\u0370-\u03ff])"
        r"|(?P<ar>[\u0600-\u06ff])|(?P<ta>[\u0b80-\u0bff])|(?P<und>[^\W\d_])"
    )


@cache
def _not_russian_or_arabic() -> re.Pattern[str]:
    # Letters that Russian and Arabic do not have: Ukrainian, Serbian, Persian …
    return re.compile(
        "[\u0402-\u040f\u0452-\u045f\u0490-\u04ff\u067e\u0686\u0698\u06a9\u06af\u06cc]"
    )


@cache
def _stop_word_languages() -> dict[str, int]:
    """Stop word → an integer with a byte for each language of `_CODES`: 1 where it is one there.

    Their sum has the number of stop words of every language, and is made without a loop over
    languages: a sample has at most half as many words as characters, so no byte overflows.
    """
    languages: dict[str, int] = {}
    for place, code in enumerate(_CODES):
        for word in STOP_WORDS[code]:
            languages[word] = languages.get(word, 0) | 1 << 8 * place
    return languages


@lru_cache(maxsize=1_000)  # every passage of a document declares the same
def language_code(declared: str | None) -> str | None:
    """Return `de` for "de-DE", "DE_AT" or "German"; None for a language that is not supported."""
    if not declared:
        return None
    name = re.split(r"[-_.@]", declared.strip().lower(), maxsplit=1)[0]
    name = _ALIASES.get(name, _CODES_BY_NAME.get(name, name))
    return name if name in _SUPPORTED else None


def detect_language(text: str, declared: str | None = None) -> str:
    """Return the ISO 639-1 code of the language of `text`, or UNDETERMINED.

    `declared` is the language that the document states, in any spelling. It decides only where the
    stop words do not: templates declare `lang="en"` for everything.
    """
    return _detect(text[:_SAMPLE_LENGTH], declared)[0]


def _detect(sample: str, declared: str | None) -> tuple[str, bool]:
    """Return what `detect_language` does, and whether the sample's stop words suffice for it."""
    words = set(sample.lower().split())
    languages = _stop_word_languages()
    total = sum([languages[word] for word in languages.keys() & words])
    counts = total.to_bytes(len(_CODES), "little")
    highest, enough = max(counts), max(_MIN_STOP_WORDS, _MIN_STOP_WORD_SHARE * len(words))
    declared_code = language_code(declared)
    if highest >= enough:
        first = _CODES[counts.index(highest)]
        is_among = declared_code in STOP_WORDS and counts[_CODES.index(declared_code)] == highest
        return (declared_code if declared_code and is_among else first), True
    code = declared_code or _language_by_script(sample)
    return code, False


def text_language(text: str, declared: str | None = None) -> str:
    """Return the language of a document or passage that is indexed, as `detect_language` does.

    A text in which the stop words do not decide, and whose document declares nothing, goes to
    py3langid (https://github.com/adbar/py3langid, BSD): a second to load, so not for queries.
    """
    sample = text[:_SAMPLE_LENGTH]
    detected, is_clear = _detect(sample, declared)
    if is_clear or language_code(declared):
        return detected
    words = [word for word in sample.split() if any(map(str.isalpha, word))]
    if len(words) < _MIN_CLASSIFIED_WORDS or (sample.isascii() and _latin_code().search(sample)):
        return detected
    ranked = [(_ALIASES.get(code, code), share) for code, share in _classifier()(" ".join(words))]
    code, probability = ranked[0]
    is_other = dict(reversed(ranked)).get(detected, 0.0) < _MAX_PROBABILITY_OF_OTHER
    is_likely = probability >= _MIN_PROBABILITY or is_other
    return code if code in _SUPPORTED and is_likely else detected


@cache
def _classifier() -> Any:  # noqa: ANN401 (py3langid has no types)
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True).rank


def _language_by_script(text: str) -> str:
    counts: dict[str, int] = {}
    for match in _scripts().finditer(text):
        code = match.lastgroup or UNDETERMINED
        counts[code] = counts.get(code, 0) + 1
    best = max(counts, key=counts.__getitem__, default=UNDETERMINED)
    if best in ("ru", "ar") and _not_russian_or_arabic().search(text):
        return UNDETERMINED
    return best
