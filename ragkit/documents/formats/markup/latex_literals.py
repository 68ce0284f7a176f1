r"""What is read as it stands in a LaTeX source: code, addresses, formulas. Comments end here.

While commands are read, a character of a private plane of Unicode stands for each of them, so that
a `%` in an address is no comment and a command in a listing stays. Line breaks stay. Knows no
sections and no macros.
"""

from __future__ import annotations

import re

VERBATIM = r"(?:[Vv]erbatim|lstlisting|minted|alltt)\*?"  # environments
_FIRST, _LAST = 0xF0000, 0x10FFFD
_PRIVATE = re.compile("[\U000f0000-\U0010fffd]")
_TOKEN = re.compile(
    rf"\\begin\{{(?P<block>{VERBATIM}|comment\*?)\}}"
    r"|\\(?P<code>verb\*?|lstinline|mintinline)(?![A-Za-z])"
    r"|\\(?P<address>url|nolinkurl|path|href)(?=\{)"
    r"|\\[\\%$]|(?P<comment>%)|(?P<private>[\U000f0000-\U0010fffd])"
)
_FORMULA = re.compile(r"\\[\\$]|(?P<sign>\$\$?)|\\(?P<open>[(\[])")
_CLOSING = {"(": "\\)", "[": "\\]"}
_ESCAPED = re.compile(r"\\([%#&_{}~$])")
_BRACE = re.compile(r"\\.|[{}]")
_MAX_BRACES = 1_000_000
_MAX_CODE = 2000  # characters of code or of an address in a line
_MAX_FORMULA = 5000


class Literals:
    """The parts of one source that are read as they stand."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._braces = 0  # that were looked at

    def mask(self, text: str) -> str:
        """Return a source without comments, with characters in place of code and addresses."""
        pieces: list[str] = []
        at = 0
        while (token := _TOKEN.search(text, at)) is not None:
            pieces.append(text[at : token.start()])
            if token["comment"]:
                at = _line_end(text, token.start())
            elif token["private"]:
                pieces.append(self._add(token[0]))
                at = token.end()
            elif token["block"]:
                end = f"\\end{{{token['block']}}}"
                at = text.find(end, token.end())
                at = len(text) if at < 0 else at
                if token["block"].startswith("comment"):
                    pieces.append("\n" * text.count("\n", token.end(), at))
                    at = min(at + len(end), len(text))
                else:
                    pieces += (token[0], self._add_lines(text[token.end() : at]))
            elif token["code"] or token["address"]:
                replacement, at = self._inline(text, token)
                pieces.append(replacement)
            else:
                pieces.append(token[0])
                at = token.end()
        return "".join([*pieces, text[at:]])

    def mask_formulas(self, text: str) -> str:
        """Return a text with characters in place of its formulas and their signs."""
        pieces: list[str] = []
        at = paragraph_end = 0
        absent: dict[str, int] = {}  # signs → where they are known not to be before
        while (token := _FORMULA.search(text, at)) is not None:
            pieces.append(text[at : token.start()])
            at = token.end()
            if paragraph_end < at:
                paragraph_end = text.find("\n\n", at)
                paragraph_end = len(text) if paragraph_end < 0 else paragraph_end
            closing = token["sign"] or _CLOSING.get(token["open"] or "")
            end = None
            limit = min(paragraph_end, at + _MAX_FORMULA)
            if closing and absent.get(closing, 0) < limit:
                end = _closing_sign(text, at, max(at, absent.get(closing, 0) - 1), limit, closing)
                if end is None and not text.startswith(closing, at):
                    absent[closing] = limit
            if end is None:
                pieces.append(token[0])
            else:
                pieces.append(self._add_lines(self.restore(text[token.start() : end])))
                at = end
        return "".join([*pieces, text[at:]])

    def restore(self, text: str) -> str:
        """Return a text with its code, addresses and formulas."""
        if not self._parts or text.isascii():
            return text
        return _PRIVATE.sub(lambda match: self._parts[ord(match[0]) - _FIRST], text)

    def _inline(self, text: str, token: re.Match[str]) -> tuple[str, int]:
        """Return what stands for code or an address, and where it ends in the source."""
        at = token.end()
        if text.startswith("[", at) and token["code"]:
            at = text.find("]", at, at + 200) + 1 or at
        if token["code"] == "mintinline" and text.startswith("{", at):
            at = text.find("}", at, at + 50) + 1 or at
        if text.startswith("{", at):
            end = self._closing_brace(text, at + 1)
        elif token["code"] and text[at : at + 1].strip():
            end = text.find(text[at], at + 1, _code_end(text, at))
        else:
            end = -1
        if end < 0:
            return token[0], token.end()
        if token["address"] == "href":
            return "\\href{}", end + 1
        inner = text[at + 1 : end]
        return self._add(_ESCAPED.sub(r"\1", inner) if token["address"] else inner), end + 1

    def _closing_brace(self, text: str, start: int) -> int:
        """Return where the brace closes that opens before `start`, in its line; -1 if it does not,
        or if very many before it did not."""
        depth = 1
        for brace in _BRACE.finditer(text, start, _code_end(text, start)):
            depth += {"{": 1, "}": -1}.get(brace[0], 0)
            if not depth:
                return brace.start()
            self._braces += 1
            if self._braces > _MAX_BRACES:
                break
        return -1

    def _add_lines(self, text: str) -> str:
        return "\n".join(self._add(line) if line else "" for line in text.split("\n"))

    def _add(self, part: str) -> str:
        if _FIRST + len(self._parts) >= _LAST:  # more than any document has: it is read as text
            return _PRIVATE.sub("\ufffd", part)
        self._parts.append(part)
        return chr(_FIRST + len(self._parts) - 1)


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _code_end(text: str, start: int) -> int:
    """Return where code or an address that begins at `start` has to end: in its line."""
    limit = min(len(text), start + _MAX_CODE)
    end = text.find("\n", start, limit)
    return limit if end < 0 else end


def _closing_sign(text: str, start: int, search: int, limit: int, sign: str) -> int | None:
    """Return the end of the sign that closes the formula at `start`, looked for from `search` on;
    None if there is none before `limit`, or nothing in the formula."""
    at = text.find(sign, search, limit)
    while at > 0 and sign[0] == "$" and text[at - 1] == "\\":
        at = text.find(sign, at + 1, limit)
    return at + len(sign) if at > start else None
