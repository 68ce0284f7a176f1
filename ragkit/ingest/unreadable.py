"""Look once for texts that the encoder cannot read among those that have a vector.

Versions before schema 3 gave a vector to every text. A collection is looked through by its first
`index` with this version; then `Embedder` tells such texts. Does not know files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from ragkit.encoders import Encoder, HeaderEncoder
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
