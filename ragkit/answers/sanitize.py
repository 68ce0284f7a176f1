"""Sanitize the text of an answer: what may leave are words and citation marks `[n]`.

An answer is made from documents of other people, and the program that shows it (a terminal, a page,
a chat client that renders Markdown) acts on what it contains: it loads an image, whose URL may
carry the question to somebody else's server. So the text is defanged while it streams:

    ![x](…)  [x](…)  [x]: …    [x] (…)  [x] (…)  [x] : …     no image, link or link definition
    <img …>  </script>         < img …>  < /script>          no tag
    https://…  www.…           hxxps://…  www[.]…            no URL that a client turns into a link
    me@example.org             me[at]example.org             no mail address, for the same reason
    &#104;ttps://…             & #104;ttps://…               no character reference
    [n] without a source n     removed
    control, bidirectional and invisible characters          removed

The client resolves the citation marks `[n]`. Where nothing renders the text, `restore_addresses`
gives back the addresses of the sources. Knows no question.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

# C0 except tab and line feed, DEL, C1, bidirectional controls, invisible characters, surrogates.
# Joiners stay: scripts and emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
_URL_SCHEME = re.compile(r"(https?|ftp)(?=\\?:\\?/)", re.IGNORECASE)
_MAIL_AT = re.compile(r"(?<=[A-Za-z0-9._+-])@(?=[A-Za-z0-9_-]+\.[A-Za-z0-9_-])")
_DEFANGED_ADDRESS = re.compile(
    r"(?:hxxps?|fxp):\S+|(?<![\w.@+-])(?:[\w.+-]+\[at\][\w.-]+|www\[\.\]\S+)", re.IGNORECASE
)
_ADDRESS_END = ".,;:!?)\"'>]}*_`"
_DEFANGED = {"http": "hxxp", "https": "hxxps", "ftp": "fxp"}
# A citation as language models write it: "[1]", "[1, 2]", "[1-3]", "【1】", "[^1]", "[Source 1]".
_MODEL_CITATION = re.compile(
    r"(?<![ \t])[ \t]*[\[【]\^?(?:sources?:? )?"
    r"(\d{1,3}(?:[^\S\n]?[,\-\u2013][^\S\n]?\d{1,3})*)[\]】]",
    re.I,
)
CITATION_PATTERN = r"\[(\d{1,3})\]"  # a citation mark in the text of an answer
CITATION_MARK = re.compile(CITATION_PATTERN)
_SEPARATE_LINE = re.compile(r"\s*(?:[-*+•‣◦▪·|][^\S\n]|\d{1,3}[.)][^\S\n]|[^\s|][^|\n]*\|)")
_COMMENT_SIGN = re.compile(
    r"(?m)^[^\S\n]*(?:/\*+|\*{2,}/?|//+)(?:[^\S\n]+|$)\**/?|(?<=\S)[^\S\n]+\*{2,}/?$"
)
_CITATION_OPENING = re.compile(r"[\[【](?=\^?(?:sources?:? )?\d)", re.IGNORECASE)
_DISPLAY_INDENT = "    "
_CLAUSE_END = re.compile(r"[.,;!?)]*(?:\s|$)")
_MAX_OPEN_CITATION = 48  # characters: a bracket that is open for longer is not a citation


def remove_invisible(text: str) -> str:
    """Return the text without control, bidirectional and invisible characters."""
    return _INVISIBLE.sub("", text)


def defang(text: str) -> str:
    """Return the text without anything that Markdown or HTML acts on; see the table above."""
    text = text.replace("![", "[").replace("](", "] (").replace("]:", "] :")
    text = re.sub(r"<(?=[A-Za-z/!?])", "< ", text)
    text = _MAIL_AT.sub("[at]", text)
    text = re.sub(r"&(?=#|[A-Za-z]{2,24};)", "& ", text)
    text = re.sub(r"(?<![A-Za-z0-9])(www)\.", r"\1[.]", text, flags=re.IGNORECASE)
    return _URL_SCHEME.sub(lambda match: _DEFANGED[match[0].lower()], text)


def restore_addresses(text: str, sources: Sequence[str]) -> str:
    """Return the text of an answer with the addresses that occur in the texts of its sources as
    they are there, for a place where nothing renders them. Other addresses stay defanged: a model
    may have made them up to carry the question away."""

    def restore(match: re.Match[str]) -> str:
        end = len(match[0].rstrip(_ADDRESS_END))
        address = match[0][:end].replace("[at]", "@")
        address = re.sub(r"(www)\[\.\]", r"\1.", address, flags=re.IGNORECASE)
        for scheme, defanged in _DEFANGED.items():
            if address.lower().startswith(f"{defanged}:"):
                pattern = re.compile(re.escape(scheme + address[len(defanged) :]), re.IGNORECASE)
                break
        else:
            pattern = re.compile(re.escape(address), re.IGNORECASE)
        found = next(filter(None, map(pattern.search, sources)), None)
        return match[0] if found is None else found[0] + match[0][end:]

    return _DEFANGED_ADDRESS.sub(restore, text)


class AnswerSanitizer:
    """Sanitizes the text of an answer while it streams. `sources` are the n that it may cite.

    The output, joined, does not depend on how the input was cut: text is returned once nothing that
    follows can change it.
    """

    def __init__(self, sources: Collection[int]) -> None:
        self._sources = frozenset(sources)
        self._pending = ""
        self._in_code = False

    def feed(self, text: str) -> str:
        """Take the next part of the text and return what is final; may be empty."""
        self._pending += remove_invisible(text)
        length = _final_length(self._pending)
        ready, self._pending = self._pending[:length], self._pending[length:]
        return self._sanitize(ready)

    def end(self) -> str:
        """Return the rest of the text."""
        ready, self._pending = self._pending, ""
        return self._sanitize(ready)

    def _sanitize(self, text: str) -> str:
        parts = text.split("`")
        for position, part in enumerate(parts):
            if position:
                self._in_code = not self._in_code
            resolved = part if self._in_code else _MODEL_CITATION.sub(self._resolve_citation, part)
            parts[position] = defang(resolved)
        return defang("`".join(parts))

    def _resolve_citation(self, match: re.Match[str]) -> str:
        """Return the citation as marks `[n]` of known sources, with the space before it."""
        numbers = [number for part in match[1].split(",") for number in _parse_range(part)]
        is_range = not match[1].isdigit() and "," not in match[1]
        if is_range and (not numbers or numbers[0] not in self._sources):
            return match[0]  # an interval, as in "[0-100]"
        kept = "".join(f"[{n}]" for n in dict.fromkeys(numbers) if n in self._sources)
        space = match[0][: len(match[0]) - len(match[0].lstrip(" \t"))]
        if kept:
            return space + kept
        # The space before it goes too, except between two words.
        return "" if _CLAUSE_END.match(match.string, match.end()) else space


def _parse_range(text: str) -> Sequence[int]:
    """Return the numbers of "2" or of "2-4"."""
    first, *others = (int(number) for number in re.split("[-\u2013]", text))
    return range(first, others[-1] + 1) if others else (first,)


def _final_length(text: str) -> int:
    """Return the number of characters at the beginning of `text` that no later text can change.

    A run of ASCII may become a URL or a tag and an open bracket a citation; white space is removed
    together with a citation without a source.
    """
    length = len(text)
    while True:
        while length and ("!" <= text[length - 1] <= "~" or text[length - 1] in "【】"):
            length -= 1
        opening = max(
            text.rfind("[", max(0, length - _MAX_OPEN_CITATION), length),
            text.rfind("【", max(0, length - _MAX_OPEN_CITATION), length),
        )
        if opening < 0 or re.search(r"[\]】\n]", text[opening:length]):
            break
        length = opening
    while length and text[length - 1].isspace():
        length -= 1
    return length


def format_display(lines: Sequence[str]) -> str:
    """Return the lines of a display as a paragraph of Markdown that keeps them."""
    return "\n".join(f"{_DISPLAY_INDENT}{line}".rstrip() for line in lines)


def format_quote(text: str) -> str:
    """Return a sentence of a source as it appears in an answer.

    Lines of running text are joined, comment signs of program code are removed, and brackets that
    could be taken for a citation of the answer become parentheses. Displays (`format_display`) stay
    as they are, with a space in such brackets.
    """
    blocks: list[str] = []
    for block in re.split(r"\n{2,}", text.strip("\n")):
        if is_display(block):
            blocks.append(_CITATION_OPENING.sub("[ ", block))
        elif quote := _join_lines(_COMMENT_SIGN.sub("", block)):
            is_first = not blocks or is_display(blocks[-1])
            if is_first:
                blocks.append(quote)
            else:
                blocks[-1] += ("\n" if is_separate_line(quote) else " ") + quote
    return "\n\n".join(blocks)


def _join_lines(text: str) -> str:
    lines = [line for line in text.strip().split("\n") if line.strip()]
    quote = ""
    for line in lines:
        separator = ("\n" if is_separate_line(line) else " ") if quote else ""
        quote += separator + line.strip()
    return _CITATION_OPENING.sub("(", CITATION_MARK.sub(r"(\1)", quote))


def is_display(text: str) -> bool:
    """Whether a paragraph of an answer is a display: all its lines are indented."""
    return all(line.startswith(_DISPLAY_INDENT) for line in text.split("\n"))


def cite_quote(quote: str, n: int) -> str:
    """Return a quote with its citation mark at the end, or before the displays at its end."""
    blocks = quote.split("\n\n")
    sentences = [position for position, block in enumerate(blocks) if not is_display(block)]
    if sentences:
        blocks[sentences[-1]] += f" [{n}]"
    else:
        blocks.append(f"[{n}]")
    return "\n\n".join(blocks)


def is_separate_line(text: str) -> bool:
    """Whether a text belongs on a line of its own: a list item or a table row."""
    return _SEPARATE_LINE.match(text) is not None


def find_citation_marks(text: str) -> list[tuple[int, int, int]]:
    """Return `(start, end, n)` of each `[n]` in the text of an answer."""
    return [(match.start(), match.end(), int(match[1])) for match in CITATION_MARK.finditer(text)]
