"""What may leave in an answer: words and citations, nothing that a client would load or follow.

An answer is made from other people's documents, and whatever shows it (a terminal, a page, a chat
client that renders Markdown) acts on what it finds: an image is fetched, and its address may carry
away what was asked. So the text is made inert before anyone sees it, as it streams:

    ![x](…)  [x](…)  [x]: …    [x] (…)  [x] (…)  [x] : …     no image, no link, no definition
    <img …>  </script>         < img …>  < /script>          no tag
    https://…  www.…           hxxps://…  www[.]…            no address that is made a link
    me@example.org             me[at]example.org             nor one of mail
    &#104;ttps://…             & #104;ttps://…               nor one in disguise
    [n] without a source n     nothing
    control, direction-changing and invisible characters     nothing

What is left in the way of links is `[n]`, which is for the client to resolve. Knows no sources.
"""

from __future__ import annotations

import re
from collections.abc import Collection

# C0 but tab and line feed, DEL, C1, what changes the direction of writing, what is not seen at all.
# Joiners stay: scripts and emoji need them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
_ADDRESS = re.compile(r"(https?|ftp)(?=\\?:\\?/)", re.IGNORECASE)
_MAIL = re.compile(r"(?<=[A-Za-z0-9._+-])@(?=[A-Za-z0-9_-]+\.[A-Za-z0-9_-])")
_DEFANGED = {"http": "hxxp", "https": "hxxps", "ftp": "fxp"}
_CITED = re.compile(
    r"(?<![ \t])[ \t]*[\[【]\^?(?:sources?:? )?(\d{1,3}(?:[^\S\n]?,[^\S\n]?\d{1,3})*)[\]】]", re.I
)
MARK = r"\[(\d{1,3})\]"  # a citation in an answer's text
MARKED = re.compile(MARK)
_OWN_LINE = re.compile(r"\s*(?:[-*+•‣◦▪·|][^\S\n]|\d{1,3}[.)][^\S\n]|[^\s|][^|\n]*\|)")
_COMMENT = re.compile(
    r"(?m)^[^\S\n]*(?:/\*+|\*{2,}/?|//+)(?:[^\S\n]+|$)\**/?|(?<=\S)[^\S\n]+\*{2,}/?$"
)
_AT_THE_END = re.compile(r"[.,;!?)]*(?:\s|$)")
_BRACKETS = 48  # characters of a citation that may still be open


def visible(text: str) -> str:
    """The text without what a reader would not see."""
    return _UNSEEN.sub("", text)


def inert(text: str) -> str:
    """The text with nothing in it that Markdown or HTML would act on; see above."""
    text = text.replace("![", "[").replace("](", "] (").replace("]:", "] :")
    text = re.sub(r"<(?=[A-Za-z/!?])", "< ", text)
    text = _MAIL.sub("[at]", text)
    text = re.sub(r"&(?=#|[A-Za-z]{2,24};)", "& ", text)
    text = re.sub(r"(?<![A-Za-z0-9])(www)\.", r"\1[.]", text, flags=re.IGNORECASE)
    return _ADDRESS.sub(lambda match: _DEFANGED[match[0].lower()], text)


class Outgoing:
    """The text of an answer on its way out, in pieces; `cited` are the sources it may name.

    What comes out, joined, is the same however the text was cut: a piece ends where nothing that
    follows could change it.
    """

    def __init__(self, cited: Collection[int]) -> None:
        self._cited = frozenset(cited)
        self._held = ""
        self._in_code = False

    def feed(self, text: str) -> str:
        """What can be shown now."""
        self._held += visible(text)
        at = _settled(self._held)
        ready, self._held = self._held[:at], self._held[at:]
        return self._shown(ready)

    def end(self) -> str:
        """The rest."""
        ready, self._held = self._held, ""
        return self._shown(ready)

    def _shown(self, text: str) -> str:
        parts = text.split("`")
        for position, part in enumerate(parts):
            if position:
                self._in_code = not self._in_code
            checked = part if self._in_code else _CITED.sub(self._checked, part)
            parts[position] = inert(checked)
        return inert("`".join(parts))

    def _checked(self, match: re.Match[str]) -> str:
        named = [int(number) for number in match[1].split(",")]
        kept = "".join(f"[{n}]" for n in dict.fromkeys(named) if n in self._cited)
        before = match[0][: len(match[0]) - len(match[0].lstrip(" \t"))]
        if kept:
            return before + kept
        # The space before it goes too, but where that would join what it parted.
        return "" if _AT_THE_END.match(match.string, match.end()) else before


def _settled(text: str) -> int:
    """How much of the text stays as it is, whatever follows.

    A run of ASCII may become an address or a tag, an open bracket a citation, and white space goes
    with a citation that is dropped.
    """
    at = len(text)
    while True:
        while at and ("!" <= text[at - 1] <= "~" or text[at - 1] in "【】"):
            at -= 1
        opened = max(
            text.rfind("[", max(0, at - _BRACKETS), at),
            text.rfind("【", max(0, at - _BRACKETS), at),
        )
        if opened < 0 or re.search(r"[\]】\n]", text[opened:at]):
            break
        at = opened
    while at and text[at - 1].isspace():
        at -= 1
    return at


def unmarked(text: str) -> str:
    """A source's words in an answer: lines of running text as one, no signs of comments, and
    no mark that could be taken for one of the answer's own citations."""
    lines = _COMMENT.sub("", text.strip()).split("\n")
    whole = lines[0].strip()
    for line in lines[1:]:
        if line.strip():
            whole += ("\n" if begins_line(line) else " ") + line.strip()
    whole = MARKED.sub(r"(\1)", whole)
    return re.sub(r"[\[【](?=\^?(?:sources?:? )?\d)", "(", whole, flags=re.IGNORECASE)


def begins_line(text: str) -> bool:
    """Whether a text is to stand on a line of its own: an item of a list, a row of a table."""
    return _OWN_LINE.match(text) is not None


def marks(text: str) -> list[tuple[int, int, int]]:
    """(start, end, n) of each `[n]` in an answer's text."""
    return [(found.start(), found.end(), int(found[1])) for found in MARKED.finditer(text)]
