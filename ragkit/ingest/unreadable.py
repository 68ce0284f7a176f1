"""Texts and languages that an encoder cannot read.

Texts: versions before schema 3 gave a vector to every text. A collection is looked through by its
first `index` with this version; then `Embedder` tells such texts. Languages: a vocabulary may spell
a word of a language that the model was not trained on letter by letter; the passage has a vector,
which says nothing. Does not know files.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from ragkit.analysis.language import UNDETERMINED, detect_language
from ragkit.encoders import Encoder, HeaderEncoder
from ragkit.encoders.model_card import MULTILINGUAL
from ragkit.storage.sqlite import passages
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.passages import Pending
from ragkit.storage.sqlite.state import set_value, value

_CHECKED = "unreadable_checked"  # the row id of the model whose texts have been looked through
_TEXTS_AT_ONCE = 256
# Every tokenizer knows the letters before this one, and only words of more characters than that
# are unknown although it knows their letters.
_FIRST_UNSURE = "\u0250"
_LONG_WORD = re.compile(r"\S{101}")
_SAMPLE = 200  # passages
_MIN_SHARE = 0.5  # of the sample
_NAMES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fi": "Finnish", "fr": "French", "hu": "Hungarian", "it": "Italian",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sv": "Swedish", "ta": "Tamil", "tr": "Turkish",
    UNDETERMINED: "a language in another script",
}  # fmt: skip


def withdraw_vectors(store: Database, model_id: int, load_encoder: Callable[[], Encoder]) -> int:
    """Delete the vectors of texts that the encoder cannot read, and record that it cannot.

    Returns the number of texts. Does nothing if the texts of this model were looked through
    before. The encoder is loaded only if a text may be unreadable. The caller must hold the writer
    lock. Raises ModelError if the encoder cannot be loaded.
    """
    with store.reading() as connection:
        if value(connection, _CHECKED) == model_id:
            return 0
        texts = (
            text for text in passages.embedded(connection, model_id) if _may_be_unreadable(text)
        )
        hashes = list(_unreadable(texts, load_encoder))
    if hashes:
        with store.changing() as (connection, generation):
            passages.replace_by_unreadable(connection, model_id, generation, hashes)
            set_value(connection, _CHECKED, model_id)
    else:
        with store.writing() as connection:
            set_value(connection, _CHECKED, model_id)
    return len(hashes)


def _may_be_unreadable(text: Pending) -> bool:
    own = text.text[text.start :]
    if _LONG_WORD.search(own) is not None:
        return True
    if own.isascii():
        return False
    letters = [character for character in own if not character.isspace()]
    return 2 * sum(letter < _FIRST_UNSURE for letter in letters) <= len(letters)


def _unreadable(texts: Iterable[Pending], load_encoder: Callable[[], Encoder]) -> Iterator[bytes]:
    texts = iter(texts)
    while group := list(islice(texts, _TEXTS_AT_ONCE)):
        encoder = load_encoder()
        if not isinstance(encoder, HeaderEncoder):  # it tells by its vectors only
            return
        unreadable = encoder.find_unreadable(
            [text.text for text in group], [text.start for text in group]
        )
        yield from (group[position].hash for position in unreadable)


def describe_foreign_languages(
    connection: sqlite3.Connection, name: str, languages: Sequence[str]
) -> str | None:
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
