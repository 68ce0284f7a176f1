"""LaTeX → Document: sections, verbatim blocks, title and author as structure.

Each line of the source gives one line of text, so that line numbers stay valid (a title of several
lines shifts them): the preamble, comments and commands that only affect the layout become empty.
Formulas stay as they are written. Includes no file: each file is a document of its own.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.latex_alignment import without_alignment
from ragkit.documents.formats.markup.latex_commands import strip_commands
from ragkit.documents.formats.markup.latex_literals import VERBATIM, Literals
from ragkit.documents.formats.markup.latex_macros import prepare
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Document, Heading

_LEVELS = {"part": 1, "chapter": 2, "section": 3, "subsection": 4, "subsubsection": 5,
           "paragraph": 6, "subparagraph": 7}  # fmt: skip
_SECTION = re.compile(
    r"[ \t]{0,99}\\(part|chapter|(?:sub){0,2}section|(?:sub)?paragraph)\*?"
    r"(?:\[[^\[\]]{0,300}\])?\{"
)
_VERBATIM = re.compile(rf"\\begin\{{({VERBATIM})\}}")
_BEGIN_DOCUMENT = "\\begin{document}"
_BRACES = str.maketrans("", "", "{}")
_NOTE = re.compile(r"[ ]?\\(?:thanks|footnote)(?:\[[^\[\]]{0,200}\])?\{")
_AND = re.compile(r"\s{0,9}\\and(?![A-Za-z])\s{0,9}")
_MAX_ARGUMENT_CHARS = 2000  # of a title or a heading


def read_latex(data: bytes, name: str) -> Document:
    """Read a LaTeX file, or a part of one without a preamble, with its sections.

    Never raises: the text of any file can be read.
    """
    text, encoding, warnings, encoding_by = decode(data)
    literals = Literals()
    text = literals.mask_formulas(without_alignment(prepare(literals.mask(text))))
    lines = _parse_lines(text, literals)
    author, title = (
        literals.restore(_command_argument(text, name)) or None for name in ("author", "title")
    )
    return Document(
        lines.text(),
        "text/x-tex",
        title=title,
        headings=_renumber_levels(lines.headings),
        fences=tuple(lines.fences),
        lines=True,
        encoding=encoding,
        encoding_by=encoding_by,
        metadata={"author": author} if author else {},
        warnings=warnings,
    )


def _parse_lines(text: str, literals: Literals) -> Lines:
    """Return the lines of text with their sections and verbatim blocks."""
    lines = Lines()
    begin = text.find(_BEGIN_DOCUMENT)
    start = 0 if begin < 0 else begin + len(_BEGIN_DOCUMENT)
    for _ in range(text.count("\n", 0, start)):  # the preamble
        lines.add("")
    body = strip_commands(text[start:])
    offset = 0  # of the current line
    verbatim = ""  # the name of the open verbatim environment
    for line in body.split("\n"):
        opening = None if verbatim else _VERBATIM.search(line)
        if verbatim:
            output_line = literals.restore(line)
            if f"\\end{{{verbatim}}}" in line:
                lines.close_fence(output_line)
                verbatim = ""
            else:
                lines.add(output_line)
        elif opening is not None and f"\\end{{{opening[1]}}}" not in line:
            verbatim = opening[1]
            lines.open_fence(literals.restore(line))
        elif (section := _SECTION.match(line)) is not None:
            title = _read_argument(body, offset + section.end()).translate(_BRACES)
            remainder = _text_after_argument(line, section.end())
            heading = literals.restore(title)
            lines.add_heading(
                heading + literals.restore(remainder).rstrip(), _LEVELS[section[1]], heading
            )
        else:
            lines.add(literals.restore(line))
        offset += len(line) + 1
    return lines


def _renumber_levels(headings: list[Heading]) -> tuple[Heading, ...]:
    """Return the headings with levels from 1 without gaps: a paper has no chapters."""
    levels = sorted({heading.level for heading in headings})
    return tuple(replace(heading, level=levels.index(heading.level) + 1) for heading in headings)


def _read_argument(text: str, start: int) -> str:
    """Return the text from `start`, right after an opening brace, to the brace that closes it.

    Returns the first line if no brace closes it within `_MAX_ARGUMENT_CHARS`.
    """
    depth, end = 1, start
    for end in range(start, min(len(text), start + _MAX_ARGUMENT_CHARS)):
        if text[end] in "{}" and text[end - 1] != "\\":
            depth += 1 if text[end] == "{" else -1
            if not depth:
                return text[start:end]
    return text[start:end].partition("\n")[0]


def _text_after_argument(line: str, start: int) -> str:
    """Return the rest of a line behind the argument that starts at `start`, with a space before."""
    argument = _read_argument(line, start)
    remainder = line[start + len(argument) + 1 :]
    return f" {remainder}" if remainder.strip() else ""


def _command_argument(text: str, name: str) -> str:
    """Return the argument of the first `\\name{…}`, on one line; "" if there is none."""
    match = re.search(rf"\\{name}(?:\[[^\[\]]{{0,200}}\])?\{{", text)
    if match is None:
        return ""
    argument = _without_notes(_read_argument(text, match.end()).replace("\n", " "))
    argument = _AND.sub(", ", argument).replace("\\\\", " ")
    return " ".join(strip_commands(argument).translate(_BRACES).split())


def _without_notes(argument: str) -> str:
    """Return a title or the names of authors without their notes: thanks, addresses."""
    pieces: list[str] = []
    at = 0
    for note in _NOTE.finditer(argument):
        if note.start() >= at:
            pieces.append(argument[at : note.start()])
            at = note.end() + len(_read_argument(argument, note.end())) + 1
    return "".join([*pieces, argument[at:]])
