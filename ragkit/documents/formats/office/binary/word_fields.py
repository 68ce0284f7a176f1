r"""Fields of a Word file that show text without a result: buttons, equations, form fields.

Other fields have a result in the text. Old East Asian files write ruby annotations as equations
(`EQ \o\ad(\s\up 10(ruby),base)`): then the base is the text. Knows codes of fields, no files.
"""

from __future__ import annotations

import re
import struct

_RUBY = re.compile(
    r"\\o\s*(?:\\a\w\s*)?\(\s*\\s\s*\\up\s*-?\d{0,3}\s*\([^()]{0,200}\)\s*[,;](?P<base>[^()]{0,200})\)",
    re.I,
)
_OPTION = re.compile(r"""\\\*\s*(?:"[^"]*"|\S+)""")
_CALL = re.compile(
    r"\\(?P<name>[a-z])(?P<switches>(?:\s*\\[a-z]{2}\s*-?\d{0,3}(?:\s*\\?[^\s\\()]){0,1}){0,9})\s*"
    r"\((?P<content>[^()]{0,500})\)",
    re.I,
)
_MAX_CODE = 500  # characters of an equation that are read
_MAX_CALLS = 100  # in one equation
_CHECKBOX, _LIST = 1, 2
_UNDEFINED = 25
_CHECKED, _UNCHECKED = "☒", "☐"


def field_text(code: str, form: bytes) -> str:
    """Return what a field without a result displays; "" for fields that display nothing.

    `form` is the data of a form field.
    """
    name, _, remainder = code.strip().partition(" ")
    name = name.upper()
    if name == "MACROBUTTON":
        return remainder.strip().partition(" ")[2].strip()
    if name == "EQ":
        return _equation(remainder[:_MAX_CODE])
    if name in {"FORMCHECKBOX", "FORMDROPDOWN"}:
        try:
            return _form_text(form)
        except (struct.error, IndexError):
            return _UNCHECKED if name == "FORMCHECKBOX" else ""
    return ""


def _equation(code: str) -> str:
    text = _RUBY.sub(r"\g<base>", _OPTION.sub("", code))
    for _ in range(_MAX_CALLS):
        replaced = _CALL.sub(_call_text, text, count=1)
        if replaced == text:
            break
        text = replaced
    # Parentheses that are text were kept apart from those of calls.
    return " ".join(text.replace("\ue000", "(").replace("\ue001", ")").replace("\\", "").split())


def _call_text(call: re.Match[str]) -> str:
    parts = [part.strip() for part in re.split("[,;]", call["content"])]
    name, switches = call["name"].lower(), call["switches"].lower()
    if name == "f" and len(parts) == 2:
        return f"{_group(parts[0])}/{_group(parts[1])}"
    if name == "r":
        index = parts[0] if len(parts) == 2 else ""
        return f"{index}√{_group(parts[-1])}"
    if name == "s" and parts[0]:
        return ("_" if "\\do" in switches else "^") + _group(parts[0])
    if name == "b":
        return f"\ue000{', '.join(parts)}\ue001"
    return "".join(parts) if name == "o" else ", ".join(parts)


def _group(text: str) -> str:
    return text if re.fullmatch(r"[\w.]*", text) else f"\ue000{text}\ue001"


def _form_text(data: bytes) -> str:
    """Return the state of a check box, or the chosen entry of a list ([MS-DOC] 2.9.78)."""
    header = struct.unpack_from("<H", data, 4)[0]
    bits = struct.unpack_from("<H", data, header + 4)[0]
    kind, result = bits & 3, bits >> 2 & 31
    at = header + 10
    at = _skip_string(data, at)
    default = struct.unpack_from("<H", data, at)[0]
    chosen = default if result == _UNDEFINED else result
    if kind == _CHECKBOX:
        return _CHECKED if chosen else _UNCHECKED
    if kind != _LIST:
        return ""
    at += 2
    for _ in range(5):  # format, help and status text, two macros
        at = _skip_string(data, at)
    count = struct.unpack_from("<I", data, at + 2)[0]
    at += 8
    for place in range(min(count, 1000)):
        letters = struct.unpack_from("<H", data, at)[0]
        if place == chosen:
            return data[at + 2 : at + 2 + 2 * letters].decode("utf-16-le", "replace")
        at += 2 + 2 * letters
    return ""


def _skip_string(data: bytes, at: int) -> int:
    """Return the offset after a string that ends with a NUL."""
    letters: int = struct.unpack_from("<H", data, at)[0]
    return at + 4 + 2 * letters
