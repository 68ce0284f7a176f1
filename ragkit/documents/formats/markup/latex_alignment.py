r"""Formulas of several lines or cells in a LaTeX source, without the signs that only align them.

`a &= b \\` of an `align` is `a = b`; a row of a matrix or of `cases` is `1, x > 0; 0, x < 0` in
parentheses. Line breaks stay. Tables are left as they are.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\\begin\{(?:(?P<lines>(?:equation|align|flalign|gather|multline|eqnarray|alignat)\*?)"
    r"|(?P<inner>aligned|split|gathered|alignedat)"
    r"|(?P<cells>[dr]?cases\*?|[pbBvV]?matrix\*?|smallmatrix|array))\}"
    r"|\\end\{(?P<end>[A-Za-z]{1,20}\*?)\}"
    r"|\\[^\\]"
    r"|\\\\\*?(?:\[[^\[\]\n]{0,20}\])?(?P<row>[ \t]{0,9}\n?)(?P<last>(?=[ \t\n]{0,99}\\end\{))?"
    r"|(?P<mark>(?:&[ \t]{0,9}){1,9})"
    r"|(?P<paragraph>\n[ \t]{0,99}\n)"
)
# What may follow \begin{…}: where the formula stands, or how its columns are aligned.
_POSITION = re.compile(r"\[[a-z]{0,3}\]")
_COLUMNS = re.compile(r"(?:\[[a-z]\])?\{(?:[^{}\n]|\{[^{}\n]{0,40}\}){0,40}\}")
_WITH_COLUMNS = frozenset({"array", "alignedat"})
_HAS_DELIMITER = re.compile(r"\\left(?:\\[A-Za-z]{1,12}|\\?[^\sA-Za-z\\])\s{0,9}\Z")
_MAX_DELIMITER = 30  # characters
_BARE = frozenset({"array", "matrix", "matrix*", "smallmatrix"})  # without signs around them

# What is written for the beginning and the end of an environment, by its kind; None: it stays.
# "delimited": cells between signs of their own, as in \left( … \right).
_OPENING = {"lines": None, "inner": "", "cells": "(", "delimited": ""}
_CLOSING = {"lines": None, "inner": "", "cells": ")", "delimited": ""}
_IN_CELLS = frozenset({"cells", "delimited"})


def without_alignment(text: str) -> str:
    """Return a source whose formulas have no alignment; other text as it is."""
    if "\\begin{" not in text:
        return text
    pieces: list[str] = []
    kinds: list[tuple[str, str]] = []  # of the open environments: name, kind
    at = 0
    for token in _TOKEN.finditer(text):
        written = _written(token, kinds)
        if written is not None:
            before = text[at : token.start()]
            has_blanks = token["mark"] is None and token["row"] is None
            pieces += (before if has_blanks else before.rstrip(" \t"), written)
            at = _end(token)
    return "".join([*pieces, text[at:]])


def _written(token: re.Match[str], kinds: list[tuple[str, str]]) -> str | None:
    """Return what is written for a token; None if it stays. Keeps the open environments."""
    kind = token.lastgroup or ""
    if kind in _OPENING:
        name = token[kind]
        start = token.start()
        if name in _BARE and _HAS_DELIMITER.search(token.string, start - _MAX_DELIMITER, start):
            kind = "delimited"
        kinds.append((name, kind))
        return _OPENING[kind]
    if token["paragraph"]:  # no formula has an empty line: its end is missing
        kinds.clear()
    elif token["end"] and kinds and kinds[-1][0] == token["end"]:
        return _CLOSING[kinds.pop()[1]]
    elif kinds and (token["mark"] or token["row"] is not None):
        return _separator(token, in_cells=kinds[-1][1] in _IN_CELLS)
    return None


def _end(token: re.Match[str]) -> int:
    """Return where a token ends: the beginning of an environment with its arguments."""
    name = token["inner"] or token["cells"]
    if name is None:
        return token.end()
    if name in _WITH_COLUMNS:
        found = _COLUMNS.match(token.string, token.end())
    elif name.endswith("x*") or token["inner"]:
        found = _POSITION.match(token.string, token.end())
    else:
        found = None
    return token.end() if found is None else found.end()


def _separator(token: re.Match[str], *, in_cells: bool) -> str:
    """Return what stands between two cells, two sides of a relation, or two rows."""
    if token["mark"]:
        return ", " if in_cells else " "
    line_end = "\n" if token["row"].endswith("\n") else ""
    if token["last"] is not None or (line_end and not in_cells):
        return line_end
    return f";{line_end or ' '}"
