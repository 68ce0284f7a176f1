"""Formulas of Office files (OMML; ECMA-376 part 1, 22.1) → a formula on one line.

`FormulaBuilder` collects the elements of one `m:oMath` as they are streamed and writes each
structure when it ends, so memory and time do not grow with the nesting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ragkit.documents.layout import formulas
from ragkit.documents.unpacking.xml_stream import Attributes

_MAX_OPEN = 200  # structures; deeper ones are read as rows
_OPERANDS = frozenset({"m:e", "m:num", "m:den", "m:sub", "m:sup", "m:deg", "m:fName", "m:lim"})
_PROPERTIES = frozenset(
    {"m:chr", "m:begChr", "m:endChr", "m:sepChr", "m:degHide", "m:type", "m:pos", "m:show"}
)
_SIGNS = "+-−=≤≥<>±≈→×÷\u2061\u2062\u2063\u2064"
_LINES = frozenset("¯‾\u0305\u0304")


@dataclass(slots=True)
class _Structure:
    tag: str
    operands: dict[str, list[str]] = field(
        default_factory=dict
    )  # by tag; a structure may repeat m:e
    parts: list[str] = field(default_factory=list)  # of the open operand, or of the row
    properties: dict[str, str] = field(default_factory=dict)

    def one(self, tag: str) -> str:
        """Return the operand with this tag; "" if there is none."""
        return next(iter(self.operands.get(tag, ())), "")


@dataclass(slots=True)
class FormulaBuilder:
    """Writes one formula. `text_start` and the others are called for its elements in order."""

    _open: list[_Structure] = field(default_factory=lambda: [_Structure("")])
    _too_deep: int = 0
    _operand_tags: list[str] = field(default_factory=list)
    in_text: bool = False

    def start(self, tag: str, attributes: Attributes) -> None:
        """Handle a start tag inside the formula."""
        if tag == "m:t":
            self.in_text = True
        elif tag in _STRUCTURES:
            if len(self._open) < _MAX_OPEN:
                self._open.append(_Structure(tag))
            else:
                self._too_deep += 1
        elif tag in _OPERANDS and not self._too_deep:
            self._open[-1].parts = []
        elif tag in _PROPERTIES:
            self._open[-1].properties[tag] = attributes.get("m:val", "")

    def text(self, characters: str) -> None:
        """Handle characters of the formula."""
        if self.in_text:
            spaced = formulas.operator(characters) if characters in _SIGNS else characters
            self._open[-1].parts.append(spaced)

    def end(self, tag: str) -> None:
        """Handle an end tag inside the formula."""
        if tag == "m:t":
            self.in_text = False
        elif tag in _STRUCTURES:
            if self._too_deep:
                self._too_deep -= 1
            elif len(self._open) > 1:
                structure = self._open.pop()
                self._open[-1].parts.append(_STRUCTURES[tag](structure))
        elif tag in _OPERANDS and not self._too_deep:
            structure = self._open[-1]
            structure.operands.setdefault(tag, []).append(formulas.join(structure.parts))
            structure.parts = [] if len(self._open) > 1 else structure.parts

    def formula(self) -> str:
        """Return the formula, after its last element."""
        return " ".join(formulas.join(self._open[0].parts).split())


def _fraction(structure: _Structure) -> str:
    above, below = structure.one("m:num"), structure.one("m:den")
    if structure.properties.get("m:type") == "noBar":
        return formulas.stacked(above, below)
    return formulas.fraction(above, below)


def _root(structure: _Structure) -> str:
    is_hidden = structure.properties.get("m:degHide") in {"1", "on", "true"}
    return formulas.root(structure.one("m:e"), "" if is_hidden else structure.one("m:deg"))


def _scripts(structure: _Structure) -> str:
    base, below, above = (structure.one(tag) for tag in ("m:e", "m:sub", "m:sup"))
    if not below.strip():
        return formulas.power(base, above)
    with_index = formulas.index(base, below)
    return formulas.Built(with_index + formulas.power("", above)) if above.strip() else with_index


def _prescripts(structure: _Structure) -> str:
    return formulas.prescripts(*(structure.one(tag) for tag in ("m:e", "m:sub", "m:sup")))


def _overlined(structure: _Structure) -> str:
    is_line = structure.tag == "m:bar" and structure.properties.get("m:pos") == "top"
    is_line = is_line or structure.properties.get("m:chr") in _LINES
    return formulas.overlined(structure.one("m:e")) if is_line else structure.one("m:e")


def _phantom(structure: _Structure) -> str:
    """Return the operand, or a blank where it only takes up room."""
    is_shown = structure.properties.get("m:show", "1") not in {"0", "off", "false"}
    return structure.one("m:e") if is_shown else " "


def _n_ary(structure: _Structure) -> str:
    sign = structure.properties.get("m:chr", "∫")
    below, above = structure.one("m:sub"), structure.one("m:sup")
    limits = formulas.index(sign, below) + (formulas.power("", above) if above.strip() else "")
    return formulas.Built(f"{limits} {structure.one('m:e')}")


def _delimited(structure: _Structure) -> str:
    properties = structure.properties
    separator = properties.get("m:sepChr", "|")
    inner = f" {separator} ".join(part.strip() for part in structure.operands.get("m:e", ()))
    return properties.get("m:begChr", "(") + inner + properties.get("m:endChr", ")")


def _function(structure: _Structure) -> str:
    argument = structure.one("m:e").strip()
    space = "" if argument.startswith("(") else " "
    return formulas.Built(structure.one("m:fName").strip() + space + argument)


def _limit(structure: _Structure) -> str:
    return formulas.index(structure.one("m:e"), structure.one("m:lim"))


def _rows(structure: _Structure) -> str:
    return "; ".join(part.strip() for part in structure.operands.get("m:e", ()))


def _matrix(structure: _Structure) -> str:
    return f"[{'; '.join(structure.parts)}]"


def _matrix_row(structure: _Structure) -> str:
    return ", ".join(part.strip() for part in structure.operands.get("m:e", ()))


def _plain(structure: _Structure) -> str:
    return structure.one("m:e")


_STRUCTURES: dict[str, Callable[[_Structure], str]] = {
    "m:f": _fraction,
    "m:rad": _root,
    "m:sSup": _scripts,
    "m:sSub": _scripts,
    "m:sSubSup": _scripts,
    "m:sPre": _prescripts,
    "m:nary": _n_ary,
    "m:d": _delimited,
    "m:func": _function,
    "m:limLow": _limit,
    "m:limUpp": _limit,
    "m:eqArr": _rows,
    "m:m": _matrix,
    "m:mr": _matrix_row,
    "m:acc": _overlined,
    "m:bar": _overlined,
    "m:box": _plain,
    "m:borderBox": _plain,
    "m:groupChr": _plain,
    "m:phant": _phantom,
}
