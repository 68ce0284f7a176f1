"""Evernote exports (`.enex`) → one document per note, with its attachments.

A note's title, dates, author and tags are metadata; its text is ENML, which is HTML with a few
elements of its own.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import escape
from xml.parsers.expat import ExpatError

from ragkit.documents.formats.data.xml_events import Start, Text, decode_xml, parse_events
from ragkit.documents.formats.web.html import read_html
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

_MEDIA_TYPE = "application/x-enex+xml"
_PROLOG = re.compile(r"^\s{0,99}(?:<\?xml[^>]{0,200}\?>)?\s{0,99}(?:<!DOCTYPE[^>]{0,200}>)?", re.I)
_TODO = re.compile(r'<en-todo(?:\s+checked="(?P<checked>\w{1,9})")?[^<>]{0,99}>(?:</en-todo>)?')
_CRYPT = re.compile(r"<en-crypt[^<>]{0,500}>[^<]*+</en-crypt>")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")
_FIELDS = {"author": "from", "source-url": "url", "created": "date", "updated": "modified"}
_VOID = frozenset({"br", "hr", "img"})  # have no end tag in HTML
_EXTENSIONS = {
    "application/pdf": "pdf",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
}


@dataclass(slots=True)
class _Resource:
    data: str = ""
    mime: str = ""
    name: str = ""


@dataclass(slots=True)
class _Note:
    title: str = ""
    content: str = ""
    tags: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    resources: list[_Resource] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)


def enex_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield each note, named "1", "2", …, with its attachments ("1/plan.pdf").

    Raises `DocumentError` at the place where the file is damaged, `BudgetExceededError` for too
    many notes and attachments.
    """
    try:
        for number, note in enumerate(_notes(decode_xml(data).text), 1):
            budget.count_member()
            document = _note_document(note)
            yield Member(str(number), document=document)
            for position, resource in enumerate(note.resources, 1):
                budget.count_member()
                yield replace(
                    _attachment(resource, position, str(number)), metadata=document.metadata
                )
    except ExpatError as error:
        raise DocumentError(f"damaged Evernote export, the rest is not read: {error}") from error


def _notes(text: str) -> Iterator[_Note]:
    """The notes of an export, one after the other."""
    note, path, pieces = _Note(), [""], list[str]()
    inline = 0  # open elements of ENML that is not in a CDATA section
    for event in parse_events(text):
        if isinstance(event, Start):
            if inline or path[-1] == "content":
                inline += 1
                pieces.append(_start_tag(event))
                continue
            path.append(event.tag)
            pieces.clear()
            if event.tag == "note":
                note = _Note()
            elif event.tag == "resource":
                note.resources.append(_Resource())
        elif isinstance(event, Text):
            pieces.append(escape(event.text) if inline else event.text)
        elif inline:
            inline -= 1
            if event.tag not in _VOID:
                pieces.append(f"</{event.tag}>")
        else:
            path.pop()
            if event.tag == "note":
                yield note
            else:
                _set(note, path[-1], event.tag, "".join(pieces))
            pieces.clear()


def _start_tag(element: Start) -> str:
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in element.attributes.items())
    return f"<{element.tag}{attributes}>"


def _set(note: _Note, parent: str, tag: str, value: str) -> None:
    """Store the text of an element that ends."""
    if parent == "note" and tag == "content":
        note.content = value
    elif parent == "note" and tag == "title":
        note.title = " ".join(value.split())
    elif parent == "note" and tag == "tag":
        note.tags.append(" ".join(value.split()))
    elif parent in ("note", "note-attributes") and tag in _FIELDS:
        note.fields[_FIELDS[tag]] = _TIME.sub(r"\1-\2-\3T\4:\5:\6Z", " ".join(value.split()))
    elif parent == "task" and tag == "title" and value.strip():
        note.tasks.append(f"☐ {' '.join(value.split())}")
    elif parent == "task" and tag == "taskStatus" and value.strip() == "completed" and note.tasks:
        note.tasks[-1] = note.tasks[-1].replace("☐", "☑", 1)
    elif note.resources and parent == "resource" and tag in ("data", "mime"):
        setattr(note.resources[-1], tag, value)
    elif note.resources and parent == "resource-attributes" and tag == "file-name":
        note.resources[-1].name = " ".join(value.split())


def _note_document(note: _Note) -> Document:
    markup = _PROLOG.sub("", note.content)
    markup = _TODO.sub(lambda match: "☑ " if match["checked"] == "true" else "☐ ", markup)
    markup, encrypted = _CRYPT.subn("", markup)
    document = read_html(f'<meta charset="utf-8">{markup}'.encode(errors="replace"), "note.html")
    writer = DocumentWriter()
    writer.add_document(document)
    writer.add("\n".join(note.tasks))
    if note.tasks:
        document = replace(writer.document(_MEDIA_TYPE), warnings=document.warnings)
    metadata = {**note.fields, "tags": ", ".join(filter(None, note.tags))}
    warnings = document.warnings
    if encrypted:
        warnings = (*warnings, "encrypted text in it is not read")
    return replace(
        document,
        media_type=_MEDIA_TYPE,
        title=note.title or None,
        metadata={key: value for key, value in metadata.items() if value},
        warnings=warnings,
        encoding=None,
        encoding_by=None,
    )


def _attachment(resource: _Resource, position: int, note: str) -> Member:
    extension = _EXTENSIONS.get(resource.mime.strip().lower(), "")
    name = resource.name.replace("/", "_") or f"attachment {position}.{extension}".rstrip(".")
    try:
        return Member(f"{note}/{name}", base64.b64decode("".join(resource.data.split())))
    except (binascii.Error, ValueError):
        return Member(f"{note}/{name}", reason="damaged attachment: its Base64 cannot be read")
