"""MathML in a web page → a formula on one line (W3C MathML Core; presentation elements only).

Walks the elements of one `<math>` to a bounded depth. Annotations and alternative forms are left
out: they repeat the formula.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ragkit.documents.layout import formulas

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_MAX_DEPTH = 60
_LEFT_OUT = frozenset({"annotation", "annotation-xml", "mphantom", "none", "mprescripts"})
_TOKENS = frozenset({"mi", "mn", "mo", "ms", "mspace", "mtext"})
_ACCENTS = frozenset("^¯‾~˜→⃗˙¨ˆ_⏞⏟")
_LINES = frozenset("¯‾ˉ_―─\u0305\u0304")
_PREFIX = re.compile(r"<(/?)(?:m|mml|math|mathml):(?=[a-z])")
_NO_LINE = re.compile(r"0+(?:\.0+)?(?:[a-z%]{1,3})?")


def without_prefix(markup: str) -> str:
    """Return markup whose elements of MathML have no prefix (`<m:mfrac>`), as HTML has them."""
    return _PREFIX.sub(r"<\1", markup) if ":math" in markup else markup


def linear_mathml(math: LexborNode) -> str:
    """Return the formula of a `<math>` element: 12/5 + x^2 √16."""
    return " ".join(_row(math, _MAX_DEPTH).split())


def _children(node: LexborNode) -> list[LexborNode]:
    child, children = node.first_child, []
    while child is not None:
        if not (child.tag or "").startswith(("-", "!")):
            children.append(child)
        child = child.next
    return children


def _row(node: LexborNode, depth: int) -> str:
    return formulas.join(_element(child, depth - 1) for child in _children(node))


def _element(node: LexborNode, depth: int) -> str:
    tag = (node.tag or "").removeprefix("m:")
    if tag in _LEFT_OUT:
        return ""
    if tag in _TOKENS or depth <= 0:
        return _token(tag, node.text())
    if tag in _WALKERS:
        return _WALKERS[tag](node, depth)
    if tag in _LAYOUTS:
        parts = [_element(child, depth - 1) for child in _children(node)]
        return _LAYOUTS[tag](node, parts)
    if tag in _SCHEMATA:
        count, write = _SCHEMATA[tag]
        parts = [_element(child, depth - 1) for child in _children(node)[: count + 1]]
        if len(parts) == count:
            return write(*parts)
    return _row(node, depth)


def _square_root(node: LexborNode, depth: int) -> str:
    return formulas.root(_row(node, depth))


def _enclosed(node: LexborNode, depth: int) -> str:
    is_root = "radical" in (node.attributes.get("notation") or "").split()
    return _square_root(node, depth) if is_root else _row(node, depth)


def _multiscripts(node: LexborNode, depth: int) -> str:
    """Return a base with pairs of indices and exponents after it, then with pairs before it."""
    children = _children(node)
    tags = [(child.tag or "").removeprefix("m:") for child in children]
    parts = [_element(child, depth - 1) for child in children]
    middle = tags.index("mprescripts") if "mprescripts" in tags else len(parts)
    formula = parts[0] if parts else ""
    for at in range(1, middle - 1, 2):
        formula = _both(formula, parts[at], parts[at + 1])
    for at in range(middle + 1, len(parts) - 1, 2):
        formula = formulas.prescripts(formula, parts[at], parts[at + 1])
    return formula


def _token(tag: str, text: str) -> str:
    if tag == "mo":
        return formulas.operator(text)
    if tag == "mspace":
        return " "
    return text if tag == "mtext" else " ".join(text.split())


def _fenced(node: LexborNode, parts: list[str]) -> str:
    attributes = node.attributes
    opening, closing = attributes.get("open") or "(", attributes.get("close") or ")"
    return opening + ", ".join(part.strip() for part in parts) + closing


def _table(node: LexborNode, parts: list[str]) -> str:
    return f"[{'; '.join(part.strip() for part in parts)}]"


def _table_row(node: LexborNode, parts: list[str]) -> str:
    return ", ".join(part.strip() for part in parts)


def _first(node: LexborNode, parts: list[str]) -> str:
    return parts[0] if parts else ""


def _fraction(node: LexborNode, parts: list[str]) -> str:
    if len(parts) != 2:
        return formulas.join(parts)
    has_line = _NO_LINE.fullmatch(node.attributes.get("linethickness") or "1") is None
    return formulas.fraction(*parts) if has_line else formulas.stacked(*parts)


def _over(base: str, above: str) -> str:
    if above.strip() in _LINES:
        return formulas.overlined(base)
    return base if above.strip() in _ACCENTS else formulas.power(base, above)


def _both(base: str, below: str, above: str) -> str:
    if not below.strip():
        return formulas.power(base, above)
    with_index = formulas.index(base, below)
    return formulas.Built(with_index + formulas.power("", above)) if above.strip() else with_index


_WALKERS: dict[str, Callable[[LexborNode, int], str]] = {
    "msqrt": _square_root,
    "menclose": _enclosed,
    "mmultiscripts": _multiscripts,
}
_LAYOUTS: dict[str, Callable[[LexborNode, list[str]], str]] = {
    "mfenced": _fenced,
    "mtable": _table,
    "mtr": _table_row,
    "mlabeledtr": _table_row,
    "semantics": _first,
    "maction": _first,
    "mfrac": _fraction,
}
# Elements with a fixed number of operands; with another number they are rows.
_SCHEMATA: dict[str, tuple[int, Callable[..., str]]] = {
    "mroot": (2, formulas.root),
    "msub": (2, formulas.index),
    "munder": (2, formulas.index),
    "msup": (2, formulas.power),
    "mover": (2, _over),
    "msubsup": (3, _both),
    "munderover": (3, _both),
}
