"""E-mail messages (RFC 5322, MIME) and mboxes → Documents and attachments.

The text of a message is its plain-text part, else its HTML part, below the lines From, To and Date,
so that search finds messages by sender and date. Headers become metadata. Broken headers and wrong
character sets are decoded as far as possible. Knows single messages (also those of a Maildir) and
mboxes (RFC 4155); fetches nothing.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from ragkit.documents.decoding import UNSAFE_CODECS, decode
from ragkit.documents.formats.mail import uuencoded
from ragkit.documents.formats.web.html import read_html
from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import MAX_MEMBERS, Budget
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import EML

_MAX_HEADER = 2000  # characters of one header; lists of recipients may fill pages
_MAX_RAW_HEADER = 4 * _MAX_HEADER  # before its encoded words are decoded
_BOUNDARY = re.compile(rb"boundary=[\"']?([^\"'\s;]{1,80})")
# Multipart parts of one message. The email package compares every line with every open boundary.
_MAX_MULTIPARTS = 200
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature"})
_ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime"})
_MAX_BODY_DEPTH = 40  # nested multiparts
# A text part beside a page that only says so: short, and with such words or far shorter.
_STUB = re.compile(r"\bHTML\b|\bbrowser\b|\bview (?:this|it|the) ", re.IGNORECASE)
_MAX_STUB, _MIN_STUB_FACTOR = 300, 5  # characters; times
_BODY_TYPES = frozenset({"text/plain", "text/html"})
# Declared charsets that many senders set without using them: the content decides.
_UNRELIABLE_CHARSETS = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1", "latin1"})
# A message of an mbox begins after an empty line with a "From " line; without a header below it,
# the line is text.
_FROM_LINE = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]*\n(?=[!-9;-~]{1,99}:|>From )")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


def read_eml(data: bytes, name: str) -> Document:
    """Read one message without its attachments. Raises `DocumentError` for too many parts."""
    return _message_document(_parse_message(data))


def eml_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a message's own document (named ""), then its attachments.

    Raises `DocumentError` for too many parts, `BudgetExceededError` if the budget is used up.
    """
    yield from _message_members(_parse_message(data), budget)


def read_emlx(data: bytes, name: str) -> Document:
    """Read a message that Apple Mail stored, like `read_eml`."""
    return read_eml(_emlx_message(data), name)


def emlx_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the members of a message that Apple Mail stored, like `eml_members`."""
    yield from eml_members(_emlx_message(data), name, budget)


def _emlx_message(data: bytes) -> bytes:
    """Return the message between the line with its size and the property list."""
    first, _, rest = data.partition(b"\n")
    size = first.strip()
    return rest[: int(size)] if size.isdigit() and len(size) < 12 else data


def from_lines(data: bytes | bytearray, start: int, end: int) -> Iterator[re.Match[bytes]]:
    """Yield the lines between two offsets with which messages of a mailbox begin."""
    return _FROM_LINE.finditer(data, start, end)


def mbox_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the messages of an mbox, named "1", "2", …, with their attachments ("1/a.pdf").

    A message that cannot be read is yielded with the reason. Messages do not count as members: the
    last ones are the newest, and a limit would lose them. Raises `BudgetExceededError` if the
    budget is used up otherwise.
    """
    starts = [(match.start(), match.end()) for match in _FROM_LINE.finditer(data)]
    ends = [start for start, _ in starts[1:]] + [len(data)]
    for number, ((_, start), end) in enumerate(zip(starts, ends, strict=True), 1):
        budget.check_time()
        message = _QUOTED_FROM.sub(rb"\1", data[start:end])
        try:
            for member in _message_members(_parse_message(message), budget):
                member_name = f"{number}/{member.name}" if member.name else str(number)
                yield replace(member, name=member_name)
        except DocumentError as error:
            yield Member(str(number), reason=str(error), kind=error.kind)


def _parse_message(data: bytes) -> Message:
    boundaries = _BOUNDARY.findall(data)
    if len(boundaries) > _MAX_MULTIPARTS:
        raise DocumentError(f"more than {_MAX_MULTIPARTS} multipart parts", kind="limit")
    if sum(data.count(b"\n--" + boundary) for boundary in set(boundaries)) > MAX_MEMBERS:
        raise DocumentError(f"more than {MAX_MEMBERS:,} parts", kind="limit")
    try:
        return email.message_from_bytes(data.lstrip(b"\r\n"))
    except RecursionError as error:
        raise DocumentError("its parts are nested too deep", kind="limit") from error


def _message_members(message: Message, budget: Budget) -> Iterator[Member]:
    yield Member("", document=_message_document(message))
    for part in _attachments(message):
        budget.count_member()
        yield _attachment_member(part)
    for part in _leaf_parts(message):
        if part.get_content_type() == "text/plain" and not _is_attached(part):
            for name, content in uuencoded.iter_files(_plain_text(part)):
                budget.count_member()
                yield Member(name.replace("/", "_"), content)


