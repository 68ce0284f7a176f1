"""What differs between two texts: words, and above all numbers and negations.

Embeddings hardly tell such texts apart: the cosine of two sentences that differ in an amount or in
a "not" is about .99. Knows no vectors and no collection.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ragkit.records.exploring import TextDifference

_TOKEN = re.compile(r"\d+(?:[.,:/'\u2019\-]\d+)*|[^\W\d_]+(?:['\u2019][^\W\d_]+)*|[^\w\s]|_+")
_MAX_TOKENS = 4_000  # of each text; what follows is compared as one piece
# Words that turn a statement into its opposite, in the languages of `analysis.language`.
_NEGATIONS = frozenset(
    "no not never none nor neither nobody nothing nowhere cannot without except unless "  # noqa: SIM905
    "nicht kein keine keinen keinem keiner keines nie niemals niemand nichts weder ohne außer "
    "ne pas jamais aucun aucune sans ni rien personne sauf non mai nessun nessuno nessuna senza "
    "ningún ninguna ninguno nunca jamás sin tampoco nada excepto não nem nenhum nenhuma sem "
    "niet geen nooit niemand noch zonder inte aldrig ingen inget utan ikke aldri uten uden "
    "nie żaden bez nigdy ne nikdy žádný не нет никогда без ни hayır değil yok bukan tidak "
    "jangan".split()
)
_NEGATIVE_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "de", "miss", "miß")
_NUMBER_WORDS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "  # noqa: SIM905
    "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty "
    "ninety hundred thousand million billion dozen half twice once double first second third "
    "null zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig hundert "
    "tausend deux trois quatre cinq sept huit neuf dix cent mille dos tres cuatro cinco siete "
    "ocho nueve diez cien tre quattro cinque sette otto nove dieci cento".split()
)


def differences(
    first: str, second: str, headings: tuple[Sequence[str], Sequence[str]] = ((), ())
) -> TextDifference:
    """Return what differs in `second` from `first`. `headings` are those above the two texts."""
    spans = [_tokens(text) for text in (first, second)]
    keys = [
        [text[a:b].casefold() for a, b in own]
        for text, own in zip((first, second), spans, strict=True)
    ]
    matcher = difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    removed: list[str] = []
    added: list[str] = []
    parts: list[tuple[str, str]] = []
    for operation, a, b, c, d in matcher.get_opcodes():
        if operation == "equal":
            parts.append(("same", _text(first, spans[0], a, b)))
            continue
        removed += keys[0][a:b]
        added += keys[1][c:d]
        if a < b:
            parts.append(("removed", _text(first, spans[0], a, b)))
        if c < d:
            parts.append(("added", _text(second, spans[1], c, d)))
    old_numbers, new_numbers = (tuple(filter(_is_number, part)) for part in (removed, added))
    kinds = []
    if sorted(old_numbers) != sorted(new_numbers):
        kinds.append("numbers")
    if _negation_differs(removed, added):
        kinds.append("negation")
    if _words(removed) != _words(added):
        kinds.append("wording")
    if list(headings[0]) != list(headings[1]):
        kinds.append("heading")
    if not kinds and "".join(first.split()) != "".join(second.split()):
        # The same words in another order are other wording; else only case or punctuation differ.
        kinds.append("wording" if any(map(_is_word, (*removed, *added))) else "formatting")
    return TextDifference(tuple(kinds), old_numbers, new_numbers, tuple(_joined(parts)))


def _tokens(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(text):
        if len(spans) == _MAX_TOKENS:
            spans.append((match.start(), len(text)))
            break
        spans.append(match.span())
    return spans


def _text(text: str, spans: Sequence[tuple[int, int]], start: int, end: int) -> str:
    """The text of some tokens, with the white space that follows them."""
    last = len(text) if end == len(spans) else spans[end][0]
    return text[0 if start == 0 else spans[start][0] : last]


def _joined(parts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for operation, group in groupby(parts, key=lambda part: part[0]):
        yield operation, "".join(text for _, text in group)


def _is_number(token: str) -> bool:
    return token[0].isdigit() or token in _NUMBER_WORDS


def _is_word(token: str) -> bool:
    return token[0].isalnum()


def _words(tokens: Iterable[str]) -> list[str]:
    """Sorted, so that a word that only moved does not count."""
    return sorted(
        token
        for token in tokens
        if _is_word(token) and not _is_number(token) and not _is_negation(token)
    )


def _is_negation(token: str) -> bool:
    return token in _NEGATIONS or token.replace("\u2019", "'").endswith("n't")


def _negation_differs(removed: Sequence[str], added: Sequence[str]) -> bool:
    counts = [sum(map(_is_negation, tokens)) for tokens in (removed, added)]
    if counts[0] != counts[1]:
        return True
    return any(
        one == prefix + other or other == prefix + one
        for one in set(removed)
        for other in set(added)
        for prefix in _NEGATIVE_PREFIXES
    )
