"""LaTeX → Document: sections, verbatim blocks, title and author; a line of text a line of source.

The preamble, comments and commands that only lay out are left empty, so that line numbers hold;
formulas stay as they are. Expands no macro and includes no file.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ragkit.documents.decoding import decode
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Document, Heading

_LEVELS = {"part": 1, "chapter": 2, "section": 3, "subsection": 4, "subsubsection": 5,
           "paragraph": 6, "subparagraph": 7}  # fmt: skip
_SECTION = re.compile(
    r"[ \t]{0,99}\\(part|chapter|(?:sub){0,2}section|(?:sub)?paragraph)\*?"
    r"(?:\[[^\[\]]{0,300}\])?\{"
)
_LITERAL = re.compile(r"\\begin\{((?:[Vv]erbatim|lstlisting|minted|alltt|comment)\*?)\}")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
_SHOWN = re.compile(
    r"\\(?:emph|text(?:bf|it|tt|sc|sf|rm|sl|up|md|normal)?|underline|mbox|url|footnote|caption"
    r"|title|author|date|enquote)\*?\{([^{}]*)\}"
)
_LINK = re.compile(r"\\href\{[^{}]{0,500}\}\{([^{}]*)\}")
_HIDDEN = re.compile(
    r"\\(?:label|index|vspace|hspace|includegraphics|bibliographystyle|bibliography|input|include"
    r"|pagestyle|thispagestyle|setcounter)\*?(?:\[[^\[\]]{0,200}\])?\{[^{}]{0,300}\}"
    r"|\\(?:begin|end)\{[A-Za-z*]{1,40}\}(?:\[[^\[\]]{0,200}\])?"
    r"|\\(?:maketitle|tableofcontents|clearpage|newpage|centering|noindent|small|large|Large"
    r"|bigskip|medskip|smallskip|par)(?![A-Za-z])"
)
_ITEM = re.compile(r"\\item(?![A-Za-z])[ \t]{0,9}(?:\[([^\[\]]{0,200})\])?")
_SIGNS = ((r"\%", "%"), (r"\&", "&"), (r"\_", "_"), (r"\#", "#"), (r"\$", "$"), ("~", " "),
          ("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), (r"\ldots", "…"))  # fmt: skip
_BEGIN = "\\begin{document}"
_BRACES = str.maketrans("", "", "{}")
_LONGEST = 2000  # characters that a title or a heading may take up
_LONGEST_LINE = 100_000  # characters; a longer line is left as it is


def read_latex(data: bytes, name: str) -> Document:
    """A LaTeX file with its sections. Never fails."""
    text, encoding, warnings, told_by = decode(data)
    lines = Lines()
    literal = ""
    found = text.find(_BEGIN)
    at = 0 if found < 0 else found + len(_BEGIN)
    for _ in range(text.count("\n", 0, at)):  # the preamble
        lines.add("")
    for line in text[at:].split("\n"):
        if literal:
            if f"\\end{{{literal}}}" in line:
                lines.close("" if literal == "comment" else line)
                literal = ""
            else:
                lines.add("" if literal == "comment" else line)
        elif (opened := _LITERAL.search(line)) is not None:
            literal = opened[1]
            lines.add("") if literal == "comment" else lines.open(line)
        elif (section := _SECTION.match(line)) is not None:
            words = _plain(_braced(text, at + section.end())).translate(_BRACES)
            lines.head(words + _plain(_behind(line, section.end())), _LEVELS[section[1]], words)
        else:
            lines.add(_plain(line))
        at += len(line) + 1
    return Document(
        lines.text(),
        "text/x-tex",
        title=_command(text, "title"),
        headings=_ranked(lines.headings),
        fences=tuple(lines.fences),
        lines=True,
        encoding=encoding,
        encoding_by=told_by,
        metadata={"author": author} if (author := _command(text, "author")) else {},
        warnings=warnings,
    )


def _ranked(headings: list[Heading]) -> tuple[Heading, ...]:
    """The headings with levels from 1, as a paper has no chapters."""
    levels = sorted({heading.level for heading in headings})
    return tuple(replace(each, level=levels.index(each.level) + 1) for each in headings)


def _braced(text: str, at: int) -> str:
    """What stands from `at` to the brace that closes there."""
    depth, end = 1, at
    for end in range(at, min(len(text), at + _LONGEST)):
        if text[end] in "{}" and text[end - 1] != "\\":
            depth += 1 if text[end] == "{" else -1
            if not depth:
                return text[at:end]
    return text[at:end].partition("\n")[0]


def _behind(line: str, at: int) -> str:
    """What stands on a section's line after its closing brace."""
    inner = _braced(line, at)
    rest = line[at + len(inner) + 1 :]
    return f" {rest}" if rest.strip() else ""


def _command(text: str, name: str) -> str | None:
    """The argument of the first `\\name{…}` that is not commented out."""
    for found in re.finditer(rf"^[^%\n]{{0,200}}\\{name}(?:\[[^\[\]]{{0,200}}\])?\{{", text, re.M):
        words = _braced(text, found.end()).replace(r"\and", ", ").replace("\\\\", " ")
        return " ".join(_plain(words.replace("\n", " ")).split()) or None
    return None


def _plain(line: str) -> str:
    """A line without its comment and without commands that only lay out."""
    if len(line) > _LONGEST_LINE or not any(sign in line for sign in "\\%~`'-"):
        return line
    line = _COMMENT.sub(r"\1", line)
    line = _LINK.sub(r"\1", _HIDDEN.sub("", line))
    for _ in range(3):  # commands in commands
        if "\\" not in line:
            break
        line = _SHOWN.sub(r"\1", line)
    line = _ITEM.sub(lambda match: f"- {match[1] or ''}".rstrip() + " ", line)
    for sign, shown in _SIGNS:
        line = line.replace(sign, shown)
    return line.rstrip()
