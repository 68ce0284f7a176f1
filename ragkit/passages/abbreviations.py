"""Full stops that do not end a sentence: after abbreviations, ordinal numbers and parts of dates.

A table per language says which abbreviations there are and which of them may end a sentence as
well. The stop words around a full stop decide on its language. Knows characters only.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from ragkit.analysis.quantities import is_month
from ragkit.analysis.stopwords import STOP_WORDS

_FILE = Path(__file__).with_name("abbreviations.txt")
_EVERY = "all"
_WINDOW = 200  # characters on either side of a full stop that show its language
_SOME_STOP_WORDS = 2  # different stop words of a language in them that make it likely
_CLEAR_STOP_WORDS = 4  # with fewer, an abbreviation of any language counts
_MONTHS = frozenset(  # before a number
    ("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec")
)
_STREET = ("str", "straat", "laan")
_MAX_ORDINAL = 99
_YEAR_DIGITS = 4
_WORD = re.compile(r"[^\W\d_]+")
_NEXT = re.compile(r"[\s(\[\"'“„«‘]*([\w.'’-]{0,40})")
_OPENING = "([{\"'“‘«„*_"
_NUMERAL = re.compile(r"[0-9]{1,4}|(?=[MDCLXVI])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_DATE_PART = re.compile(r"[0-9]{1,2}\.(?![0-9A-Za-z])|[0-9]{1,2}\.[0-9]|[0-9]{4}(?![0-9])")
# Languages that write an ordinal number as a number with a full stop.
_WITH_ORDINALS = frozenset(
    ("bs", "cs", "da", "de", "et", "eu", "fi", "hr", "hu", "is", "lv", "no", "pl", "sk", "sl", "sr",
     "tr")
)  # fmt: skip
# Languages without a list of stop words, and those that they are taken for.
_RELATIVES = {
    "cs": ("sk", "sl", "hr"), "da": ("no",), "no": ("da", "is"), "ru": ("bg", "uk", "sr"),
    "uk": ("bg", "ru"), "sv": ("no",), "fi": ("et",), "pt": ("es",), "es": ("ca", "pt"),
    "ro": (), "pl": ("hr", "sk"),
}  # fmt: skip


def is_open(text: str, stop: int) -> bool:
    """Whether the sentence goes on after the full stop at the offset `stop`.

    When in doubt, yes: a missed boundary costs less than a sentence cut in two.
    """
    line = text[max(0, stop - 40) : stop].rpartition("\n")[2]
    before, _, word = line.replace("\u00a0", " ").rpartition(" ")
    word = re.split("['’]", word.lstrip(_OPENING))[-1]  # also after an article: "l'art."
    following = _next_word(text, stop)
    if word.isascii() and word and _NUMERAL.fullmatch(word):
        return _is_initial(word) or _is_open_number(text, stop, before, word, following)
    return _is_initial(word) or _is_abbreviation(text, stop, word.lower(), following)


def _is_initial(word: str) -> bool:
    return all(len(part) == 1 and part.isalpha() for part in word.split("."))  # e.g, U.S, J


def _is_abbreviation(text: str, stop: int, word: str, following: str) -> bool:
    is_before_number = following[:1].isdigit() and (word in _MONTHS or word.endswith(_STREET))
    if is_before_number or word in _table(_EVERY)[0]:
        return True
    if word not in _all_entries():
        return False
    languages = _languages(text, stop, _CLEAR_STOP_WORDS)
    if not languages:  # "or." is Basque, but also English
        likely = {"en", *_languages(text, stop, 1)}
        if any(word in STOP_WORDS.get(code, ()) for code in likely):
            return False
        return any(word in inside for inside, _ in _tables().values())
    if any(word in _table(code)[0] for code in languages):
        return True
    may_end = [code for code in languages if word in _table(code)[1]]
    return bool(may_end) and not _begins_sentence(following, may_end)


def _is_open_number(text: str, stop: int, before: str, number: str, following: str) -> bool:
    """Whether the full stop after a number is part of it, as in "3. Oktober" and "3. 10. 2024"."""
    is_numeral = not number.isdigit()
    if not is_numeral and following[:1].isdigit():
        rest = text[stop + 1 : stop + 12].lstrip()
        is_day = len(number) <= 2 or len(number) == _YEAR_DIGITS
        return is_day and bool(_DATE_PART.match(rest))
    languages = _languages(text, stop, _SOME_STOP_WORDS)
    if languages == ["en"] or not following:
        return False
    if not is_numeral and len(number) <= 2 and is_month(following.rstrip(".").lower()):
        return True
    is_small = is_numeral or int(number) <= _MAX_ORDINAL
    if not (is_small and languages and before.strip() and _WITH_ORDINALS.issuperset(languages)):
        return False
    words = before.split()
    if words[-1].endswith(".") or _begins_sentence(following, languages):  # "nr. 15. Der …"
        return False
    # German nouns have a capital: "im 19. Jahrhundert", but "in Tank 3. Pumpen fördern …".
    return is_numeral or not ("de" in languages and words[-1][0].isupper() and len(words) > 1)


def _begins_sentence(word: str, languages: list[str]) -> bool:
    """Whether a word with a capital is one that sentences begin with, and not a noun or a name."""
    lower = word.strip(".'’-").lower()
    return word[:1].isupper() and any(
        lower in STOP_WORDS.get(code, ()) or lower in _FIRST_WORDS.get(code, "").split()
        for code in languages
    )


# Frequent first words of sentences that the stop words lack.
_FIRST_WORDS = {
    "de": "danach dann daher dabei dafür damit dazu darauf hier heute jedoch außerdem deshalb alle "
    "niemand jeder man diese dieser dieses zuerst später seitdem nach vor seit bei beim im in am",
    "cs": "poté potom pak tento tato toto tyto zde dnes však proto také všechny každý nikdo když",
    "sk": "potom tento táto toto tu dnes však preto tiež všetky každý nikto keď po",
    "pl": "potem następnie ten ta to tutaj dziś jednak dlatego także wszystkie każdy nikt gdy po",
    "hu": "utána ezután ez az itt ma azonban ezért minden senki ha amikor a",
    "fi": "sitten tämä se täällä nyt kuitenkin siksi kaikki jos kun siellä",
    "tr": "sonra bu şu o burada bugün ancak bunun bunlar her kimse eğer daha",
    "da": "derefter så denne dette her nu dog derfor alle ingen hvis når efter",
    "no": "deretter så denne dette her nå derfor alle ingen hvis når etter",
    "hr": "zatim potom ovaj ova ovo ovdje danas međutim zato svi svaki nitko kada nakon",
    "sl": "potem nato ta to tukaj danes vendar zato vsi vsak nihče ko po",
    "et": "siis see siin täna aga seetõttu kõik keegi kui pärast",
    "lv": "pēc tad šis šī šeit šodien bet tāpēc visi katrs kad",
    "ru": "потом затем это этот здесь сегодня однако поэтому все каждый никто если когда после",
}


def _next_word(text: str, stop: int) -> str:
    match = _NEXT.match(text, stop + 1)
    return match[1] if match else ""


def _languages(text: str, stop: int, minimum: int) -> list[str]:
    """Return the likely languages of the text around a full stop, by its stop words; none if it has
    fewer than `minimum` of any language."""
    window = text[max(0, stop - _WINDOW) : stop + _WINDOW].lower()
    words = {word for word in _WORD.findall(window) if len(word) > 1}
    counts = {code: len(words & listed) for code, listed in STOP_WORDS.items()}
    highest = max(counts.values())
    if highest < minimum:
        return []
    best = [code for code, count in counts.items() if count == highest]
    if minimum < _CLEAR_STOP_WORDS:
        return best
    return list(dict.fromkeys([*best, *(r for code in best for r in _RELATIVES.get(code, ()))]))


def _table(language: str) -> tuple[frozenset[str], frozenset[str]]:
    return _tables().get(language, (frozenset(), frozenset()))


@cache
def _tables() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Language → abbreviations that end no sentence, and those that may."""
    tables = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            code, _, entries = line.partition(":")
            inside, _, at_end = entries.partition("|")
            tables[code] = frozenset(inside.split()), frozenset(at_end.split())
    return tables


@cache
def _all_entries() -> frozenset[str]:
    return frozenset[str]().union(*(inside | at_end for inside, at_end in _tables().values()))
