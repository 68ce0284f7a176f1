"""E-mail → Document: one message as text, with its headers as metadata; and what is attached.

The text is the plain part, else the HTML one; a line of From, To and Date opens it, so that a
message is found by who wrote it. Broken headers and character sets are read as well as they go.
Knows single messages (also those of a Maildir) and mboxes; fetches nothing.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from dataclasses import replace
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from ragkit.documents.budget import Budget
from ragkit.documents.containers import Member
from ragkit.documents.decoding import NO_CHARSETS, decode, without_controls
from ragkit.documents.formats.web.html import read_html
from ragkit.documents.layout.writer import Writing
from ragkit.documents.unpacking.limits import MAX_ENTRIES
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

EML, MBOX = "message/rfc822", "application/mbox"

_LONGEST_HEADER = 2000  # characters of one that is kept; lists of recipients go on for pages
_BOUNDARY = re.compile(rb"boundary=[\"']?([^\"'\s;]{1,80})")
_DEEPEST = 200  # parts that have parts: the email package asks each of them at every line
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature"})
# In an mbox a message begins after an empty line, with a line that only looks like text where no
# header follows it.
_FROM_LINE = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]*\n(?=[!-9;-~]{1,99}:|>From )")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


def read_eml(data: bytes, name: str) -> Document:
    """One message: its own text. Raises DocumentError where its parts nest without end."""
    return message_document(_parsed(data))


def eml_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """A message's own document, then its attachments."""
    yield from _message_members(_parsed(data), budget)


def mbox_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """The messages of an mbox, named "1", "2", …, each followed by its attachments."""
    starts = [(match.start(), match.end()) for match in _FROM_LINE.finditer(data)]
    ends = [start for start, _ in starts[1:]] + [len(data)]
    for number, ((_, start), end) in enumerate(zip(starts, ends, strict=True), 1):
        budget.member()
        message = _QUOTED_FROM.sub(rb"\1", data[start:end])
        try:
            for member in _message_members(_parsed(message), budget):
                inner = f"{number}/{member.name}" if member.name else str(number)
                yield replace(member, name=inner)
        except DocumentError as error:
            yield Member(str(number), reason=str(error), kind=error.kind)


def _parsed(data: bytes) -> Message:
    boundaries = _BOUNDARY.findall(data)
    if len(boundaries) > _DEEPEST:
        raise DocumentError(f"more than {_DEEPEST} parts with parts of their own", kind="limit")
    if sum(data.count(b"\n--" + boundary) for boundary in set(boundaries)) > MAX_ENTRIES:
        raise DocumentError(f"more than {MAX_ENTRIES:,} parts", kind="limit")
    try:
        return email.message_from_bytes(data.lstrip(b"\r\n"))
    except RecursionError as error:
        raise DocumentError("its parts are nested too deep", kind="limit") from error


def _message_members(message: Message, budget: Budget) -> Iterator[Member]:
    yield Member("", document=message_document(message))
    for part in _attachments(message):
        budget.member()
        yield _attachment(part)


def message_document(message: Message) -> Document:
    """The text of a message with its headers: title, and metadata from, to, cc, date, …"""
    metadata = _metadata(message)
    body = _body(message)
    if body is None:
        kind = message.get_content_type()
        encrypted = kind in {"multipart/encrypted", "application/pkcs7-mime"}
        body = Document("", EML, warnings=("encrypted: its text is not read",) * encrypted)
    return with_headers(body, _header(message, "subject"), metadata, EML)


def with_headers(
    body: Document, subject: str | None, metadata: dict[str, str], media_type: str
) -> Document:
    """`body` under the lines From, To and Date."""
    lines = [f"{key.title()}: {metadata[key]}" for key in ("from", "to", "date") if key in metadata]
    if subject and not body.text.strip():
        lines.append(f"Subject: {subject}")  # all there is to find
    writing = Writing()
    writing.add("\n".join(lines))
    writing.include(body)
    return replace(
        writing.document(media_type),
        title=subject or None,
        encoding=None,  # each part has its own
        encoding_by=None,
        metadata={**body.metadata, **metadata},
        warnings=body.warnings,
    )


def _metadata(message: Message) -> dict[str, str]:
    found = {key: _addresses(message, key) for key in ("from", "to", "cc")}
    found["date"] = _date(message)
    found["message_id"] = _header(message, "message-id")
    found["in_reply_to"] = _header(message, "in-reply-to")
    return {key: value for key, value in found.items() if value}


def _header(message: Message, name: str) -> str | None:
    """A header's words, decoded and on one line."""
    value = _raw(message, name)
    return _words(value)[:_LONGEST_HEADER] if value is not None else None


def _raw(message: Message, name: str) -> str | None:
    """A header as it stands; bytes that are not ASCII are surrogates."""
    values = (value for key, value in message.raw_items() if key.lower() == name)
    return next(map(str, values), None)


