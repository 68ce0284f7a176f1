"""The document of a markup file whose lines stay as they are but for their markup."""

from __future__ import annotations

from collections.abc import Mapping

from ragkit.documents.decoding import Decoded
from ragkit.documents.formats.markup.markdown import title_heading
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Document


def make_document(
    lines: Lines,
    media_type: str,
    decoded: Decoded,
    *,
    title: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Document:
    """Return the document of these lines, with their headings and fences.

    `decoded`: the text that the lines are of, with its encoding and warnings. `title`: default, the
    heading that `title_heading` finds.
    """
    text = lines.text()
    return Document(
        text,
        media_type,
        title=title or title_heading(text, lines.headings),
        headings=tuple(lines.headings),
        fences=tuple(lines.fences),
        lines=True,
        encoding=decoded.encoding,
        encoding_by=decoded.decided_by,
        metadata=dict(metadata or {}),
        warnings=decoded.warnings,
    )
