"""Lists of a web page: the number that a browser shows at each item (HTML 4.4.5 and 4.4.8).

Knows the attributes start, value, reversed and type of lists and items; lays out nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.documents.layout.list_numbers import format_item_number

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_STYLES = {
    "a": "lowerLetter",
    "A": "upperLetter",
    "i": "lowerRoman",
    "I": "upperRoman",
}
_CSS_STYLE = re.compile(r"list-style(?:-type)?\s{0,9}:\s{0,9}([a-z-]{1,40})")
_CSS_STYLES = {
    "lower-alpha": "lowerLetter",
    "lower-latin": "lowerLetter",
    "upper-alpha": "upperLetter",
    "upper-latin": "upperLetter",
    "lower-roman": "lowerRoman",
    "upper-roman": "upperRoman",
    "lower-greek": "lowerGreek",
    "decimal-leading-zero": "decimalZero",
}
_INTEGER = re.compile(r"\s{0,9}([+-]?\d{1,8})")


@dataclass(slots=True)
class HtmlList:
    """An open list: how its items are numbered, and the number of the next one."""

    ordered: bool
    number: int = 1  # of the next item
    step: int = 1  # -1 in a reversed list
    style: str = "decimal"
    is_empty: bool = True  # no item so far

    def next_marker(self, item: LexborNode) -> str:
        """Return the marker of the next item, such as "- ", "3. " or "b. "."""
        self.is_empty = False
        if not self.ordered:
            return "- "
        attributes = item.attributes
        value = _integer(attributes.get("value"))
        self.number = self.number if value is None else value
        style = _style(attributes.get("type"), attributes.get("style"), self.style)
        marker = format_item_number(self.number, style)
        self.number += self.step
        return f"{marker}. "


def open_list(node: LexborNode, tag: str) -> HtmlList:
    """Return the list that an element opens."""
    if tag != "ol":
        return HtmlList(ordered=False)
    attributes = node.attributes
    style = _style(attributes.get("type"), attributes.get("style"), "decimal")
    is_reversed = "reversed" in attributes
    start = _integer(attributes.get("start"))
    if start is None:
        start = _count_items(node) if is_reversed else 1
    return HtmlList(True, start, -1 if is_reversed else 1, style)


def _count_items(node: LexborNode) -> int:
    child, count = node.first_child, 0
    while child is not None:
        count += child.tag == "li"
        child = child.next
    return count


def _integer(value: str | None) -> int | None:
    match = _INTEGER.match(value or "")
    return int(match[1]) if match else None


def _style(type_: str | None, css: str | None, inherited: str) -> str:
    if type_:
        return _STYLES.get(type_, inherited if type_ != "1" else "decimal")
    match = _CSS_STYLE.search(css or "")
    return _CSS_STYLES.get(match[1], inherited) if match else inherited
