"""Which language a passage is written in, as far as its words need to know.

By its script, and by whose little words it is full of; a Latin text without any (a table, code, a
heading) is what its document says of itself, else English. Being wrong costs little: another
ending is cut off. Knows texts, not documents.
"""

from __future__ import annotations

import re
from collections import defaultdict

from ragkit.analysis.stopwords import STOP_WORDS

# By ISO 639-1 code: the name of the Snowball stemmer that tantivy has.
STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian",
    "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
UNKNOWN = "und"  # ISO 639-2 for undetermined: no stemmer, no stop words
_ALIASES = {"nb": "no", "nn": "no"}
_NAMES = {name: code for code, name in STEMMERS.items()}
_KNOWN = STEMMERS.keys() | STOP_WORDS.keys()
_LOOKED_AT = 400  # characters of a passage: some sixty words
_SHARE = 0.1  # of its different words have to be little ones of that language
_OWNERS: dict[str, list[str]] = defaultdict(list)
for _code, _words in STOP_WORDS.items():
    for _word in _words:
        _OWNERS[_word].append(_code)
_LITTLE = frozenset(_OWNERS)
_SCRIPTS = re.compile(
    r"(?P<en>[A-Za-z\u00c0-\u024f\u1e00-\u1eff])|(?P<ru>[\u0400-\u04ff])|(?P<el>[\u0370-\u03ff])"
    r"|(?P<ar>[\u0600-\u06ff])|(?P<ta>[\u0b80-\u0bff])|(?P<und>[^\W\d_])"
)
# Letters of a script that the language it stands for does not have: Ukrainian, Serbian, Persian …
_FOREIGN = re.compile(
    "[\u0402-\u040f\u0452-\u045f\u0490-\u04ff\u067e\u0686\u0698\u06a9\u06af\u06cc]"
)


def code(declared: str | None) -> str | None:
    """`de` of "de-DE", "DE_AT" or "German"; None of what is not known here."""
    if not declared:
        return None
    name = re.split(r"[-_.@]", declared.strip().lower(), maxsplit=1)[0]
    name = _ALIASES.get(name, _NAMES.get(name, name))
    return name if name in _KNOWN else None


def language(text: str, declared: str | None = None) -> str:
    """The code of the language of `text`, or UNKNOWN.

    `declared` is what its document says, as it stands there. It decides only where the words leave
    it open: templates say `lang="en"` of everything.
    """
    words = set(text[:_LOOKED_AT].lower().split())
    counts: dict[str, int] = {}
    for word in words & _LITTLE:
        for owner in _OWNERS[word]:
            counts[owner] = counts.get(owner, 0) + 1
    said = code(declared)
    if counts:
        most = max(counts.values())
        if most >= 2 and most >= _SHARE * len(words):
            best = [owner for owner, count in counts.items() if count == most]
            return said if said in best else min(best)
    return said or _by_script(text[:_LOOKED_AT])


def _by_script(text: str) -> str:
    counts: dict[str, int] = {}
    for match in _SCRIPTS.finditer(text):
        counts[match.lastgroup or UNKNOWN] = counts.get(match.lastgroup or UNKNOWN, 0) + 1
    best = max(counts, key=counts.__getitem__, default=UNKNOWN)
    return UNKNOWN if best in ("ru", "ar") and _FOREIGN.search(text) else best
