"""What LaTeX does before a text is set: macros of the file, accents, units; what is never set.

Line breaks stay, so that line numbers stay valid. Macros are expanded to a bounded length and
depth; nothing else is evaluated. Knows no sections.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_END = "\\end{document}"
_FALSE = re.compile(r"\\iffalse(?![A-Za-z]).{0,100000}?\\fi(?![A-Za-z])", re.DOTALL)
_DEFINITION = re.compile(
    r"\\(?:re|provide)?newcommand\*?\s{0,9}\{?\\(?P<name>[A-Za-z]{1,40})\}?(?:\[(?P<count>[1-9])\])?"
    r"(?P<default>\[[^\[\]]{0,200}\])?\s{0,9}\{"
    r"|\\def\\(?P<plain>[A-Za-z]{1,40})\{"
)
_ACRONYM = re.compile(
    r"\\newacronym(?:\[[^\[\]]{0,200}\])?\{(?P<key>[^{}]{1,80})\}\{(?P<short>[^{}]{1,80})\}"
    r"\{(?P<long>[^{}]{1,200})\}"
    r"|\\newglossaryentry\{(?P<term>[^{}]{1,80})\}\s{0,9}\{[^{}]{0,200}?name\s{0,9}=\s{0,9}"
    r"(?:\{(?P<name>[^{}]{1,200})\}|(?P<bare>[^{},]{1,200}))"
)
_USED_TERM = re.compile(
    r"\\(?P<form>[Gg]ls(?:pl)?|GLS|ac[slf]?p?|acr(?:short|long|full)(?:pl)?)\*?\{([^{}\n]{1,80})\}"
)
_MAX_DEFINITIONS = 300
_MAX_BODY = 500  # characters of a macro
_MAX_DEPTH = 3
_MAX_EXPANDED = 2_000_000  # characters that all expansions may add
_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304",
    ".": "\u0307", "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328",
    "r": "\u030a", "d": "\u0323", "b": "\u0331",
}  # fmt: skip
_ACCENT = re.compile(
    r"\\(?:(?P<sign>['`^\"~=.])(?:\{(?P<a>\\?[A-Za-z]{1,2})\}|(?P<b>\\[ij](?![A-Za-z])|[A-Za-z]))"
    r"|(?P<letter>[uvHckrdb])\{(?P<c>\\?[A-Za-z]{1,2})\})"
)
_LETTERS = {
    "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł",
    "aa": "å", "AA": "Å", "i": "ı", "j": "ȷ",
}  # fmt: skip
_LETTER = re.compile(r"\\(ss|ae|AE|oe|OE|o|O|l|L|aa|AA)(?:\{\}|(?![A-Za-z])[ ]?)")
_QUANTITY = re.compile(r"\\(?:SI|qty)(?:\[[^\[\]]{0,200}\])?\{([^{}]{0,200})\}\{([^{}]{0,200})\}")
_NUMBER = re.compile(r"\\(?:num|si|unit|ang)(?:\[[^\[\]]{0,200}\])?\{([^{}]{0,200})\}")
_HEADING_TEXT = re.compile(r"\\texorpdfstring\s{0,9}\{")


class _Macro(NamedTuple):
    arguments: int  # their number
    default: str | None  # of the first, if that is optional
    body: str


def prepare(text: str) -> str:
    """Return the text as it is set, with the file's own macros expanded."""
    end = text.find(_END)
    if end >= 0:
        text = text[:end]
    if "\\iffalse" in text:
        text = _FALSE.sub(lambda match: "\n" * match[0].count("\n"), text)
    text = _write_terms(text)
    text = _expand(text, _definitions(text))
    text = _plain_headings(text)
    text = _QUANTITY.sub(lambda match: f"{match[1]} {_units(match[2])}", text)
    text = _NUMBER.sub(lambda match: _units(match[1]), text)
    return _LETTER.sub(lambda match: _LETTERS[match[1]], _ACCENT.sub(_accented, text))


def argument(text: str, start: int, limit: int) -> str | None:
    """Return the text from `start`, right after a brace, to the brace that closes it; or None."""
    depth = 1
    for end in range(start, min(len(text), start + limit)):
        if text[end] in "{}" and text[end - 1] != "\\":
            depth += 1 if text[end] == "{" else -1
            if not depth:
                return text[start:end]
    return None


