"""SVG → Document: the text of a drawing. Icons and logos, which have none, are no documents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError

from ragkit.documents.formats.data.xml_events import Start, Text, decode_xml, parse_events
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

_MEDIA_TYPE = "image/svg+xml"
_LABELS = frozenset({"text", "foreignObject", "desc", "title"})
_LINES = frozenset({"tspan", "p", "div", "br", "li", "tr"})  # may begin a line of a label
_NOT_TEXT = frozenset({"style", "script", "metadata", "defs"})


@dataclass(slots=True)
class _Alternatives:
    """Finds the children of `switch` elements that are not shown: those after the first, except
    translations. Programs put a text there for viewers that show no HTML."""

    has_shown: list[bool] = field(default_factory=list)  # of each open `switch`
    hidden_from: int = 0  # depth of the open child that is not shown; 0: none

    def start(self, path: list[str], event: Start) -> None:
        """Handle a start tag; `path` has the elements around it."""
        if path[-1] == "switch" and not self.hidden_from:
            if self.has_shown[-1]:
                self.hidden_from = len(path)
            self.has_shown[-1] |= "systemLanguage" not in event.attributes
        if event.tag == "switch":
            self.has_shown.append(False)

    def end(self, path: list[str], tag: str) -> None:
        """Handle an end tag; `path` has the elements that are still open."""
        if tag == "switch":
            self.has_shown.pop()
        if len(path) == self.hidden_from:
            self.hidden_from = 0


def read_svg(data: bytes, name: str) -> Document:
    """Read the labels of a drawing in the order of the file; its title is the document's.

    Raises `DocumentError` if it is damaged, or has no text besides its title.
    """
    writer, title, path = DocumentWriter(), "", [""]
    label: list[str] = []
    has_labels = False
    alternatives = _Alternatives()
    counts: Counter[str] = Counter()  # of open elements, by tag
    try:
        for event in parse_events(decode_xml(data).text):
            if isinstance(event, Start):
                alternatives.start(path, event)
                path.append(event.tag)
                counts[event.tag] += 1
                is_new_line = "dy" in event.attributes or event.tag != "tspan"
                if event.tag in _LINES and is_new_line:
                    label.append("\n")
            elif isinstance(event, Text):
                is_text = not alternatives.hidden_from and not any(map(counts.get, _NOT_TEXT))
                if is_text and any(map(counts.get, _LABELS)):
                    label.append(event.text)
            else:
                counts[event.tag] -= 1
                if event.tag in _LABELS and not any(map(counts.get, _LABELS)):
                    text = _clean("".join(label))
                    label.clear()
                    if event.tag == "title" and len(path) == 3:
                        title = " ".join(text.split())
                    has_labels |= bool(text) and event.tag != "title"
                    writer.add(text)
                path.pop()
                alternatives.end(path, event.tag)
    except ExpatError as error:
        raise DocumentError(f"damaged SVG: {error}") from error
    document = writer.document(_MEDIA_TYPE)
    if not has_labels:
        raise DocumentError("SVG image without text", kind="no_document", skipped=True)
    return Document(document.text, _MEDIA_TYPE, title=title or None)


def _clean(label: str) -> str:
    lines = (" ".join(line.split()) for line in label.split("\n"))
    return "\n".join(filter(None, lines))
