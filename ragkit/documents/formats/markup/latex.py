"""LaTeX → Document: sections, verbatim blocks, title and author as structure.

Each line of the source gives one line of text, so that line numbers stay valid (a title of several
lines shifts them): the preamble, comments and commands that only affect the layout become empty.
Formulas stay as they are written. Expands no macro and includes no file.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.latex_macros import prepare
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Document, Heading

_LEVELS = {"part": 1, "chapter": 2, "section": 3, "subsection": 4, "subsubsection": 5,
           "paragraph": 6, "subparagraph": 7}  # fmt: skip
_SECTION = re.compile(
    r"[ \t]{0,99}\\(part|chapter|(?:sub){0,2}section|(?:sub)?paragraph)\*?"
    r"(?:\[[^\[\]]{0,300}\])?\{"
)
_VERBATIM = re.compile(r"\\begin\{((?:[Vv]erbatim|lstlisting|minted|alltt|comment)\*?)\}")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
# Commands that are replaced by their argument, and commands that are removed.
_UNWRAPPED = re.compile(
    r"\\(?:emph|text(?:bf|it|tt|sc|sf|rm|sl|up|md|normal)?|underline|mbox|url|caption"
    r"|title|author|date|enquote)\*?\{([^{}]*)\}"
)
_FOOTNOTE = re.compile(r"[ ]?\\footnote(?:\[[^\[\]]{0,20}\])?\{([^{}]*)\}")
_CELLS = re.compile(r"[ \t]{0,9}(?<!\\)&[ \t]{0,9}")
_ROW_END = re.compile(r"[ \t]{0,9}\\\\(?:\[[^\[\]]{0,20}\])?[ \t]*")
_MULTICOLUMN = re.compile(r"\\multi(?:column|row)\{[^{}]{0,20}\}\{[^{}]{0,40}\}\{([^{}]*)\}")
_LINK = re.compile(r"\\href\{[^{}]{0,500}\}\{([^{}]*)\}")
_REMOVED = re.compile(
    r"\\(?:label|index|vspace|hspace|includegraphics|bibliographystyle|bibliography|input|include"
    r"|pagestyle|thispagestyle|setcounter)\*?(?:\[[^\[\]]{0,200}\])?\{[^{}]{0,300}\}"
    r"|\\(?:begin|end)\{[A-Za-z*]{1,40}\}(?:\[[^\[\]]{0,200}\])?"
    r"|\\(?:hline|toprule|midrule|bottomrule|maketitle|tableofcontents|clearpage|newpage|centering|noindent|small|large|Large"
    r"|bigskip|medskip|smallskip|par)(?![A-Za-z])"
)
_ITEM = re.compile(r"\\item(?![A-Za-z])[ \t]{0,9}(?:\[([^\[\]]{0,200})\])?")
_CHARACTERS = ((r"\%", "%"), (r"\&", "&"), (r"\_", "_"), (r"\#", "#"), (r"\$", "$"), ("~", " "),
               ("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), (r"\ldots", "…"))  # fmt: skip
_BEGIN_DOCUMENT = "\\begin{document}"
_BRACES = str.maketrans("", "", "{}")
_MAX_ARGUMENT_CHARS = 2000  # of a title or a heading
_MAX_LINE_CHARS = 100_000  # a longer line is not edited
_MAX_NESTED_COMMANDS = 3


def read_latex(data: bytes, name: str) -> Document:
    """Read a LaTeX file, or a part of one without a preamble, with its sections.

    Never raises: the text of any file can be read.
    """
    text, encoding, warnings, encoding_by = decode(data)
    text = prepare(text)
    lines = _parse_lines(text)
    author = _command_argument(text, "author")
    return Document(
        lines.text(),
        "text/x-tex",
        title=_command_argument(text, "title"),
        headings=_renumber_levels(lines.headings),
        fences=tuple(lines.fences),
        lines=True,
        encoding=encoding,
        encoding_by=encoding_by,
        metadata={"author": author} if author else {},
        warnings=warnings,
    )


def _parse_lines(text: str) -> Lines:
    """Return the lines of text with their sections and verbatim blocks."""
    lines = Lines()
    begin = text.find(_BEGIN_DOCUMENT)
    offset = 0 if begin < 0 else begin + len(_BEGIN_DOCUMENT)  # of the current line
    for _ in range(text.count("\n", 0, offset)):  # the preamble
        lines.add("")
    verbatim = ""  # the name of the open verbatim environment
    for line in text[offset:].split("\n"):
        if verbatim:
            output_line = "" if verbatim == "comment" else line
            if f"\\end{{{verbatim}}}" in line:
                lines.close_fence(output_line)
                verbatim = ""
            else:
                lines.add(output_line)
        elif (opening := _VERBATIM.search(line)) is not None:
            verbatim = opening[1]
            lines.add("") if verbatim == "comment" else lines.open_fence(line)
        elif (section := _SECTION.match(line)) is not None:
            title = _strip_commands(_read_argument(text, offset + section.end())).translate(_BRACES)
            remainder = _strip_commands(_text_after_argument(line, section.end()))
            lines.add_heading(title + remainder, _LEVELS[section[1]], title)
        else:
            lines.add(_strip_commands(line))
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


def _command_argument(text: str, name: str) -> str | None:
    """Return the argument of the first `\\name{…}` outside of comments, on one line; or None."""
    for match in re.finditer(rf"^[^%\n]{{0,200}}\\{name}(?:\[[^\[\]]{{0,200}}\])?\{{", text, re.M):
        argument = _read_argument(text, match.end()).replace(r"\and", ", ").replace("\\\\", " ")
        return " ".join(_strip_commands(argument.replace("\n", " ")).split()) or None
    return None


def _strip_commands(line: str) -> str:
    """Return a line without its comment and without commands that only affect the layout."""
    if len(line) > _MAX_LINE_CHARS or not any(sign in line for sign in "\\%~`'-"):
        return line
    line = _COMMENT.sub(r"\1", line)
    line = _LINK.sub(r"\1", _REMOVED.sub("", line))
    for _ in range(_MAX_NESTED_COMMANDS):
        if "\\" not in line:
            break
        line = _MULTICOLUMN.sub(r"\1", _UNWRAPPED.sub(r"\1", line))
        line = _FOOTNOTE.sub(r" [\1]", line)
    if "&" in line:
        line = _CELLS.sub(" | ", line)
    if "\\\\" in line:
        line = _ROW_END.sub(" ", line)
    line = _ITEM.sub(lambda match: f"- {match[1] or ''}".rstrip() + " ", line)
    for source, character in _CHARACTERS:
        line = line.replace(source, character)
    return line.rstrip()
