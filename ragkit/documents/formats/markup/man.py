"""Manual pages (roff with the man or mdoc macros) → Document: sections and displays as structure.

Each line of the source gives one line of text, so that line numbers stay valid: a macro becomes
the text of its arguments, or an empty line. Sections become headings, displays become fences.
Runs no macro that the file defines, and includes no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ragkit.documents.decoding import decode
from ragkit.records.documents import Document, Heading

MAN = "text/troff"


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SPECIAL_CHARACTERS = {
    "en": "–", "em": "—", "bu": "•", "aq": "'", "dq": '"', "lq": "“", "rq": "”", "oq": "‘",
    "cq": "’", "co": "©", "rg": "®", "tm": "™", "ha": "^", "ti": "~", "mu": "×", "->": "→",
    "<-": "←", "hy": "-", "mi": "−", "rs": "\\", "ga": "`", "fm": "′", "de": "°",
}  # fmt: skip
_ESCAPE = re.compile(
    r"""\\(?:
      f(?:\[[^\]]{0,40}\]|\([^\n]{2}|.)        # fonts
    | s(?:[-+]?\d{1,2}|\[[^\]]{0,20}\]|[-+]?'[^']{0,20}')?  # sizes
    | \[(?P<long>[^\]]{1,40})\] | \((?P<two>..)
    | [mMFY](?:\[[^\]]{0,40}\]|\(..|.) | [hvwlLobDAXZ]'[^']{0,200}'
    | \*(?:\[(?P<string>[^\]]{1,40})\]|\(..|.) | n[-+]?(?:\[[^\]]{0,40}\]|\(..|.)
    | (?P<comment>["\#].*) | (?P<sign>.) | $)""",
    re.VERBOSE,
)
_BEGIN = re.compile(r"^\.[ \t]?(?:TH|Dd|Dt|SH|Sh) ", re.MULTILINE)
_ARGUMENT = re.compile(r'"((?:[^"]|"")*+)"?|(\S+)')
_HEADING_LEVELS = {"SH": 1, "Sh": 1, "SS": 2, "Ss": 2}
_OPEN_DISPLAY = frozenset({"nf", "EX", "Bd"})
_CLOSE_DISPLAY = frozenset({"fi", "EE", "Ed"})
_ALTERNATE_FONTS = frozenset({"BR", "BI", "IB", "IR", "RB", "RI"})  # no space between arguments
# Requests and macros without text of their own: their line becomes empty.
_SILENT = _names(
    "PP LP P Pp TP TQ IX HP RS RE br sp ad na nh hy ne in ti ta ie el if ig de am so ds nr rm "
    "rn ft ps ll tr cc UE ME YS Bl El Ek Bk Os Dd Dt TH PD DT UR MT als do ce ns rs mso ev it "
    "lf PS PE TS TE EQ EN"
).union(_OPEN_DISPLAY, _CLOSE_DISPLAY)
# mdoc's "callable" macros: they may follow another macro on its line.
_CALLABLE = _names(
    "Ad An Ar Cd Cm Dv Em Er Ev Fa Fl Fn Ft Ic Li Ms Nd Nm No Ns Op Oo Oc Pa Pf Pq Po Pc Ql "
    "Qq Sq Dq Do Dc Sx Sy Tn Va Vt Xr Aq Ao Ac Bq Bo Bc Brq Fx Nx Ox Bx Ux At Lk Mt Ta Xo Xc "
    "Ap"
)
_MDOC_LINES = frozenset({"It", "D1", "Dl"})  # mdoc macros for an item and for a line of display
_MDOC_BRACKETS = {"Op": "[]", "Pq": "()", "Dq": "“”", "Qq": '""', "Aq": "<>"}
_MDOC_PUNCTUATION = frozenset({".", ",", ";", ":", ")"})


def read_man(data: bytes, name: str) -> Document:
    """Read the roff source of a manual page with its sections, displays and title."""
    text, encoding, warnings, encoding_by = decode(data)
    page = _Page()
    begin = _BEGIN.search(text)
    preamble = text.count("\n", 0, begin.start()) if begin else 0  # lines that define macros
    for number, line in enumerate(text.split("\n")):
        page.add(line if number >= preamble else "")
    return Document(
        "\n".join(page.lines),
        MAN,
        title=page.title,
        headings=tuple(page.headings),
        fences=tuple(page.fences),
        lines=True,
        encoding=encoding,
        encoding_by=encoding_by,
        metadata={"section": page.section} if page.section else {},
        warnings=warnings,
    )


@dataclass(slots=True)
class _Page:
    """The text of a page so far: one line for each line of the source."""

    lines: list[str] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    fences: list[tuple[int, int]] = field(default_factory=list)
    title: str | None = None
    section: str = ""  # of the manual: "1", "3pm"
    name: str = ""  # what mdoc's Nm without arguments stands for
    offset: int = 0  # of the next line, in characters
    fence_start: int | None = None  # offset where the open display starts
    in_definition: bool = False  # of a macro, which ends with ".."
    heading_level: int = 0  # of a heading whose text is still to come; 0: none is open

    def add(self, line: str) -> None:
        """Append the text of a line of the source."""
        text = "" if self._is_definition(line) else self._line_text(line)
        if self.heading_level and text:
            end = self.offset + len(text)
            self.headings.append(Heading(self.offset, end, self.heading_level, text))
            self.heading_level = 0
        self.lines.append(text)
        self.offset += len(text) + 1

    def _is_definition(self, line: str) -> bool:
        """Whether the line belongs to the definition of a macro."""
        if self.in_definition:
            self.in_definition = not line.startswith("..")
            return True
        self.in_definition = line.startswith((".de", ".ig", ".am "))
        return self.in_definition

    def _line_text(self, line: str) -> str:
        if not line.startswith((".", "'")):
            text = _replace_escapes(line)
            return text if self.fence_start is not None else text.strip()
        macro, _, arguments = line[1:].strip().partition(" ")
        if macro in _HEADING_LEVELS:
            self._close_fence()
            self.heading_level = _HEADING_LEVELS[macro]
            return " ".join(_split_arguments(arguments))
        if macro in {"TH", "Dt"}:
            names = _split_arguments(arguments)
            self.title = self.title or (names[0].lower() if names else None)
            self.section = names[1] if len(names) > 1 else ""
        elif macro in _OPEN_DISPLAY and self.fence_start is None:
            self.fence_start = self.offset + 1
        elif macro in _CLOSE_DISPLAY:
            self._close_fence()
        elif macro == "Nm":
            arguments = self._name_arguments(arguments)
        return _macro_text(macro, arguments)

    def _name_arguments(self, arguments: str) -> str:
        """Return the arguments of an Nm macro; it stands for the page's name if it has none."""
        words = _split_arguments(arguments)
        if words and words[0] not in _CALLABLE and words[0][0].isalnum():
            self.name = self.name or words[0]
            return arguments
        return f"{self.name} {arguments}"

    def _close_fence(self) -> None:
        if self.fence_start is not None and self.fence_start < self.offset - 1:
            self.fences.append((self.fence_start, self.offset - 1))
        self.fence_start = None


def _macro_text(macro: str, arguments: str) -> str:
    """Return the text of a line with a macro; "" for macros that only affect the layout."""
    if macro in _SILENT or macro.startswith(("\\", '"')):
        return ""
    words = _split_arguments(arguments)
    if macro == "IP":
        return words[0] if words else ""
    if macro in _ALTERNATE_FONTS:
        return "".join(words)
    if macro in _CALLABLE or macro in _MDOC_LINES:
        return _mdoc_text([macro, *words])
    return " ".join(words)


def _mdoc_text(words: list[str]) -> str:
    """Return the text of a line of mdoc; macros are removed or replaced by their punctuation."""
    pieces: list[str] = []
    closing = ""  # brackets to close at the end of the line
    no_space = False  # the next word follows without a space
    for word in words:
        if word == "Fl":
            pieces[len(pieces) - no_space :] = [f"{pieces[-1]}-" if no_space else "-"]
            no_space = True
        elif word in _MDOC_BRACKETS:
            brackets = _MDOC_BRACKETS[word]
            pieces.append(brackets[0])
            closing = brackets[1] + closing
            no_space = True
        elif word == "Ns":
            no_space = True
        elif word not in _CALLABLE and word not in _MDOC_LINES:
            if pieces and (no_space or word in _MDOC_PUNCTUATION):
                pieces[-1] += word
            else:
                pieces.append(word)
            no_space = False
    return (" ".join(pieces) + closing).strip()


def _split_arguments(arguments: str) -> list[str]:
    """Return the arguments of a macro without escapes; quotes hold words together."""
    words = []
    for quoted, bare in _ARGUMENT.findall(arguments):
        if bare.startswith('\\"'):  # a comment
            break
        words.append(_replace_escapes(quoted.replace('""', '"') or bare))
    return [word for word in words if word]


def _replace_escapes(line: str) -> str:
    """Return a line with roff's escape sequences replaced by their characters, or removed."""
    return _ESCAPE.sub(_escape_text, line) if "\\" in line else line


def _escape_text(match: re.Match[str]) -> str:
    name = match["long"] or match["two"] or match["string"]
    if name is not None:
        return _SPECIAL_CHARACTERS.get(name, "")
    sign = match["sign"]
    if sign is None or sign in "&|^%/,:!)c{}pz":
        return ""
    return {"e": "\\", "~": " ", "0": " ", " ": " ", "-": "-", "t": "\t"}.get(sign, sign)
