"""Find the offsets where a text may be cut, and how strong each boundary is. Knows characters only.

The pattern has no unbounded repeat that can fail and be retried one character later, so the time
of a scan is proportional to the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from ragkit.passages.abbreviations import is_open

# Strengths of boundaries; a stronger one justifies a shorter passage.
LINE = 1
SENTENCE = 2  # also a new list item or table row; in code, a blank line
PARAGRAPH = 3  # in code, a definition inside another
PART = 4  # a new page; in code, a top-level definition

_CLOSING = r"""["'’”»›)\]}」』）】》〉*_]"""
_BOUNDARY = re.compile(
    rf"""
      (?P<paragraph> \n[^\S\n]*+\n )
    | (?P<item> \n (?=[^\S\n]{{0,16}} (?: [-*+•‣◦▪·|] | \d{{1,3}}[.)] ) [^\S\n]) )
    | (?P<line> \n )
    | (?P<full> (?: [。！？｡؟۔।॥։።፧፨།༎။។៕᠃] | ．(?![0-9０-９]) )++
        {_CLOSING}{{0,4}} )  # scripts without a space after it
    | (?P<stop> [.!?…] {_CLOSING}{{0,4}} (?=\s) )
    """,
    re.VERBOSE,
)
_STRENGTH = {"paragraph": PARAGRAPH, "item": SENTENCE, "line": LINE, "full": SENTENCE}

_CODE_LINE = re.compile(
    r"""(?P<indent>[ \t]{0,40}) (?=(?P<first>\S?))
    (?:(?P<goes_on>(?:else|elif|except|finally|catch|then|do|done|fi|end|esac|begin)\b)
    | (?P<defines>(?:(?:export|default|pub|public|private|protected|internal|static|async|abstract
      |final|inline|extern|unsafe|override|virtual|const)[ ]){0,3}
      (?:def|class|function|fn|func|sub|struct|enum|union|trait|impl|interface|module|namespace
      |type|typedef|template|package|object|record|create|CREATE|\#define|\#ifdef|\#if|@)\b)
    )?""",
    re.VERBOSE,
)
_INDENT = 4  # columns
_MAX_QUESTION = 240  # characters
_QUESTION_MARKS = tuple("?？؟፧")
_SENTENCE_ENDS = ".!?:。！？：؟։።፧"

_LOOK_BACK = 16  # characters
_JOINERS = "\u200d\ufe0e\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_MAX_CLUSTER = 16  # characters


def find_boundaries(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield `(offset, strength)` of the boundaries in `text[start:end]`, in order.

    An offset lies after the end of a sentence and before, or in, the white space that follows.
    After a colon every boundary is weak, so that a lead-in stays with its list. So is the end of
    a line that is only a question, so that it stays with its answer.
    """
    for match in _BOUNDARY.finditer(text, start, end):
        kind = match.lastgroup
        if kind == "stop":
            if _ends_sentence(text, match.start(), match.end()):
                yield match.end(), SENTENCE
        elif kind is not None:
            weak = is_lead_in(text, match.start()) or (
                kind != "full" and _is_lone_question(text, match.start(), match.end())
            )
            yield match.end(), LINE if weak else _STRENGTH[kind]


def split_at(text: str, ends: Sequence[int]) -> list[tuple[int, int]]:
    """Return the spans between the offsets `ends`, without the white space around them; spans of
    only white space are left out."""
    spans = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        inner = text[start:end]
        if inner.strip():
            first_visible = start + len(inner) - len(inner.lstrip())
            spans.append((first_visible, start + len(inner.rstrip())))
    return spans


def find_code_boundaries(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield `(offset, strength)` of the line ends in source code, in `text[start:end]`, in order.

    Strength follows indentation and the keywords of definitions, so it works for most languages:
    an unindented line after a blank line begins a part, a definition indented once a paragraph. A
    comment or decorator above a definition belongs to it.
    """
    newline = text.find("\n", start, end)
    while newline >= 0:
        offset = newline + 1
        yield offset, _code_strength(text, offset)
        newline = text.find("\n", offset, end)


def _code_strength(text: str, offset: int) -> int:
    """Return the strength of the boundary before the line at `offset`."""
    line = _CODE_LINE.match(text, offset)
    before = text[max(0, offset - _MAX_QUESTION) : offset - 1].rpartition("\n")[2]
    if line is None or not line["first"] or line["first"] in "})]" or line["goes_on"]:
        return LINE
    indent = len(line["indent"].expandtabs(4))
    inner = indent <= _INDENT and (line["defines"] or line["first"] in "@#/*;-")
    if not before.strip():
        return PART if indent == 0 else PARAGRAPH if inner else SENTENCE
    if not line["defines"] or before.lstrip().startswith(("@", "#", "//", "/*", "*", "--", ";")):
        return LINE
    return PARAGRAPH if indent == 0 else SENTENCE


def _is_lone_question(text: str, end: int, following: int) -> bool:
    """Whether the line that ends at `end` is only a question, and the next line is none."""
    if not _without_end_marks(text[max(0, end - _LOOK_BACK) : end]).endswith(_QUESTION_MARKS):
        return False
    line = text.rfind("\n", max(0, end - _MAX_QUESTION), end) + 1
    if line == 0 and end > _MAX_QUESTION:
        return False
    before = text[max(0, line - _LOOK_BACK) : max(0, line - 1)].rpartition("\n")[2].rstrip()
    if before and before[-1] not in _SENTENCE_ENDS:
        return False  # the last line of a longer question
    answer = text[following : following + _MAX_QUESTION].lstrip().partition("\n")[0]
    return not _without_end_marks(answer).endswith(_QUESTION_MARKS)


def is_lead_in(text: str, offset: int) -> bool:
    """Whether the text before `offset` ends with a colon: it introduces a list or an example."""
    return _without_end_marks(text[max(0, offset - _LOOK_BACK) : offset]).endswith((":", "："))


def _without_end_marks(text: str) -> str:
    """Return `text` without white space and Markdown emphasis marks at its end."""
    return text.rstrip().rstrip("*_")


def _ends_sentence(text: str, stop: int, end: int) -> bool:
    """Whether the `.`, `!`, `?` or `…` at `stop` ends a sentence; its closing quotes end at `end`.

    When in doubt, no: a missed boundary costs less than a sentence cut in two."""
    following = text[end : end + _LOOK_BACK].lstrip()[:1]
    if following.islower() or following == "|":  # the sentence, or the table's cell, goes on
        return False
    if text[stop] != ".":
        return True
    line = text[max(0, stop - _LOOK_BACK) : stop].rpartition("\n")[2]
    if line.strip().isdigit():  # "1." that numbers an item
        return False
    return not is_open(text, stop)


def cluster_start(text: str, start: int, offset: int) -> int:
    """Return the last offset in `(start, offset]` that is not inside a grapheme cluster (a base
    with its accents, a joined emoji); `offset` itself if the cluster is over 16 characters."""
    for candidate in range(offset, max(start, offset - _MAX_CLUSTER), -1):
        if candidate >= len(text):
            return candidate
        character = text[candidate]
        bound = character in _JOINERS or unicodedata.category(character)[0] == "M"
        if not bound and text[candidate - 1] != "\u200d":
            return candidate
    return offset
