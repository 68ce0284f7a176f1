"""The labels of a drawing → Document: one section for each page, and what its lines connect.

Knows no format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragkit.documents.layout.writer import DocumentWriter
from ragkit.errors import DocumentError
from ragkit.records.documents import Document


@dataclass(frozen=True, slots=True)
class LabelledLine:
    """A line between two shapes, by their ids, with its label."""

    source: str
    target: str
    label: str = ""


@dataclass(slots=True)
class DrawingPage:
    """The labels of a page, by the ids of their shapes, in the order in which they are read."""

    name: str = ""
    labels: dict[str, str | Document] = field(default_factory=dict)
    connections: list[LabelledLine] = field(default_factory=list)

    def add(self, shape: str, label: str | Document) -> None:
        """Add the label of a shape, whose id may be missing or repeated; white space at the ends
        and blank lines do not count."""
        if isinstance(label, str):
            lines = (" ".join(line.split()) for line in label.split("\n"))
            label = "\n".join(filter(None, lines))
        if label if isinstance(label, str) else label.text.strip():
            is_free = shape and shape not in self.labels
            self.labels[shape if is_free else f"{shape}#{len(self.labels)}"] = label

    def has_text(self) -> bool:
        """Whether a shape or a line has a label."""
        return bool(self.labels) or any(line.label for line in self.connections)


def drawing_document(pages: Sequence[DrawingPage], media_type: str) -> Document:
    """Return the labels of all pages; the name of a page is a heading where there are several.

    A connection between two labelled shapes is a line `from → to: label`. Raises `DocumentError` if
    there is no label.
    """
    writer = DocumentWriter()
    starts: list[int] = []
    for page in pages:
        starts.append(writer.length + 2 if writer.pieces else 0)
        if len(pages) > 1 and page.has_text():
            writer.add(page.name or f"Page {len(starts)}", level=1)
        for label in page.labels.values():
            if isinstance(label, Document):
                writer.add_document(label)
            else:
                writer.add(label)
        lines = [_connection_line(connection, page.labels) for connection in page.connections]
        writer.add("\n".join(filter(None, lines)))
    document = writer.document(media_type)
    if not document.text.strip():
        raise DocumentError("a drawing without text", kind="no_document", skipped=True)
    length = len(document.text)
    title = pages[0].name or None if len(pages) == 1 else None
    return replace(
        document,
        title=title,
        pages=tuple(min(start, length) for start in starts) if len(starts) > 1 else (),
    )


def _connection_line(connection: LabelledLine, labels: Mapping[str, str | Document]) -> str:
    ends = [_first_line(labels.get(end)) for end in (connection.source, connection.target)]
    label = " ".join(connection.label.split())
    if all(ends):
        return " → ".join(ends) + (f": {label}" if label else "")
    return label


def _first_line(label: str | Document | None) -> str:
    text = label.text if isinstance(label, Document) else label or ""
    return text.strip().partition("\n")[0].lstrip("# ").strip()
