"""Attributes and conditions of AsciiDoc: `{product}` becomes its value, hidden branches go.

Each line stays a line, empty where it is not shown, so that line numbers stay valid. Attributes
that the file does not set stay as they are written.
"""

from __future__ import annotations

import re

_SET = re.compile(r":(!?)([A-Za-z0-9_][\w-]{0,60})(!?):(?:[ \t]+(.{0,1000}))?$")
_REFERENCE = re.compile(r"(?<!\\)\{([A-Za-z0-9_][\w-]{0,60})\}")
_IF = re.compile(r"(ifdef|ifndef|ifeval)::([^\[\]]{0,200})\[(.{0,2000})\]$")
_ENDIF = re.compile(r"endif::[^\[\]]{0,200}\[\]$")
_FENCE = re.compile(r"(-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,})")
_MAX_DEPTH = 3  # of attributes in the values of others
_MAX_LINE = 4000  # characters of a line with its attributes
_CHARACTERS = {
    "empty": "", "sp": " ", "nbsp": " ", "zwsp": "", "amp": "&", "lt": "<", "gt": ">",
    "startsb": "[", "endsb": "]", "vbar": "|", "caret": "^", "asterisk": "*", "tilde": "~",
    "backslash": "\\", "backtick": "`", "two-colons": "::", "two-semicolons": ";;",
    "cpp": "C++", "pp": "++", "deg": "°", "plus": "+", "apos": "'", "quot": '"',
}  # fmt: skip


def resolve_attributes(text: str) -> str:
    """Return the text with the attributes that it sets, without their lines and hidden branches."""
    if "{" not in text and "::" not in text and not re.search(r"^:!?\w", text, re.MULTILINE):
        return text
    values = dict(_CHARACTERS)
    first = _first_values(text)
    output: list[str] = []
    branches: list[bool] = []  # per open condition: its lines are shown
    fence = ""
    for number, line in enumerate(text.split("\n")):
        bare = line.rstrip()
        if (condition := _IF.match(bare)) is not None:
            shown = _holds(condition[1], condition[2], values)
            if condition[3] and condition[1] != "ifeval":
                output.append(condition[3] if shown and all(branches) else "")
            else:
                branches.append(shown)
                output.append("")
        elif branches and _ENDIF.match(bare):
            branches.pop()
            output.append("")
        elif not all(branches):
            output.append("")
        elif fence or _FENCE.fullmatch(bare):
            fence = "" if bare == fence else fence or bare
            output.append(line)
        elif (setting := _SET.match(bare)) is not None:
            if setting[1] or setting[3]:
                values.pop(setting[2].lower(), None)
            else:
                values[setting[2].lower()] = _resolve(setting[4] or "", values)
            # Lines of the header stay, because they are read as metadata.
            output.append(line if setting[2].lower() in _KEPT else "")
        else:
            output.append(_resolve(line, {**first, **values} if not number else values))
    return "\n".join(output)


_KEPT = frozenset({"author", "email", "revdate", "revnumber", "description", "keywords", "lang"})


def _first_values(text: str) -> dict[str, str]:
    """Return the attributes of the header, which may stand below the title that uses them."""
    values: dict[str, str] = {}
    for line in text.split("\n\n", 1)[0].split("\n"):
        if (setting := _SET.match(line.rstrip())) is not None and not setting[1] + setting[3]:
            values.setdefault(setting[2].lower(), setting[4] or "")
    return values


def _holds(kind: str, names: str, values: dict[str, str]) -> bool:
    """Whether a condition is true; `ifeval` counts as true, because it needs a processor."""
    if kind == "ifeval":
        return True
    separator = "+" if "+" in names else ","
    present = [name.strip().lower() in values for name in names.split(separator)]
    is_set = all(present) if separator == "+" else any(present)
    return is_set if kind == "ifdef" else not is_set


def _resolve(line: str, values: dict[str, str]) -> str:
    for _ in range(_MAX_DEPTH):
        if "{" not in line:
            break
        resolved = _REFERENCE.sub(lambda match: values.get(match[1].lower(), match[0]), line)
        if resolved == line or len(resolved) > _MAX_LINE:
            break
        line = resolved
    return line