def _message_document(message: Message) -> Document:
    body = _body(message)
    if body is None:
        encrypted = message.get_content_type() in _ENCRYPTED
        body = Document("", EML, warnings=("encrypted: its text is not read",) * encrypted)
    return add_headers(body, _header(message, "subject"), _metadata(message), EML)


def add_headers(
    body: Document, subject: str | None, metadata: dict[str, str], media_type: str
) -> Document:
    """Return `body` below the lines From, To and Date, with `subject` as its title.

    `metadata`: the headers by lower-case name. A message without text gets a Subject line.
    """
    lines = [f"{key.title()}: {metadata[key]}" for key in ("from", "to", "date") if key in metadata]
    if subject and not body.text.strip():
        lines.append(f"Subject: {subject}")  # otherwise search could not find the message
    writer = DocumentWriter()
    writer.add("\n".join(lines))
    writer.add_document(body)
    return replace(
        writer.document(media_type),
        title=subject or None,
        encoding=None,  # every part has its own
        encoding_by=None,
        metadata={**body.metadata, **metadata},
        warnings=body.warnings,
    )


def _metadata(message: Message) -> dict[str, str]:
    values = {key: _addresses(message, key) for key in ("from", "to", "cc")}
    values["date"] = _date(message)
    values["message_id"] = _header(message, "message-id")
    values["in_reply_to"] = _header(message, "in-reply-to")
    return {key: value for key, value in values.items() if value}


def _header(message: Message, name: str) -> str | None:
    """Return a header decoded, on one line."""
    value = _raw_header(message, name)
    return _decode_header(value)[:_MAX_HEADER] if value is not None else None


def _raw_header(message: Message, name: str) -> str | None:
    """Return the first header of this name undecoded; its non-ASCII bytes are surrogates."""
    values = (value for key, value in message.raw_items() if key.lower() == name)
    return next(map(str, values), None)


def _decode_header(value: str) -> str:
    """Decode the encoded words (RFC 2047) and raw bytes of a header, on one line."""
    pieces: list[str] = []
    try:
        decoded = decode_header(value[:_MAX_RAW_HEADER])
    except (ValueError, LookupError):
        decoded = [(value, None)]
    for piece, charset in decoded:
        if isinstance(piece, str):
            raw = piece.encode("utf-8", "surrogateescape")
        elif charset is None:  # text between encoded words
            raw = piece
        else:
            pieces.append(_decode_charset(piece, charset))
            continue
        pieces.append(decode(raw).text)
    return " ".join(strip_invalid_characters("".join(pieces)).split())


def _decode_charset(data: bytes, charset: str | None) -> str:
    """Decode by the declared charset if it is reliable, else by what the bytes look like."""
    name = (charset or "utf-8").lower().strip("'\" ")
    if name not in _UNRELIABLE_CHARSETS and name not in UNSAFE_CODECS:
        try:
            return data.decode(name)
        except (LookupError, UnicodeError):
            pass
    return decode(data, name).text


def _addresses(message: Message, name: str) -> str | None:
    """Return the addresses of a header as `Anna Berg <anna@example.org>, …`."""
    value = _raw_header(message, name)
    if value is None:
        return None
    # Addresses are split before names are decoded, because decoded names may contain commas.
    unfolded = " ".join(value[:_MAX_RAW_HEADER].split())
    addresses = [
        f"{_decode_header(person)} <{address}>" if person else address
        for person, address in getaddresses([unfolded])
        if address
    ]
    return strip_invalid_characters(", ".join(addresses) or _decode_header(unfolded))[:_MAX_HEADER]


def _date(message: Message) -> str | None:
    """Return the date in ISO 8601, with the sender's UTC offset if known; else as written."""
    value = _raw_header(message, "date")
    if value is None:
        return None
    try:
        return parsedate_to_datetime(value).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return _decode_header(value)[:_MAX_HEADER]


def _is_attached(part: Message) -> bool:
    has_name = "name" in str(part.get("content-type", "")).lower()
    if not has_name and "content-disposition" not in part:
        return False
    return part.get_content_disposition() == "attachment" or part.get_filename() is not None


def _leaf_parts(message: Message) -> Iterator[Message]:
    """Yield the parts without subparts, in order. An attached message is one part."""
    stack = [message]
    while stack:
        part = stack.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            stack.extend(reversed(part.get_payload()))  # type: ignore[arg-type]
        else:
            yield part


def _body(message: Message) -> Document | None:
    """Return the text of a message: all its inline parts in order, of alternatives the best."""
    parts = [part for part in _body_parts(message, _MAX_BODY_DEPTH) if part.text.strip()]
    if len(parts) < 2:
        return parts[0] if parts else None
    writer = DocumentWriter()
    for part in parts:
        writer.add_document(part)
    warnings = dict.fromkeys(warning for part in parts for warning in part.warnings)
    return replace(writer.document(EML), warnings=tuple(warnings))