def _definitions(text: str) -> dict[str, _Macro]:
    """Return the macros of a file by their names."""
    macros: dict[str, _Macro] = {}
    for match in _DEFINITION.finditer(text):
        body = argument(text, match.end(), _MAX_BODY)
        name = match["name"] or match["plain"]
        if body is not None and f"\\{name}" not in body and len(macros) < _MAX_DEFINITIONS:
            default = match["default"][1:-1] if match["default"] is not None else None
            macros[name] = _Macro(int(match["count"] or 0), default, body)
    return macros


def _write_terms(text: str) -> str:
    """Return the text with the terms of its glossary in place of their keys."""
    if "\\gls" not in text.lower() and "\\ac" not in text:
        return text
    terms: dict[str, tuple[str, str]] = {}  # key → short and long form
    for match in _ACRONYM.finditer(text):
        if match["key"]:
            terms[match["key"]] = match["short"], match["long"]
        else:
            terms[match["term"]] = ((match["name"] or match["bare"]).strip(),) * 2

    def write(match: re.Match[str]) -> str:
        form, key = match["form"], match[2]
        if key not in terms:  # `\\ac` may be a macro of the file
            return match[0] if form.startswith("ac") and not form.startswith("acr") else key
        short, long = terms[key]
        plural = "s" if form.endswith(("pl", "cp", "sp", "lp", "fp")) else ""
        if form in {"acrlong", "acl", "acrlongpl", "aclp"}:
            return long + plural
        if form in {"acrfull", "acf", "acrfullpl", "acfp"}:
            return f"{long}{plural} ({short}{plural})"
        return (short[:1].upper() + short[1:] if form[0] == "G" else short) + plural

    return _USED_TERM.sub(write, text)


def _expand(text: str, macros: dict[str, _Macro]) -> str:
    if not macros:
        return text
    start = max(text.find("\\begin{document}"), 0)
    before, body = text[:start], text[start:]
    names = "|".join(sorted(map(re.escape, macros), key=len, reverse=True))
    # Definitions after the preamble stay as they are.
    call = re.compile(
        rf"(?<!newcommand\{{)(?<!newcommand)(?<!\\def)\\({names})(?![A-Za-z])(?:\{{\}})?"
    )
    added = 0
    for _ in range(_MAX_DEPTH):
        pieces: list[str] = []
        at = 0
        for match in call.finditer(body):
            if match.start() < at or added > _MAX_EXPANDED:
                continue
            macro = macros[match[1]]
            arguments, end = _arguments(body, match, macro)
            if len(arguments) < macro.arguments:
                continue
            replacement = macro.body
            for number, value in enumerate(arguments, 1):
                replacement = replacement.replace(f"#{number}", value)
            added += len(replacement)
            pieces += (body[at : match.start()], replacement.replace("\n", " "))
            at = end
        if not pieces:
            break
        body = "".join([*pieces, body[at:]])
    return before + body


def _arguments(text: str, match: re.Match[str], macro: _Macro) -> tuple[list[str], int]:
    """Return the arguments behind a macro's name, and where they end."""
    if not macro.arguments:
        return [], match.end()
    end = match.end() if not match[0].endswith("{}") else match.end() - 2
    values: list[str] = []
    if macro.default is not None:
        closing = text.find("]", end, end + 200) if text.startswith("[", end) else -1
        values.append(macro.default if closing < 0 else text[end + 1 : closing])
        end = end if closing < 0 else closing + 1
    while len(values) < macro.arguments:
        if text[end : end + 1] != "{":
            break
        value = argument(text, end + 1, _MAX_BODY)
        if value is None:
            break
        values.append(value)
        end += len(value) + 2
    return values, end


def _plain_headings(text: str) -> str:
    r"""Return the text with `\texorpdfstring{formatted}{plain}` as its plain form."""
    if "\\texorpdfstring" not in text:
        return text
    pieces: list[str] = []
    at = 0
    for match in _HEADING_TEXT.finditer(text):
        first = argument(text, match.end(), 2000)
        if first is None or match.start() < at:
            continue
        second_start = match.end() + len(first) + 1
        second = (
            argument(text, second_start + 1, 2000)
            if text[second_start : second_start + 1] == "{"
            else None
        )
        if second is not None:
            pieces += (text[at : match.start()], second)
            at = second_start + len(second) + 2
    return "".join([*pieces, text[at:]])


def _units(text: str) -> str:
    return " ".join(re.sub(r"\\per\\?", "/", text).replace("\\", " ").replace("/ ", "/").split())


def _accented(match: re.Match[str]) -> str:
    accent = _ACCENTS[match["sign"] or match["letter"]]
    base = match["a"] or match["b"] or match["c"]
    base = {"\\i": "i", "\\j": "j"}.get(base, base)
    return unicodedata.normalize("NFC", base[0] + accent) + base[1:]
