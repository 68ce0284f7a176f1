"""Whether a collection is mostly in languages that its encoder was not trained on.

Contract: `describe` compares the languages of a sample of passages with those that the model's card
names, and returns a warning or None. A vocabulary may spell a word of another language letter by
letter: the passage has a vector, which says nothing. Passages that cannot even be spelled are
counted elsewhere (`unreadable`).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence

from ragkit.analysis.language import UNDETERMINED, detect_language
from ragkit.encoders.model_card import MULTILINGUAL
from ragkit.storage.sqlite import passages

_SAMPLE = 200  # passages
_MIN_SHARE = 0.5  # of the sample
_NAMES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fi": "Finnish", "fr": "French", "hu": "Hungarian", "it": "Italian",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sv": "Swedish", "ta": "Tamil", "tr": "Turkish",
    UNDETERMINED: "a language in another script",
}  # fmt: skip


def describe(connection: sqlite3.Connection, name: str, languages: Sequence[str]) -> str | None:
    """Return the warning that most passages are in languages that the model `name` does not read;
    None if it reads them, or if its card does not name its languages."""
    known = {code.lower().partition("-")[0] for code in languages}
    if not known or MULTILINGUAL in known:
        return None
    texts = [text for text in passages.sample_texts(connection, _SAMPLE) if _has_words(text)]
    found = Counter(map(detect_language, texts))
    foreign = Counter({code: count for code, count in found.items() if code not in known})
    if not texts or sum(foreign.values()) <= _MIN_SHARE * len(texts):
        return None
    code = foreign.most_common(1)[0][0]
    share = sum(foreign.values()) / len(texts)
    return (
        f"{share:.0%} of the passages are in languages that {name} was not trained on, mostly "
        f"{_NAMES.get(code, code)} (its card names {', '.join(sorted(known))}): search by meaning "
        "finds little there. A model that reads them: ragkit index --rebuild --model multilingual; "
        "without it, --mode lexical finds words"
    )


def _has_words(text: str) -> bool:
    return sum(map(str.isalpha, text)) > len(text) // 2
