"""reStructuredText as it is displayed: substitutions, roles and links resolved, comments dropped.

Each line stays a line, empty where it is not shown, so that line numbers stay valid. Literal blocks
and code stay as they are written.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache

_SUBSTITUTION = re.compile(r"\.\. \|([^|\n]{1,100})\|[ \t]+replace::[ \t]*(.{0,500})$")
_SUBSTITUTION_LINE = re.compile(rf"^{_SUBSTITUTION.pattern}", re.MULTILINE)
_TARGET_LINE = re.compile(r"\.\. _(.{1,300})")
# A section title of one word is a target, too.
_TITLE = re.compile(
    r"^([A-Za-z0-9][\w.-]{0,80})[ \t]{0,9}\n(([=\-~`:.'\"^_*+#<>])\3{0,300})[ \t]{0,9}$",
    re.MULTILINE,
)
_MIN_UNDERLINE = 4  # below a longer title; below a shorter one as long as that
# A line that may begin a literal block, a comment, a target or a directive.
_BLOCK_START = re.compile(r"^[ \t]*(?:\.\.|__).*|^.*::[ \t]*$", re.MULTILINE)
_MAX_INDENT = 1000
_TARGET = re.compile(r"(?:\.\. _[^\n:]{1,300}|__):(?:[ \t].{0,1000})?$|__[ \t]+\S")
_ANONYMOUS = re.compile(r"^[ \t]{0,40}(?:__[ \t]|\.\. __:)", re.MULTILINE)
_EXPLICIT = re.compile(
    r"\.\.(?:[ \t]+(?:\[[^\]\n]{1,100}\][ \t]|_[^\n]|\|[^|\n]{1,100}\|[ \t]|[\w:.+-]{1,60}::)"
    r"|[ \t]*$)"
)
_COMMENT = re.compile(r"\.\.(?:[ \t]+\S|$)")
_LITERAL_DIRECTIVE = re.compile(
    r"\.\. (?:code-block|code|sourcecode|parsed-literal|doctest|testcode|testoutput|math"
    r"|productionlist|raw|highlight|literalinclude|graphviz|digraph|mermaid)::"
)
_ONE_LINE_DIRECTIVE = re.compile(r"\.\. (?:only|ifconfig|highlight|index|currentmodule|module)::")
# A pattern that begins with a character is searched faster than one that begins by looking back.
_ROLE = re.compile(
    r":(?<![\w`:]:)(?P<role>[\w+.-]{1,30}(?::[\w+.-]{1,30}){0,3}):`(?P<text>[^`\n]{1,500})`"
)
_LINK = re.compile(  # its address may be on the next line
    r"`(?<![\w`]`)(?P<label>[^`<>\n]{1,300}?)[ \t]{0,3}(?P<line>\n?)[ \t]{0,9}"
    r"<[^<>`\n]{1,500}>`__?(?!\w)"
)
_REFERENCE = re.compile(r"`(?<![\w`]`)(?P<label>[^`<>\n]{1,300})`__?(?!\w)")
_ADDRESS = re.compile(r"`(?<![\w`]`)<(?P<address>[^<>`\n]{1,500})>`__?(?!\w)")
_INLINE_TARGET = re.compile(r"_`(?<![\w`\\]_`)(?P<label>[^`<>\n]{1,300})`(?!_)")
# [1]_, [#]_, [CIT2002]_: only behind a blank or an opening sign, so `x[1]_` is none.
_NOTE = re.compile(r"(?<![^\s\-/:'\"<(\[{«“„‘‚¿¡–—])\[[^\[\]\s]{1,60}\]\Z")
_WORD_END = re.compile(r"_(?![\w`])")
_WORD = re.compile(r"(?<![\w`_\\])[A-Za-z][\w.-]{0,80}[A-Za-z0-9]\Z")
_MAX_LINE = 2000  # characters around a word that are looked at
_MAX_WORD = 84  # characters, with what is before it
_ROLE_TARGET = re.compile(r"\s{0,3}<[^<>]{1,300}>$")


def displayed_text(text: str) -> str:
    """Return the text with its inline markup resolved and without comments and targets."""
    inline = _Inline(text)
    pieces: list[str] = []
    at = 0
    while (start := _BLOCK_START.search(text, at)) is not None:
        pieces.append(inline.displayed(text[at : start.start()]))
        line, at = start[0], start.end()
        stripped = line.strip()
        is_explicit = stripped.startswith(("..", "__"))
        is_hidden = is_explicit and _is_hidden(stripped)
        pieces.append("" if is_hidden else inline.displayed(line))
        is_literal = (stripped.endswith("::") and not stripped.startswith(".. ")) or (
            is_explicit and _LITERAL_DIRECTIVE.match(stripped) is not None
        )
        if is_literal or (is_explicit and _is_comment(stripped)):
            end = _block_end(text, at, len(line) - len(line.lstrip()))
            pieces.append(text[at:end] if is_literal else "\n" * text.count("\n", at, end))
            at = end
    return "".join([*pieces, inline.displayed(text[at:])])


def _block_end(text: str, start: int, indent: int) -> int:
    """Return where a block ends whose lines are indented further; before the line break."""
    end = _dedented(min(indent, _MAX_INDENT)).search(text, start)
    return end.start() if end is not None else len(text)


@lru_cache(maxsize=64)
def _dedented(indent: int) -> re.Pattern[str]:
    return re.compile(rf"\n(?=[ \t]{{0,{indent}}}\S)")


def _is_comment(stripped: str) -> bool:
    return (
        stripped.startswith("..")
        and _COMMENT.match(stripped) is not None
        and not (_EXPLICIT.match(stripped))
    )


def _is_hidden(stripped: str) -> bool:
    """Whether an explicit line is not displayed: a target, a substitution, a comment, a setting."""
    return (
        _TARGET.match(stripped) is not None
        or _SUBSTITUTION.match(stripped) is not None
        or _is_comment(stripped)
        or _ONE_LINE_DIRECTIVE.match(stripped) is not None
    )


class _Inline:
    """Resolves inline markup with the substitutions and targets of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._values = [
            (re.compile(rf"\|{re.escape(match[1].strip())}\|_{{0,2}}", re.IGNORECASE),
             match[2].strip())
            for match in (_SUBSTITUTION_LINE.finditer(text) if "\n.. |" in f"\n{text}" else ())
        ]  # fmt: skip
        self._targets = {
            match[1].partition(":")[0].strip("` ").casefold()
            for match in _TARGET_LINE.finditer(text)
        }

    def displayed(self, text: str) -> str:
        """Return a part of the text, of whole lines, as it is displayed."""
        if ":`" in text:
            text = _ROLE.sub(_role_text, text)
        if self._values and "|" in text:
            for reference, value in self._values:
                text = value.join(reference.split(text))
        if "_`" in text:
            text = _INLINE_TARGET.sub(r"\g<label>", text)
        if "`_" in text:
            text = _ADDRESS.sub(r"\g<address>", text)
            text = _REFERENCE.sub(r"\g<label>", _LINK.sub(r"\g<label>\g<line>", text))
        if "_" in text:
            text = self._without_underscores(text)
        return text

    @cached_property
    def _titles(self) -> frozenset[str]:
        return frozenset(
            match[1].casefold()
            for match in _TITLE.finditer(self._text)
            if len(match[2]) >= min(_MIN_UNDERLINE, len(match[1]))
        )

    @cached_property
    def _has_anonymous(self) -> bool:
        return _ANONYMOUS.search(self._text) is not None

    def _is_reference(self, before: str, *, is_anonymous: bool) -> bool:
        """Whether a text ends with a word or a note that a `_` behind it makes a reference."""
        if before.endswith("]"):
            return not is_anonymous and _NOTE.search(before) is not None
        word = _WORD.search(before)
        if word is None or is_anonymous:
            return word is not None and self._has_anonymous
        name = word[0].casefold()
        return name in self._targets or name in self._titles

    def _without_underscores(self, text: str) -> str:
        """Return a text with its references of one word, `word_`, and of notes, `[1]_`, as they are
        displayed."""
        pieces: list[str] = []
        at = 0
        for found in _WORD_END.finditer(text):
            end = found.start() - text.startswith("__", found.start() - 1)
            before = text[max(at, end - _MAX_WORD) : end]
            if not self._is_reference(before, is_anonymous=end < found.start()):
                continue
            first, last = max(0, end - _MAX_LINE), min(len(text), end + _MAX_LINE)
            line_end = text.find("\n", end, last)
            line_start = max(text.rfind("\n", first, end) + 1, first)
            if "``" not in text[line_start : last if line_end < 0 else line_end]:
                pieces.append(text[at:end])
                at = found.end()
        return "".join([*pieces, text[at:]])


def _role_text(match: re.Match[str]) -> str:
    """Return what a role displays: its label, else its target without its path."""
    text = match["text"]
    if (label := _ROLE_TARGET.sub("", text)) != text:
        return label
    if text.startswith("~"):
        return text[1:].rpartition(".")[2]
    return text.lstrip("!")
