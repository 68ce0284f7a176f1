"""What a query asks of words: its text, phrases that have to be there, words that must not.

`"in this order"` asks for a phrase, `-word` and `-"a phrase"` leave out; everything else is words,
whatever signs it holds. Knows no index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ragkit.analysis.stopwords import STOP_WORDS

MOST_CONDITIONS = 32  # phrases and exclusions of a query; what comes after is words
# A quote opens after a space and closes before one, so 5" pipes stay 5" pipes. A minus is one only
# where a word of two letters follows at once: -5, -a, --force, a - b and well-known are text. So
# is one after a little word: nobody excludes with "why does the -wal file grow".
_OPERATOR = re.compile(
    r"""(?<![^\s(\[{])(?:
        (?P<minus>-)?["“„](?P<phrase>[^"“”„]*)["“”](?!\w)
        | -(?P<word>[^\W\d_]\w\S*)
    )""",
    re.VERBOSE,
)
_LITTLE = frozenset[str]().union(*STOP_WORDS.values())
_BEFORE = 30  # characters in which the word before is looked for


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, understood. `text` is the query without what it excludes."""

    text: str
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


def asked(query: str) -> Asked:
    """Understand a query; there is none that cannot be understood.

    One that only excludes is taken as text: there is nothing to exclude from.
    """
    query = query.encode("utf-8", "replace").decode()  # lone surrogates
    required: list[str] = []
    excluded: list[str] = []
    kept, end = [], 0
    for match in _OPERATOR.finditer(query):
        if len(required) + len(excluded) == MOST_CONDITIONS:
            break
        said = match["word"] or match["phrase"]
        if not any(map(str.isalnum, said)):
            continue
        if match["word"] or match["minus"]:
            before = query[max(0, match.start() - _BEFORE) : match.start()].lower().split()
            if before and before[-1] in _LITTLE:
                continue
            excluded.append(said)
            kept.append(query[end : match.start()])
            end = match.end()
        else:
            required.append(said)
    text = "".join([*kept, query[end:]])
    if excluded and not any(map(str.isalnum, text)):
        return Asked(query)
    return Asked(" ".join(text.split()) if excluded else query, tuple(required), tuple(excluded))
