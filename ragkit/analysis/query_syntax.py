"""Query syntax: quoted phrases, excluded words, and the text that is searched for.

`"in this order"` requires a phrase; `-word` and `-"a phrase"` exclude passages. Everything else is
plain text, whatever characters it contains. Every string is a valid query. Knows no index.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

MAX_CONDITIONS = 32  # phrases and exclusions of one query; further operators are plain text
_OPERANDS = ("word", "phrase", "angled", "cornered")  # groups of the pattern
_CONTEXT = 30  # characters before a minus sign in which the preceding word is looked for


class ParsedQuery(NamedTuple):
    """A query taken apart once, for all stages of a search.

    `original` is the query as written, with lone surrogates replaced; `text` is the same without
    its exclusions; `required` and `excluded` are the phrases and words of its operators.
    """

    original: str
    text: str
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


def parse_query(query: str) -> ParsedQuery:
    """Parse a query. Never raises.

    A query that only excludes is plain text, since there is nothing to exclude from.
    """
    query = query.encode("utf-8", "replace").decode()  # lone surrogates
    if not any(sign in query for sign in '-"“„”«»「『'):
        return ParsedQuery(query, query)  # the usual case: no operator, so no pattern is compiled
    required: list[str] = []
    excluded: list[str] = []
    kept, end = [], 0
    for match in _operators().finditer(query):
        if len(required) + len(excluded) == MAX_CONDITIONS:
            break
        operand = next((operand for operand in match.group(*_OPERANDS) if operand), "")
        if not any(map(str.isalnum, operand)):
            continue
        if match["word"] or match["minus"] or match["minus2"]:
            before = query[max(0, match.start() - _CONTEXT) : match.start()].lower().split()
            if before and before[-1] in _stop_words():
                continue
            excluded.append(operand)
            kept.append(query[end : match.start()])
            end = match.end()
        else:
            required.append(operand)
    text = "".join([*kept, query[end:]])
    if excluded and not any(map(str.isalnum, text)):
        return ParsedQuery(query, query)
    return ParsedQuery(
        query, " ".join(text.split()) if excluded else query, tuple(required), tuple(excluded)
    )


@cache
def _operators() -> re.Pattern[str]:
    # An opening quote follows a space and a closing quote precedes one, so 5" pipes stay 5" pipes.
    # A minus excludes only before a word of at least two letters: -5, -a, --force, a - b and
    # well-known are text; one Han, kana or Hangul character is a word. After a stop word it is
    # text too: nobody excludes with "why does the -wal file grow".
    return re.compile(
        r"""(?<![^\s(\[{])(?:
            (?P<minus>-)?(?:
                ["“„”](?P<phrase>[^"“”„]*)["“”](?!\w)
                | [«»](?P<angled>[^«»]*)[«»](?!\w)
            )
            | -(?P<word>[^\W\d_](?:[\w\u0300-\u036f\u0591-\u05c7\u0610-\u065f\u0900-\u0dff]
              | [\u0e31-\u0e4e\u0eb1-\u0ecd\u102b-\u103e\u17b4-\u17d3])\S*
              | [\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3](?!\S))
        ) | (?P<minus2>-)?[「『](?P<cornered>[^「」『』]*)[」』]""",
        re.VERBOSE,
    )


@cache
def _stop_words() -> frozenset[str]:
    """The stop words of all languages."""
    from ragkit.analysis.stopwords import STOP_WORDS

    return frozenset[str]().union(*STOP_WORDS.values())
