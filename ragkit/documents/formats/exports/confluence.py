"""Confluence space exports (`entities.xml`) → one document per page: its current version.

Title, author, dates, space, labels and the page above are metadata; comments follow the text of
their page. The storage format is XHTML with macros, links and images of its own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from xml.parsers.expat import ExpatError

from ragkit.documents.formats.data.xml_events import Start, Text, decode_xml, parse_events
from ragkit.documents.formats.data.xml_text import read_xml
from ragkit.documents.formats.exports.messages import clean_name
from ragkit.documents.formats.web.html import read_html
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

_MEDIA_TYPE = "application/x-confluence+xml"
_PAGES = frozenset({"Page", "BlogPost"})
# Exports write the end of CDATA as `]] >` too, because the bodies are in CDATA themselves.
_PLAIN_BODY = re.compile(
    r"<ac:plain-text-body>\s*+<!\[CDATA\[([^<]*+(?:<(?!/?ac:plain-text-body>)[^<]*+)*+)"
    r"</ac:plain-text-body>"
)
_LINK_BODY = re.compile(r"<ac:plain-text-link-body>\s{0,99}<!\[CDATA\[(.{0,2000}?)\]\]\s?>", re.S)
_PARAMETER = re.compile(
    r'<ac:parameter ac:name="(?P<name>[^"<>]{0,60})">(?P<value>[^<]*+)</ac:parameter>'
)
_PAGE_LINK = re.compile(
    r'<ac:link[^<>]{0,200}>\s*<ri:page[^<>]{0,300}?ri:content-title="([^"<>]{1,300})"[^<>]{0,200}/>'
    r"\s*</ac:link>"
)
_FILE = re.compile(r'<ri:attachment[^<>]{0,300}?ri:filename="([^"<>]{1,300})"[^<>]{0,200}/?>')
_USER = re.compile(r'<ri:user[^<>]{0,100}?ri:userkey="([^"<>]{1,100})"[^<>]{0,100}/?>')
_TASK_STATUS = re.compile(r"<ac:task-status>(\w{1,20})</ac:task-status>")
_NOT_TEXT = re.compile(r"<ac:(?:task-id|emoticon)[^<>]{0,300}>(?:[^<]{0,40}</ac:task-id>)?")
_BLOCKS = re.compile(r"(</?)ac:(?:rich-text-body|task-list|task|layout|layout-section|"
                     r"layout-cell|structured-macro|macro)(?=[\s>/])[^<>]*+>")  # fmt: skip


@dataclass(slots=True)
class _Entity:
    """An object of the export: its properties, and the ids of the objects that it refers to."""

    kind: str
    id: str = ""
    values: dict[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)


def confluence_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a document for each page and blog post, named by its title. A file without such is
    read as XML.

    Raises `DocumentError` if the file is damaged, `BudgetExceededError` for too many pages.
    """
    try:
        entities = list(_entities(decode_xml(data).text))
    except ExpatError as error:
        raise DocumentError(f"damaged Confluence export: {error}") from error
    by_id = {(entity.kind, entity.id): entity for entity in entities}
    bodies = {
        entity.references["content"]: entity.values.get("body", "")
        for entity in entities
        if entity.kind == "BodyContent" and "content" in entity.references
    }
    people = {
        entity.id: clean_name(entity.values.get("fullName") or entity.values.get("name"))
        for entity in entities
        if "User" in entity.kind
    }
    labels, comments = _by_page(entities, by_id)
    pages = [entity for entity in entities if entity.kind in _PAGES and _is_current(entity)]
    if not pages:
        yield Member("", document=read_xml(data, name))
    for page in pages:
        budget.count_member()
        parts = [(page, bodies.get(page.id, "")), *(
            (comment, bodies.get(comment.id, "")) for comment in comments.get(page.id, ())
        )]  # fmt: skip
        metadata = _metadata(page, by_id, people, labels.get(page.id, []))
        title = clean_name(page.values.get("title"))
        document = _document(parts, people)
        yield Member(
            (title or page.id).replace("/", "_"),
            document=replace(document, title=title or None, metadata=metadata),
        )


