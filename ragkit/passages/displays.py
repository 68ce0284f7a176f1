"""Find what a text displays on lines of its own: blocks of code, formulas, commands.

A display is marked as one (a fence, math delimiters, a directive, an indentation), or its lines
look like one: signs of an assignment, a call, an equation or an option, and few words. The text of
a web page or a PDF has no marks. When in doubt, lines are prose. Knows characters only; the time is
proportional to the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent

MAX_UNMARKED_LINES = 12  # of a display without marks; more are a listing, as in a source file
_MAX_DELIMITED_LINES = 60
_MAX_LINE = 400  # characters; a longer line without marks is prose
_MAX_PROSE_SHARE = 0.5  # of the words of a line without marks
_MIN_PROSE_WORDS = 4  # of a line of prose inside of an indented block
_INDENT = 4  # columns

_FENCE = re.compile(r"[^\S\n]{0,12}(?P<fence>`{3,}|~{3,})(?!.*`)")
_DELIMITERS = (  # of a display that begins and ends with lines of these forms
    (re.compile(r"\s*\$\$"), re.compile(r"\$\$[\s.,;]*$")),
    (re.compile(r"\s*\\\["), re.compile(r"\\\][\s.,;]*$")),
    (re.compile(r"\s*\\begin\{(?P<name>[a-z]+\*?)\}"), re.compile(r"\\end\{[a-z]+\*?\}[\s.,;]*$")),
    (re.compile(r"\s*#\+begin_(?:src|example)", re.I), re.compile(r"\s*#\+end_", re.I)),
    (re.compile(r"\s*<(?:pre|syntaxhighlight|source)\b"), re.compile(r"</[a-z]+>\s*$")),
    (re.compile(r"\s*\{code(?:[:|][^}]*)?\}"), re.compile(r"\{code\}\s*$")),
    (re.compile(r"-{4,}\s*$"), re.compile(r"^-{4,}\s*$")),  # AsciiDoc
    (re.compile(r"\.{4,}\s*$"), re.compile(r"^\.{4,}\s*$")),
)
_DIRECTIVE = re.compile(r"\s*\.\. (?:code-block|code|sourcecode|highlight|math|parsed-literal)::")
_OPTION = re.compile(r"\s*:[\w-]+:")  # of a directive
_MARK_LINES = tuple(  # with which delimiters begin that have a line for themselves
    re.compile(pattern, re.IGNORECASE)
    for pattern in (r"\s*#\+begin_", r"\s*\{code(?:[:|][^}]*)?\}\s*$", r"(?:-{4,}|\.{4,})\s*$")
)
_NO_DISPLAY = re.compile(  # a list item, a heading, a table row, a quotation
    r"\s*(?:[-*+•‣◦▪·][^\S\n]|\d{1,3}[.)]\s|#{1,6}\s|\|)|[^|]*\s\|\s[^|]*\|"
    r"|\s*(?:\*\*|__)[^*_].*[*_]\s*$"  # bold, as the term of a definition
    r"|.*[.!?]\s+[^\W\d]\w*\s*$"  # the beginning of a sentence at its end
)
_COMMENT = re.compile(r"(?:^|\s)(?:--|//|#|/\*|%|;)(?:\s[\s\S]*)?$")
_PROMPT = re.compile(r"\s*(?:[\w.@~/-]{1,20}[#$%>]|[$%]|>>>|\.\.\.)\s")
_SHELL = re.compile(r"\s*(?:\$|>>>|[\w.-]+@[\w.:~/-]+[#$%>]|\w{1,12}>)\s+[^\W\d]")
_SIGN = re.compile(
    r"""[;{}\\]\s*$ | \w[([][^()\[\]]*,\s*$ | ^\s*[}\])]+[;,]?\s*$
    | ^\s*(?:[$%]|>>>|\#!|C:\\|[\w.@~/-]{1,20}[#$%>])\s?\S
    | [=≈≤≥≠∝≡≅≃±×∑∏∫√→←↦⇒⇔∈^] | (?<!\S)(?:->|:=|<=|>=|<|>|&&|\|\|)(?!\S)
    | \w\([^()\s]+\) | \w\([^()]*,[^()]*\)\W*$ | (?<!\S)--?[A-Za-z][\w-]*
    | ^\s*["'][\w.-]+["']\s*: | \\[A-Za-z]+\{ | ^\s*(?:https?|file|ftp)://\S+\s*$
    | ^\s*(?:~|\.{0,2})/[\w.-]+/\S*
    | ^\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|VACUUM|ATTACH|DETACH|EXPLAIN|BEGIN
      |COMMIT|ROLLBACK|GRANT|REVOKE|MERGE|TRUNCATE|REINDEX|ANALYZE|REPLACE|WITH)\s*(?:;|\s\S)
    """,
    re.VERBOSE,
)
_WORD = re.compile(r"[^\W\d_]{2,}(?:[-'’][^\W\d_]+)*")
_CALL = re.compile(r"\w[(\[]")
_NUMBER = re.compile(r"[\d.,%]+")
_PUNCTUATION = "()[]\"'“”‘’«»,.:;!?"
# Scripts without spaces between words: a run of letters counts as words.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class _Line:
    start: int  # offset in the text
    text: str  # without the line feed
    previous: _Line | None  # the last line before this one that is not blank
    follows_blank: bool

    @property
    def is_blank(self) -> bool:
        return not self.text.strip()

    @property
    def indent(self) -> int:
        expanded = self.text.expandtabs(_INDENT)
        return len(expanded) - len(expanded.lstrip())


def find_displays(text: str) -> list[tuple[int, int]]:
    """Return the spans of the displays in a text, in order, from the first sign of their first line
    to the last sign of their last one, marks included."""
    lines = _lines(text)
    displays = []
    index = 0
    while index < len(lines):
        first = lines[index]
        end = None if first.is_blank else _marked_end(lines, index)
        is_display = end is not None
        if end is None and not first.is_blank and (end := _unmarked(lines, index)) is not None:
            is_display = sum(not line.is_blank for line in lines[index:end]) <= MAX_UNMARKED_LINES
        if end is not None and is_display:
            lead = len(first.text) - len(first.text.lstrip())
            last = lines[end - 1]
            displays.append((first.start + lead, last.start + len(last.text.rstrip())))
        index = index + 1 if end is None else end
    return displays


def display_lines(text: str, start: int, end: int) -> list[str]:
    """Return the lines of the display `text[start:end]` without its marks and the indentation that
    they share. Math delimiters stay: they are a part of the formula."""
    line_start = text.rfind("\n", 0, start) + 1
    lines = text[line_start:end].expandtabs(_INDENT).rstrip().split("\n")
    if _FENCE.match(lines[0]):
        is_closed = len(lines) > 1 and not lines[-1].strip().strip(lines[0].strip()[0])
        lines = lines[1 : -1 if is_closed else None]
    elif _DIRECTIVE.match(lines[0]) or lines[0].strip() == "::":
        lines = [line for line in lines[1:] if not _OPTION.match(line)]
    elif any(opens.match(lines[0]) for opens in _MARK_LINES):
        lines = lines[1:-1]
    return dedent("\n".join(lines)).strip("\n").split("\n")


def _lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    start, previous = 0, None
    for part in text.split("\n"):
        line = _Line(start, part, previous, bool(lines) and lines[-1].is_blank)
        lines.append(line)
        previous = previous if line.is_blank else line
        start += len(part) + 1
    return lines


def _marked_end(lines: Sequence[_Line], index: int) -> int | None:
    """Return the index after the last line of the marked display that begins with a line."""
    for find in (_fenced, _delimited, _directive, _indented):
        if (end := find(lines, index)) is not None:
            return end
    return None


def _fenced(lines: Sequence[_Line], index: int) -> int | None:
    line = lines[index]
    opening = _FENCE.match(line.text)
    if opening is None:
        return None
    is_rule = line.text.strip() == opening["fence"] and opening["fence"][0] == "~"
    if is_rule and line.previous and not (
        line.follows_blank or _ends_sentence(line.previous.text)
    ):  # fmt: skip
        return None  # it underlines a title
    for end in range(index + 1, len(lines)):
        closing = lines[end].text.strip()
        if closing.startswith(opening["fence"]) and not closing.strip(closing[0]):
            return end + 1
    return _without_blank(lines, index, len(lines))  # the text ends inside of the block


def _delimited(lines: Sequence[_Line], index: int) -> int | None:
    line = lines[index]
    for opens, closes in _DELIMITERS:
        opening = opens.match(line.text)
        if opening is None:
            continue
        is_rule = not line.text.strip().strip("-.")
        if is_rule and line.previous and not (line.follows_blank or line.previous.text[0] in "[."):
            return None  # it underlines a title
        if not is_rule and closes.search(line.text, opening.end()):
            return index + 1
        for end in range(index + 1, min(len(lines), index + _MAX_DELIMITED_LINES)):
            if closes.search(lines[end].text):
                return end + 1
        return None
    return None


def _directive(lines: Sequence[_Line], index: int) -> int | None:
    """Return the end of a directive of reStructuredText, or of the block after "::"."""
    line = lines[index]
    if _DIRECTIVE.match(line.text) or line.text.strip() == "::":
        end = _indented_end(lines, index + 1, line.indent + 1)
        return end if end > index + 1 else None
    if line.previous is None or not line.previous.text.rstrip().endswith("::"):
        return None
    if line.indent <= line.previous.indent or not line.follows_blank:
        return None
    return _indented_end(lines, index, line.previous.indent + 1)


def _indented(lines: Sequence[_Line], index: int) -> int | None:
    """Return the end of an indented block that is neither prose nor a part of a list."""
    line, previous = lines[index], lines[index].previous
    if previous is None or not line.follows_blank or line.indent < previous.indent + _INDENT:
        return None
    if _NO_DISPLAY.match(previous.text) or _NO_DISPLAY.match(line.text):
        return None
    end = _indented_end(lines, index, previous.indent + _INDENT)
    block = [line for line in lines[index:end] if not line.is_blank]
    return end if 2 * sum(_is_prose(line.text) for line in block) < len(block) else None


def _unmarked(lines: Sequence[_Line], index: int) -> int | None:
    """Return the end of the run of lines that look like code or formulas, of any length."""
    first = lines[index]
    if not _looks_displayed(first.text):
        return None
    if first.previous and not first.follows_blank and not _ends_sentence(first.previous.text):
        return None  # a line of running text
    end = index + 1
    depth = _bracket_depth(first.text)
    for position in range(index + 1, len(lines)):
        line = lines[position]
        if line.is_blank:
            continue
        is_inside = depth > 0 and position - index < MAX_UNMARKED_LINES
        if is_inside or _looks_displayed(line.text):
            end = position + 1
        elif line.follows_blank or _NO_DISPLAY.match(line.text) or _is_prose(line.text):
            break
        depth += _bracket_depth(line.text)
    return end


def _bracket_depth(line: str) -> int:
    """Return the number of brackets that a line opens less that of those that it closes."""
    return sum((sign in "([{") - (sign in ")]}") for sign in line)


def _indented_end(lines: Sequence[_Line], index: int, columns: int) -> int:
    end = index
    while end < len(lines) and (lines[end].is_blank or lines[end].indent >= columns):
        end += 1
    return _without_blank(lines, index, end)


def _without_blank(lines: Sequence[_Line], index: int, end: int) -> int:
    while end > index and lines[end - 1].is_blank:
        end -= 1
    return end


def _looks_displayed(line: str) -> bool:
    if len(line) > _MAX_LINE or _NO_DISPLAY.match(line) or not _SIGN.search(line):
        return False
    if _SHELL.match(line) and not _ends_sentence(line):
        return True
    words, others = _count_words(line)
    return others > 0 and words <= _MAX_PROSE_SHARE * (words + others)


def _is_prose(line: str) -> bool:
    words, others = _count_words(line)
    return words >= _MIN_PROSE_WORDS and words > others


def _count_words(line: str) -> tuple[int, int]:
    """Return the number of words of a line and that of its other parts, without numbers, without a
    comment and a prompt. The arguments of a call are no words."""
    words = others = 0
    call_depth = 0
    prompt = _PROMPT.match(line)
    for token in _COMMENT.sub("", line[prompt.end() :] if prompt else line).split():
        inner = token.strip(_PUNCTUATION)
        is_symbol = (inner.isupper() and len(inner) > 1) or any(map(str.isnumeric, inner))
        is_word = _WORD.fullmatch(inner) and not is_symbol
        is_quoted = token[0] in "\"'" and token[-1] in "\"',:"
        if unspaced := len(_UNSPACED.findall(inner)):
            words += (unspaced + 1) // 2
        elif is_word and not (token.endswith(";") or is_quoted or call_depth > 0):
            words += 1
        elif not _NUMBER.fullmatch(inner):
            others += 1
        if call_depth > 0 or _CALL.search(token):
            call_depth += _bracket_depth(token)
    return words, others


def _ends_sentence(line: str) -> bool:
    return line.rstrip().rstrip("*_").endswith((".", ":", "?", "!", "。", "："))