def _body_parts(part: Message, depth: int) -> Iterator[Document]:
    """Yield the documents of the inline text parts of a part, in order."""
    media_type = part.get_content_type()
    maintype, _, subtype = media_type.partition("/")
    if maintype == "multipart" and part.is_multipart():
        subparts = [sub for sub in part.get_payload() if isinstance(sub, Message)]
        if depth == 0 or not subparts:
            return
        if subtype == "alternative":
            yield from _best_alternative(_body_parts(sub, depth - 1) for sub in subparts)
        elif subtype == "related":
            yield from _body_parts(_root_of_related(part, subparts), depth - 1)
        else:
            for sub in subparts:
                yield from _body_parts(sub, depth - 1)
    elif media_type in _BODY_TYPES and not _is_attached(part):
        if media_type == "text/plain":
            text = uuencoded.without_files(_plain_text(part)).strip("\n")
            yield Document(text, EML)
        else:
            yield _html_document(part)


def _root_of_related(part: Message, subparts: list[Message]) -> Message:
    """Return the part that the others are shown in: the one that `start` names, or the first."""
    start = str(part.get_param("start", "")).strip("<> ")
    named = (sub for sub in subparts if str(sub.get("content-id", "")).strip("<> ") == start)
    return next(named, subparts[0]) if start else subparts[0]


def _best_alternative(alternatives: Iterable[Iterator[Document]]) -> list[Document]:
    """Return the plain text, unless it only says that there is a page. Behind a long plain text
    nothing is read."""
    plain: list[Document] = []
    page: list[Document] = []
    for alternative in alternatives:
        parts = list(alternative)
        if not any(part.text.strip() for part in parts):
            continue
        if parts[0].media_type != EML:
            page = parts
        elif not plain:
            plain = parts
            text = "\n".join(part.text for part in plain).strip()
            if len(text) >= _MAX_STUB:
                return plain
    if not plain or not page:
        return plain or page
    length = sum(len(part.text) for part in page)
    is_stub = _STUB.search(text) is not None or _MIN_STUB_FACTOR * len(text) < length
    return page if is_stub and length > len(text) else plain


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (LookupError, UnicodeError, ValueError):
        return None


def _plain_text(part: Message) -> str:
    text = strip_invalid_characters(_decode_charset(_content(part), _charset(part)))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    is_flowed = "flowed" in str(part.get("content-type", "")).lower()
    if is_flowed and str(part.get_param("format", "")).lower() == "flowed":
        text = _join_flowed_lines(text, str(part.get_param("delsp", "")).lower() == "yes")
    return text


def _join_flowed_lines(text: str, delete_space: bool) -> str:
    """Join the lines of a paragraph in `format=flowed` (RFC 3676): a line that ends in a space
    continues on the next line of the same quotation. The signature separator stays.

    `delete_space`: that space is no part of the text (`delsp`)."""
    lines: list[str] = []
    continues, depth_before = False, 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")  # added before lines that begin with a space or ">"
        if continues and depth == depth_before:
            lines[-1] = (lines[-1][:-1] if delete_space else lines[-1]) + content
        else:
            lines.append(
                f"{'>' * depth} {content}" if depth and content else line[:depth] + content
            )
        continues, depth_before = content.endswith(" ") and content != "-- ", depth
    return "\n".join(lines)


def _html_document(part: Message) -> Document:
    markup = _decode_charset(_content(part), _charset(part))
    return read_html(b"\xef\xbb\xbf" + markup.encode("utf-8", "replace"), "")


def _attachments(message: Message) -> Iterator[Message]:
    for part in _leaf_parts(message):
        if part.get_content_type() not in _BODY_TYPES or _is_attached(part):
            yield part


def _file_name(part: Message) -> str:
    """Return the name of an attachment; "" if it has none."""
    name = part.get_filename() or ""
    if "\ufffd" not in name:
        return _decode_header(name)
    # The email package drops bytes beyond ASCII that are not encoded, which many programs write.
    decoded = Message()
    for header in ("content-disposition", "content-type"):
        if (value := _raw_header(part, header)) is not None:
            decoded[header] = decode(value.encode("utf-8", "surrogateescape")).text
    return _decode_header(decoded.get_filename() or "")


def _attachment_member(part: Message) -> Member:
    media_type = part.get_content_type()
    if media_type == "message/rfc822" and part.is_multipart():
        inner = part.get_payload(0)
        subject = _header(inner, "subject") if isinstance(inner, Message) else None
        name = subject or "message"
        return Member(f"{name.replace('/', '_')}.eml", inner.as_bytes())  # type: ignore[union-attr]
    if part.is_multipart():  # a delivery report: its fields are parsed as messages
        payload = part.get_payload()
        reports = [report.as_bytes() for report in payload if isinstance(report, Message)]
        return Member(f"{part.get_content_subtype()}.txt", b"\n".join(reports))
    name = _file_name(part) or f"unnamed.{part.get_content_subtype()}"
    name = name.replace("/", "_")
    if media_type in _SIGNATURES:
        return Member(name, reason="signature", skipped=True, kind="no_document")
    if media_type.startswith("image/") and part.get("content-id") is not None:
        return Member(name, reason="image shown in the message", skipped=True, kind="no_document")
    return Member(name, _content(part))
