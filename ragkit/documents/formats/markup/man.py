"""Manual pages (roff with the man or mdoc macros) → Document: a line of text a line of source.

Requests become the words they hold, or an empty line; so line numbers stay those of the file.
Sections are headings, displays fences. Expands no macro and includes no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ragkit.documents.decoding import decode
from ragkit.records.documents import Document, Heading

MAN = "text/troff"


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SIGNS = {"en": "–", "em": "—", "bu": "•", "aq": "'", "dq": '"', "lq": "“", "rq": "”", "oq": "‘",
          "cq": "’", "co": "©", "rg": "®", "tm": "™", "ha": "^", "ti": "~", "mu": "×", "->": "→",
          "<-": "←", "hy": "-", "mi": "−", "rs": "\\", "ga": "`", "fm": "′", "de": "°"}  # fmt: skip
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
_WORD = re.compile(r'"((?:[^"]|"")*+)"?|(\S+)')
_HEADINGS = {"SH": 1, "Sh": 1, "SS": 2, "Ss": 2}
_OPEN = frozenset({"nf", "EX", "Bd"})
_CLOSE = frozenset({"fi", "EE", "Ed"})
_SPACED = frozenset({"BR", "BI", "IB", "IR", "RB", "RI"})  # alternate fonts: no space between
# Requests and macros that say nothing: their line is left empty.
_SILENT = _names(
    "PP LP P Pp TP TQ IX HP RS RE br sp ad na nh hy ne in ti ta ie el if ig de am so ds nr rm "
    "rn ft ps ll tr cc UE ME YS Bl El Ek Bk Os Dd Dt TH PD DT UR MT als do ce ns rs mso ev it "
    "lf PS PE TS TE EQ EN"
)
# Macros of mdoc that may stand among the words of another.
_CALLED = _names(
    "Ad An Ar Cd Cm Dv Em Er Ev Fa Fl Fn Ft Ic Li Ms Nd Nm No Ns Op Oo Oc Pa Pf Pq Po Pc Ql "
    "Qq Sq Dq Do Dc Sx Sy Tn Va Vt Xr Aq Ao Ac Bq Bo Bc Brq Fx Nx Ox Bx Ux At Lk Mt Ta Xo Xc "
    "Ap"
)


def read_man(data: bytes, name: str) -> Document:
    """A manual page with its sections. Never fails."""
    text, encoding, warnings, told_by = decode(data)
    page = _Page()
    begin = _BEGIN.search(text)
    preamble = text.count("\n", 0, begin.start()) if begin else 0  # definitions of macros
    for number, line in enumerate(text.split("\n")):
        page.take(line if number >= preamble else "")
    return Document(
        "\n".join(page.lines),
        MAN,
        title=page.title,
        headings=tuple(page.headings),
        fences=tuple(page.fences),
        lines=True,
        encoding=encoding,
        encoding_by=told_by,
        metadata={"section": page.section} if page.section else {},
        warnings=warnings,
    )


@dataclass(slots=True)
class _Page:
    """The page so far; a line for each line taken."""

    lines: list[str] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    fences: list[tuple[int, int]] = field(default_factory=list)
    title: str | None = None
    section: str = ""
    name: str = ""  # what mdoc's Nm stands for where it has no words
    at: int = 0  # offset of the next line
    fence: int | None = None  # where the open one starts
    ignoring: bool = False  # a definition, up to ".."
    heading: int = 0  # level of one whose words are on the next line

    def take(self, line: str) -> None:
        """Append what a line of the source says."""
        words = "" if self._ignored(line) else self._words(line)
        if self.heading and words:
            self.headings.append(Heading(self.at, self.at + len(words), self.heading, words))
            self.heading = 0
        self.lines.append(words)
        self.at += len(words) + 1

    def _ignored(self, line: str) -> bool:
        if self.ignoring:
            self.ignoring = not line.startswith("..")
            return True
        self.ignoring = line.startswith((".de", ".ig", ".am "))
        return self.ignoring

    def _words(self, line: str) -> str:
        if not line.startswith((".", "'")):
            return _plain(line) if self.fence is not None else _plain(line).strip()
        macro, _, rest = line[1:].strip().partition(" ")
        if macro in _HEADINGS:
            self._close()
            self.heading = _HEADINGS[macro]
            return " ".join(_arguments(rest))
        if macro in {"TH", "Dt"}:
            names = _arguments(rest)
            self.title = self.title or (names[0].lower() if names else None)
            self.section = names[1] if len(names) > 1 else ""
        elif macro in _OPEN and self.fence is None:
            self.fence = self.at + 1
        elif macro in _CLOSE:
            self._close()
        elif macro == "Nm":
            rest = self._named(rest)
        return _requested(macro, rest)

    def _named(self, rest: str) -> str:
        """The words of an Nm: the page's name where they name none."""
        words = _arguments(rest)
        if words and words[0] not in _CALLED and words[0][0].isalnum():
            self.name = self.name or words[0]
            return rest
        return f"{self.name} {rest}"

    def _close(self) -> None:
        if self.fence is not None and self.fence < self.at - 1:
            self.fences.append((self.fence, self.at - 1))
        self.fence = None


def _requested(macro: str, rest: str) -> str:
    """The words of a request: none for those that only lay out."""
    if macro in _SILENT or macro in _OPEN or macro in _CLOSE or macro.startswith(("\\", '"')):
        return ""
    words = _arguments(rest)
    if macro == "IP":
        return words[0] if words else ""
    if macro in _SPACED:
        return "".join(words)
    if macro in _CALLED or macro in {"It", "D1", "Dl"}:
        return _mdoc([macro, *words])
    return " ".join(words)


def _mdoc(words: list[str]) -> str:
    """A line of mdoc, its macros taken out or written as the signs they stand for."""
    shown: list[str] = []
    joined = closing = ""
    for word in words:
        if word == "Fl":
            shown[len(shown) - bool(joined) :] = [f"{shown[-1]}-" if joined else "-"]
            joined = "yes"
        elif word in {"Op", "Pq", "Dq", "Qq", "Aq"}:
            opened = {"Op": "[]", "Pq": "()", "Dq": "“”", "Qq": '""', "Aq": "<>"}[word]
            shown.append(opened[0])
            joined, closing = "yes", opened[1] + closing
        elif word == "Ns":
            joined = "yes"
        elif word not in _CALLED and word not in {"It", "D1", "Dl"}:
            if shown and (joined or word in {".", ",", ";", ":", ")"}):
                shown[-1] += word
            else:
                shown.append(word)
            joined = ""
    return (" ".join(shown) + closing).strip()


def _arguments(rest: str) -> list[str]:
    """The words of a request; quotes hold some together."""
    found = []
    for quoted, bare in _WORD.findall(rest):
        if bare.startswith('\\"'):
            break
        found.append(_plain(quoted.replace('""', '"') or bare))
    return [each for each in found if each]


def _plain(line: str) -> str:
    """A line without roff's escapes."""
    return _ESCAPE.sub(_escaped, line) if "\\" in line else line


def _escaped(match: re.Match[str]) -> str:
    name = match["long"] or match["two"]
    if name is not None:
        return _SIGNS.get(name, "")
    if (string := match["string"]) is not None:
        return _SIGNS.get(string, "")
    sign = match["sign"]
    if sign is None or sign in "&|^%/,:!)c{}pz":
        return ""
    return {"e": "\\", "~": " ", "0": " ", " ": " ", "-": "-", "t": "\t"}.get(sign, sign)