def _entities(text: str) -> Iterator[_Entity]:
    entity: _Entity | None = None
    property_name, depth = "", 0
    pieces: list[str] = []
    for event in parse_events(text):
        if isinstance(event, Start):
            depth += 1
            pieces.clear()
            if event.tag == "object" and depth == 2:
                entity = _Entity(event.attributes.get("class", ""))
            elif event.tag in ("property", "collection") and depth == 3:
                property_name = event.attributes.get("name", "")
        elif isinstance(event, Text):
            pieces.append(event.text)
        else:
            value = "".join(pieces)
            if entity is not None and event.tag == "id" and depth == 3:
                entity.id = value.strip()
            elif entity is not None and event.tag == "id" and depth == 4:
                entity.references.setdefault(property_name, value.strip())
            elif entity is not None and event.tag == "property" and depth == 3 and value.strip():
                if property_name not in entity.references:
                    entity.values.setdefault(property_name, value)
            elif event.tag == "object" and depth == 2 and entity is not None:
                yield entity
                entity = None
            pieces.clear()
            depth -= 1


def _is_current(entity: _Entity) -> bool:
    status = entity.values.get("contentStatus", "current").strip()
    return status == "current" and "originalVersion" not in entity.references


def _by_page(
    entities: list[_Entity], by_id: Mapping[tuple[str, str], _Entity]
) -> tuple[dict[str, list[str]], dict[str, list[_Entity]]]:
    """Labels and comments by the id of their page."""
    labels: dict[str, list[str]] = {}
    comments: dict[str, list[_Entity]] = {}
    for entity in entities:
        page = entity.references.get("containerContent") or entity.references.get("content", "")
        if entity.kind == "Labelling":
            label = by_id.get(("Label", entity.references.get("label", "")))
            if label is not None and (name := clean_name(label.values.get("name"))):
                labels.setdefault(page, []).append(name)
        elif entity.kind == "Comment" and _is_current(entity):
            comments.setdefault(page, []).append(entity)
    return labels, comments


def _metadata(
    page: _Entity,
    by_id: Mapping[tuple[str, str], _Entity],
    people: Mapping[str, str],
    labels: list[str],
) -> dict[str, str]:
    space = by_id.get(("Space", page.references.get("space", "")))
    above = by_id.get((page.kind, page.references.get("parent", "")))
    metadata = {
        "from": _author(page, people),
        "date": _time(page.values.get("creationDate", "")),
        "modified": _time(page.values.get("lastModificationDate", "")),
        "space": clean_name(space.values.get("name")) if space is not None else "",
        "parent": clean_name(above.values.get("title")) if above is not None else "",
        "tags": ", ".join(labels),
    }
    return {name: value for name, value in metadata.items() if value}


def _author(entity: _Entity, people: Mapping[str, str]) -> str:
    """The author's name: older exports have it in place of the user's id."""
    for name in ("creator", "creatorName"):
        if (key := entity.references.get(name, "")) in people:
            return people[key]
        if value := clean_name(entity.values.get(name)):
            return people.get(value, value)
    return ""


def _time(value: str) -> str:
    date, _, time = value.strip().partition(" ")
    return f"{date}T{time[:8]}" if time else date


def _document(parts: list[tuple[_Entity, str]], people: Mapping[str, str]) -> Document:
    """The text of a page with its comments."""
    writer = DocumentWriter()
    for position, (entity, body) in enumerate(parts):
        document = read_html(_to_html(body, people).encode(errors="replace"), "page.html")
        if position and document.text.strip():
            writer.add(f"Comment by {_author(entity, people) or 'unknown'}:")
        writer.add_document(document)
    return writer.document(_MEDIA_TYPE)


def _code(match: re.Match[str]) -> str:
    text = match[1].rstrip().removesuffix("]]>").removesuffix("]] >")
    return f"<pre>{html.escape(text)}</pre>"


def _to_html(body: str, people: Mapping[str, str]) -> str:
    """A body in Confluence's storage format as a web page."""
    body = _PLAIN_BODY.sub(_code, body)
    body = _LINK_BODY.sub(lambda match: html.escape(match[1]), body)
    body = _PARAMETER.sub(
        lambda match: f"<p><b>{match['value']}</b></p>" if match["name"] == "title" else "", body
    )
    body = _PAGE_LINK.sub(r"\1", body)
    body = _FILE.sub(r"\1", body)
    body = _USER.sub(lambda match: f"@{people.get(match[1], match[1])}", body)
    body = _TASK_STATUS.sub(lambda match: "☑ " if match[1] == "complete" else "☐ ", body)
    body = _BLOCKS.sub(r"\1div>", _NOT_TEXT.sub("", body))
    return f'<meta charset="utf-8"><body>{body}</body>'