def _words(value: str) -> str:
    pieces: list[str] = []
    try:
        decoded = decode_header(value[: 4 * _LONGEST_HEADER])
    except (ValueError, LookupError):
        decoded = [(value, None)]
    for piece, charset in decoded:
        if isinstance(piece, str):
            raw = piece.encode("utf-8", "surrogateescape")
        elif charset is None:  # the piece of a header between encoded words
            raw = piece
        else:
            pieces.append(_decoded(piece, charset))
            continue
        pieces.append(decode(raw).text)
    return " ".join(without_controls("".join(pieces)).split())


def _decoded(data: bytes, charset: str | None) -> str:
    """What a part says its encoding is comes first, unlike in files, as gateways set it."""
    name = (charset or "utf-8").lower().strip("'\" ")
    if name not in {"utf-8", "us-ascii", "ascii", "iso-8859-1", "latin1", *NO_CHARSETS}:
        try:
            return data.decode(name)
        except (LookupError, UnicodeError):
            pass
    return decode(data, name).text


def _addresses(message: Message, name: str) -> str | None:
    """`Anna Berg <anna@example.org>, …`"""
    value = _raw(message, name)
    if value is None:
        return None
    # Names are decoded after the commas between addresses are found: they may hold some.
    folded = " ".join(value[: 4 * _LONGEST_HEADER].split())
    found = [
        f"{_words(person)} <{address}>" if person else address
        for person, address in getaddresses([folded])
        if address
    ]
    return without_controls(", ".join(found) or _words(folded))[:_LONGEST_HEADER]


def _date(message: Message) -> str | None:
    """ISO 8601, with the sender's offset from UTC where there is one."""
    value = _raw(message, "date")
    if value is None:
        return None
    try:
        return parsedate_to_datetime(value).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return _words(value)[:_LONGEST_HEADER]


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or part.get_filename() is not None


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that have no parts; an attached message counts as one."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting.extend(reversed(part.get_payload()))  # type: ignore[arg-type]
        else:
            yield part


def _body(message: Message) -> Document | None:
    """The plain text parts, else the HTML ones, that are not attached."""
    shown = [part for part in _leaves(message) if not _is_attached(part)]
    plain = [part for part in shown if part.get_content_type() == "text/plain"]
    texts = [_plain(part) for part in plain]
    if any(text.strip() for text in texts):
        return Document("\n\n".join(text.strip("\n") for text in texts if text.strip()), EML)
    pages = [part for part in shown if part.get_content_type() == "text/html"]
    for part in pages:
        page = _page(part)
        if page.text.strip():
            more = len(pages) > 1
            return replace(page, warnings=page.warnings + ("further HTML parts left out",) * more)
    return None


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (LookupError, UnicodeError, ValueError):
        return None


def _plain(part: Message) -> str:
    text = without_controls(_decoded(_content(part), _charset(part)))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if str(part.get_param("format", "")).lower() == "flowed":
        text = _unflowed(text)
    return text


def _unflowed(text: str) -> str:
    """Paragraphs of RFC 3676: a line that ends in a space goes on in the next."""
    lines: list[str] = []
    open_line = False
    for line in text.split("\n"):
        if open_line and not line.startswith(">"):
            lines[-1] += line
        else:
            lines.append(line)
        open_line = line.endswith(" ") and line != "-- " and not line.startswith(">")
    return "\n".join(lines)


def _page(part: Message) -> Document:
    markup = _decoded(_content(part), _charset(part))
    return read_html(b"\xef\xbb\xbf" + markup.encode("utf-8", "replace"), "")


def _attachments(message: Message) -> Iterator[Message]:
    texts = {"text/plain", "text/html"}
    for part in _leaves(message):
        if part.get_content_type() not in texts or _is_attached(part):
            yield part


def _attachment(part: Message) -> Member:
    kind = part.get_content_type()
    if kind == "message/rfc822" and part.is_multipart():
        inner = part.get_payload(0)
        subject = _header(inner, "subject") if isinstance(inner, Message) else None
        name = subject or "message"
        return Member(f"{name.replace('/', '_')}.eml", inner.as_bytes())  # type: ignore[union-attr]
    if part.is_multipart():  # what a mail server reports, as headers
        pieces = [each.as_bytes() for each in part.get_payload() if isinstance(each, Message)]
        return Member(f"{part.get_content_subtype()}.txt", b"\n".join(pieces))
    name = _words(part.get_filename() or "") or f"unnamed.{part.get_content_subtype()}"
    name = name.replace("/", "_")
    if kind in _SIGNATURES:
        return Member(name, reason="signature", skipped=True, kind="no_document")
    if kind.startswith("image/") and part.get("content-id") is not None:
        return Member(name, reason="image shown in the message", skipped=True, kind="no_document")
    return Member(name, _content(part))
