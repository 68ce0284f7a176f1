"""iCalendar and vCard → one document for each event, task or contact (RFC 5545, RFC 6350).

Folds are undone in the bytes, because a fold may lie inside of a letter. Values lose their escapes;
dates become ISO 8601. Encoded photos and alarms are left out.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ragkit.documents.decoding import decode
from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.records.documents import Document

_FOLD = re.compile(rb"\r?\n[ \t]")
_QUOTED_PRINTABLE_FOLD = re.compile(rb"=\r?\n(?=[^\r\n])")
_LINE = re.compile(
    r'([A-Za-z0-9.-]{1,60})((?:;[^:;="]{1,60}(?:=(?:"[^"]{0,500}"|[^:;"]{0,500}))?){0,20}):(.*)'
)
_ESCAPE = re.compile(r"\\([nN,;\\:])")
_CARET = re.compile(r"\^([n'^])")
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})?(Z?))?")
_RECORDS = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VCARD"})
_TITLES = ("SUMMARY", "FN", "ORG", "N")
_LABELS = {
    "DTSTART": "start", "DTEND": "end", "DUE": "due", "LOCATION": "location",
    "DESCRIPTION": "description", "ORGANIZER": "organizer", "ATTENDEE": "attendee",
    "CATEGORIES": "categories", "COMMENT": "comment", "URL": "url", "STATUS": "status",
    "RRULE": "repeats", "CONTACT": "contact", "ORG": "organization", "TITLE": "job title",
    "ROLE": "role", "EMAIL": "email", "TEL": "phone", "ADR": "address", "BDAY": "birthday",
    "NOTE": "note", "NICKNAME": "nickname",
}  # fmt: skip
_DATES = frozenset({"DTSTART", "DTEND", "DUE", "BDAY"})
_STRUCTURED = frozenset({"ADR", "ORG", "N"})
_MAX_VALUE = 20_000  # characters
_MAX_METADATA = 200  # characters of a value that becomes metadata


@dataclass(slots=True)
class _Entry:
    """An event, a task or a contact: its values by property, in order."""

    values: list[tuple[str, str]] = field(default_factory=list)

    def document(self, media_type: str) -> Document:
        by_name = dict(reversed(self.values))
        title = next((by_name[name] for name in _TITLES if by_name.get(name)), None)
        lines = [title] if title else []
        metadata: dict[str, str] = {}
        for name, value in self.values:
            label = _LABELS.get(name)
            if label is None or value == title:
                continue
            lines.append(f"{label.capitalize()}: {value}")
            if len(value) <= _MAX_METADATA:
                known, short = metadata.get(label), " ".join(value.split())
                metadata[label] = f"{known}, {short}" if known else short
        start = metadata.get("start", metadata.get("due"))
        if start:
            metadata["date"] = start
        writer = DocumentWriter()
        writer.add("\n".join(lines))
        document = writer.document(media_type)
        return Document(document.text, media_type, title=title, metadata=metadata)


def read_calendar(data: bytes, name: str) -> Document:
    """Read all entries of a file as one document."""
    writer = DocumentWriter()
    entries = list(_entries(data))
    for entry in entries:
        document = entry.document("text/calendar")
        if len(entries) > 1 and document.title:
            writer.add(document.title, level=1)
            writer.add(document.text.removeprefix(document.title).strip())
        else:
            writer.add(document.text)
    return writer.document("text/calendar")


def calendar_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a document for each entry, named by its number; for one entry the file's own."""
    entries = list(_entries(data))
    if len(entries) < 2:
        document = (
            entries[0].document("text/calendar") if entries else Document("", "text/calendar")
        )
        yield Member("", document=document)
        return
    for number, entry in enumerate(entries, 1):
        budget.count_member()
        yield Member(str(number), document=entry.document("text/calendar"))


def _entries(data: bytes) -> Iterator[_Entry]:
    if b"QUOTED-PRINTABLE" in data.upper():
        data = _QUOTED_PRINTABLE_FOLD.sub(b"", data)
    text = decode(_FOLD.sub(b"", data)).text
    entry: _Entry | None = None
    inside: list[str] = []  # open components below the entry, such as alarms
    for line in text.split("\n"):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        name, parameters, value = match[1].rpartition(".")[2].upper(), match[2], match[3]
        if name == "BEGIN":
            if entry is not None:
                inside.append(value)
            elif value.upper() in _RECORDS:
                entry = _Entry()
        elif name == "END" and entry is not None:
            if inside:
                inside.pop()
            else:
                yield entry
                entry = None
        elif entry is not None and not inside:
            value = _value(name, parameters, value)
            if value:
                entry.values.append((name, value))


def _value(name: str, parameters: str, value: str) -> str:
    """Return a value as people write it; "" for encoded data."""
    upper = parameters.upper()
    if "ENCODING=B" in upper or value.startswith("data:"):
        return ""
    if "QUOTED-PRINTABLE" in upper:
        value = decode(quopri.decodestring(value.encode("utf-8", "replace"))).text
    if name in _DATES and (match := _DATE.fullmatch(value)) is not None:
        return _date(match.groups())
    if name in {"ATTENDEE", "ORGANIZER"}:
        common_name = re.search(r';CN=(?:"([^"]*)"|([^;:]*))', parameters, re.IGNORECASE)
        address = re.sub(r"^mailto:", "", value, flags=re.IGNORECASE)
        person = _CARET.sub(_caret, (common_name[1] or common_name[2] or "") if common_name else "")
        value = f"{' '.join(person.split())} <{address}>" if person else address
    elif name in _STRUCTURED:
        parts = [_unescape(part) for part in re.split(r"(?<!\\);", value)]
        return ", ".join(filter(None, (" ".join(part.split()) for part in parts)))[:_MAX_VALUE]
    return strip_invalid_characters(_unescape(value)).strip()[:_MAX_VALUE]


def _unescape(value: str) -> str:
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def _caret(match: re.Match[str]) -> str:
    return {"n": " ", "'": '"', "^": "^"}[match[1]]


def _date(parts: Sequence[str | None]) -> str:
    year, month, day, hour, minute, _, zone = parts
    date = f"{year}-{month}-{day}"
    return f"{date}T{hour}:{minute}{zone or ''}" if hour else date
