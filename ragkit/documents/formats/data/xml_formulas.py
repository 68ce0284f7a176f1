"""Formulas in XML of any schema (MathML in DocBook, JATS, TEI) → text on one line.

Takes the place of the events of one `math` element. A second notation of the same formula
(`tex-math` beside it) is left out. Knows events; not blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from ragkit.documents.formats.data.xml_events import End, Event, Start, Text
from ragkit.documents.formats.web.mathml import linear_mathml

FORMULAS = frozenset({"math", "tex-math"})
_MAX_MARKUP = 200_000  # characters; of the rest of a longer formula only the text is read
# What may follow `<math>` in MathML; other schemas have a `math` of their own, such as marks.
_MATHML = frozenset(
    "math maction menclose merror mfenced mfrac mi mmultiscripts mn mo mover mpadded mphantom mroot"  # noqa: SIM905
    " mrow ms mspace msqrt mstyle msub msubsup msup mtable mtext munder munderover semantics apply"
    " bind ci cn csymbol matrix piecewise".split()
)


def write_formulas(events: Iterable[Event]) -> Iterator[Event]:
    """Yield events in which each formula is an element with its text on one line."""
    open_formula: _Formula | None = None
    alternatives: list[bool] = []  # per open `alternatives`: a formula was read in it
    for event in events:
        if open_formula is None:
            if isinstance(event, Start) and event.tag.lower() in FORMULAS:
                open_formula = _Formula(event.line)
                open_formula.add(event)
            else:
                _count_alternatives(event, alternatives)
                yield event
        elif open_formula.is_of_other_schema(event):
            yield from open_formula.first_events
            yield event
            open_formula = None
        elif open_formula.add(event):
            if not (alternatives and alternatives[-1]):
                tag = "formula" if open_formula.is_formula else "math"
                yield Start(tag, {}, open_formula.line)
                yield Text(open_formula.text(), open_formula.line)
                yield End(tag)
            alternatives[-1:] = [True] if alternatives else []
            open_formula = None


def _count_alternatives(event: Event, alternatives: list[bool]) -> None:
    if not isinstance(event, Text) and event.tag == "alternatives":
        if isinstance(event, Start):
            alternatives.append(False)
        elif alternatives:
            alternatives.pop()


@dataclass(slots=True)
class _Formula:
    """The markup of an open formula."""

    line: int
    markup: list[str] = field(default_factory=list)
    is_tex: bool = False
    is_formula: bool = False  # not a value that is called `math`
    first_events: list[Event] = field(default_factory=list)  # up to the first element in it
    rest: list[str] = field(default_factory=list)  # text after the longest markup
    _size: int = 0
    _depth: int = 0

    def is_of_other_schema(self, event: Event) -> bool:
        """Whether the next event shows that the element is no formula."""
        if self.is_formula or not isinstance(event, Start):
            return False
        return event.tag.lower() not in _MATHML

    def add(self, event: Event) -> bool:
        """Take the next event; return whether it ends the formula."""
        if not self.is_formula:
            self.first_events.append(event)
        if isinstance(event, Text):
            piece = escape(event.text)
        elif isinstance(event, Start):
            self.is_tex = self.is_tex or (not self._depth and event.tag.lower() == "tex-math")
            self.is_formula = self.is_formula or self.is_tex or self._depth > 0
            self._depth += 1
            values = "".join(
                f' {name}="{escape(value)}"' for name, value in event.attributes.items()
            )
            piece = f"<{event.tag.lower()}{values}>"
        else:
            self._depth -= 1
            piece = f"</{event.tag.lower()}>"
        self._size += len(piece)
        if self._size <= _MAX_MARKUP:
            self.markup.append(piece)
        elif isinstance(event, Text):
            self.rest.append(event.text)
        return not self._depth

    def text(self) -> str:
        """Return the formula on one line; one in TeX as it is."""
        from selectolax.lexbor import LexborHTMLParser

        node = LexborHTMLParser("".join(self.markup)).css_first("math, tex-math")
        if node is None:
            text = ""
        elif self.is_tex or not self.is_formula:
            text = node.text()
        else:
            text = linear_mathml(node)
        return " ".join(" ".join([text, *self.rest]).split())
