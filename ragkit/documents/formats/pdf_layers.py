"""PDF layers (optional content) that are off when the file is opened: what is on them is not seen.

PDFium draws without them, but its text has what is on them, and it does not name the layers that
are off. They are looked up in the file's own objects; then what is marked with their names is taken
off a page before its text is read. Forms and images that are on such a layer as a whole, and
dictionaries by which several layers decide, get another key or type in a copy of the bytes, as
PDFium does not say which it has met. Reads only the part of PDF's syntax that this takes.
"""

from __future__ import annotations

import ctypes
import re
import zlib
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_KEY = b"/OCProperties"
_MEMBERSHIP = re.compile(rb"/Type\s{0,9}/OCMD\b")
_ALL_MEMBERSHIPS = ""  # in place of a name: content that several layers decide about is hidden
_MAX_INFLATED = 64_000_000  # bytes of all object streams
_MAX_DICTIONARY = 400  # bytes of an object stream's dictionary
_MAX_DEPTH = 20  # of dictionaries, arrays and form objects in each other
_MAX_MEMBERSHIPS = 1000
_MAX_MEMBERSHIP = 10_000  # bytes of one
_MAX_OBJECTS = 100_000  # of a page
_MAX_ON_LAYERS = 1000  # forms and images
_MAX_HEADER = 20_000  # bytes of the dictionary of a form or an image
_ON_LAYER = re.compile(rb"/OC\s{0,9}\d{1,10}\s{1,9}\d{1,5}\s{1,9}R\b")
_SUBTYPE = re.compile(rb"/Subtype\s{0,9}/(?=Form\b|Image\b)")
_LAYERS_KEY = re.compile(rb"/OCGs\b")
_HIDDEN_KEY = "OCGx"  # in place of OCGs
_OBJECT = re.compile(rb"(?<![0-9])(\d{1,10})[ \r\n]+\d{1,5}[ \r\n]+obj\b")
_TOKEN = re.compile(
    rb"\s*(?:%[^\r\n]*[\r\n]\s*)*(<<|>>|\[|\]|/[^\s()<>\[\]{}/%]*|\((?:[^()\\]|\\.)*\)"
    rb"|<[0-9A-Fa-f\s]*>|\d+\s+\d+\s+R\b|[^\s()<>\[\]{}/%]+)",
    re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|.))", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}

_DAMAGE = (ValueError, IndexError, TypeError, AttributeError, KeyError, RecursionError)

_Handle = Any  # of PDFium: a page, or an object on it
_Reference = int  # number of an object
_Value = Any  # bytes (a name with "/", a string, a number), _Reference, list or dict of them


def hidden_layers(data: bytes) -> frozenset[str]:
    """Return the names of the layers of a PDF that are off when it is opened.

    A name that a visible layer has, too, is left out. Empty if the file cannot be understood.
    """
    if _KEY not in data and b"/ObjStm" not in data:
        return frozenset()
    try:
        objects = _Objects(data)
        return frozenset(_hidden(objects, *_layers(objects)))
    except _DAMAGE:
        return frozenset()


def without_hidden_objects(data: bytes) -> bytes:
    """Return a PDF without the forms and images that are on a layer that is off, and with its
    hidden membership dictionaries marked for `remove_hidden_content`; as many bytes as before."""
    if b"/OC" not in data:
        return data
    try:
        objects = _Objects(data)
        _, off = _layers(objects)
        if not off:
            return data
        patches = list(_patches(objects, off))
    except _DAMAGE:
        return data
    if not patches:
        return data
    patched = bytearray(data)
    for offset, letters in patches:
        patched[offset : offset + len(letters)] = letters
    return bytes(patched)


def _patches(objects: _Objects, off: set[int]) -> Iterator[tuple[int, bytes]]:
    """Yield where to write which bytes into the file."""
    body = objects.body
    for start, membership in objects.memberships_in_body():
        key = _LAYERS_KEY.search(body, start, start + _MAX_MEMBERSHIP)
        if key is not None and _is_hidden(objects, membership, off):
            yield key.start() + 1, _HIDDEN_KEY.encode()
    start = count = 0
    for found in islice(_ON_LAYER.finditer(body), _MAX_OBJECTS):
        object_start = body.rfind(b" obj", max(0, found.start() - _MAX_HEADER), found.start())
        if object_start < 0 or object_start + 4 == start:  # in an object that was looked at
            continue
        start, count = object_start + 4, count + 1
        if count > _MAX_ON_LAYERS:
            return
        try:
            header = _parse(body[start : start + _MAX_HEADER], 0)
            layer = header[b"/OC"]
            is_off = layer in off or _is_hidden(objects, objects.resolve(layer), off)
        except _DAMAGE:
            continue
        subtype = _SUBTYPE.search(body, start, start + _MAX_HEADER)
        if is_off and subtype is not None and header.get(b"/Subtype") in (b"/Form", b"/Image"):
            yield subtype.end(), b"None"


def _layers(objects: _Objects) -> tuple[list[int], set[int]]:
    """Return all layers of a file, and those that are off when it is opened."""
    properties = objects.find_layers()
    if properties is None:
        return [], set()
    default = objects.resolve(properties.get(b"/D", {}))
    layers = list(objects.resolve(properties.get(b"/OCGs", [])))
    off = set(objects.resolve(default.get(b"/OFF", [])))
    if objects.resolve(default.get(b"/BaseState")) == b"/OFF":
        off = set(layers) - set(objects.resolve(default.get(b"/ON", [])))
    return layers, off


def _hidden(objects: _Objects, layers: list[int], off: set[int]) -> Iterator[str]:
    if not off:
        return
    names = {layer: _text(objects.resolve(objects.resolve(layer)[b"/Name"])) for layer in layers}
    visible = {name for layer, name in names.items() if layer not in off}
    yield from {name for layer, name in names.items() if layer in off} - visible
    # In object streams they cannot be marked, and PDFium does not tell one from another.
    memberships = [_is_hidden(objects, found, off) for found in objects.memberships()]
    if memberships and all(memberships):
        yield _ALL_MEMBERSHIPS


def _is_hidden(objects: _Objects, membership: dict[bytes, _Value], off: set[int]) -> bool:
    """Whether content with this membership dictionary is hidden (ISO 32000-1, 8.11.2.2)."""
    listed = membership.get(b"/OCGs", [])
    try:
        if isinstance(listed, _Reference) and isinstance(objects.resolve(listed), list):
            listed = objects.resolve(listed)
        layers = [listed] if isinstance(listed, _Reference) else list(listed)
        states = [layer in off for layer in layers]
    except (ValueError, IndexError, TypeError, KeyError):  # damaged: the other layers count
        return False
    if b"/VE" in membership or not states:
        return False
    is_hidden = {b"/AllOn": any(states), b"/AnyOff": not any(states), b"/AllOff": not all(states)}
    return is_hidden.get(membership.get(b"/P", b"/AnyOn"), all(states))


class _Objects:
    """The objects of a file, by number: those of its body and those in its object streams. Of
    several versions of one, the last in the file counts: an update is appended."""

    def __init__(self, data: bytes) -> None:
        self._sources: list[bytes] = [data]
        self._starts: list[int] = [0]  # of each source in the file
        self._places: dict[int, tuple[int, int]] = {}  # number → (source, offset); if looked for
        self._in_streams: dict[int, tuple[int, int]] = {}
        if b"/ObjStm" in data:
            self._read_object_streams(data)

    @property
    def body(self) -> bytes:
        """The file itself."""
        return self._sources[0]

    def find_layers(self) -> dict[bytes, _Value] | None:
        """Return the dictionary of layers that the last catalog has; None if there is none."""
        data, *streams = self._sources
        found = [(start, stream) for start, stream in zip(self._starts[1:], streams, strict=True)
                 if _KEY in stream]  # fmt: skip
        if (at := data.rfind(_KEY)) >= 0:
            found.append((at, data))
        if not found:
            return None
        _, source = max(found, key=itemgetter(0))
        value = self.resolve(_parse(source, source.rfind(_KEY) + len(_KEY)))
        return value if isinstance(value, dict) else None

    def memberships(self) -> list[dict[bytes, _Value]]:
        """Return the membership dictionaries of the file; none if there are too many."""
        found = [
            membership
            for source in self._sources
            for _, membership in islice(_memberships_in(source), _MAX_MEMBERSHIPS + 1)
        ]
        return found if len(found) <= _MAX_MEMBERSHIPS else []

    def memberships_in_body(self) -> Iterator[tuple[int, dict[bytes, _Value]]]:
        """Yield the membership dictionaries outside of object streams, and where they begin."""
        yield from islice(_memberships_in(self.body), _MAX_MEMBERSHIPS)

    def resolve(self, value: _Value) -> _Value:
        """Return what a reference refers to; other values as they are."""
        if not isinstance(value, _Reference):
            return value
        if not self._places:
            for found in _OBJECT.finditer(self._sources[0]):
                self._places[int(found[1])] = (0, found.end())
            for number, (source, offset) in self._in_streams.items():
                if self._starts[source] > self._places.get(number, (0, -1))[1]:
                    self._places[number] = (source, offset)
        source, offset = self._places[value]
        return _parse(self._sources[source], offset)

    def _read_object_streams(self, data: bytes) -> None:
        end, allowance = 0, _MAX_INFLATED
        for found in re.finditer(rb"/ObjStm\b", data):
            start = data.find(b"stream", found.end(), found.end() + _MAX_DICTIONARY)
            if start < 0 or found.start() < end:
                continue
            dictionary = data[max(end, found.start() - _MAX_DICTIONARY) : start]
            first = re.search(rb"/First\s{1,9}(\d{1,9})", dictionary)
            count = re.search(rb"/N\s{1,9}(\d{1,9})", dictionary)
            start += 8 if data.startswith(b"\r\n", start + 6) else 7
            end = data.find(b"endstream", start)
            if end < 0 or allowance <= 0:
                return
            if first is None or count is None:
                continue
            try:
                unpacked = zlib.decompressobj().decompress(data[start:end], allowance)
            except zlib.error:
                continue
            allowance -= len(unpacked)
            numbers = unpacked[: int(first[1])].split()[: 2 * int(count[1])]
            if not all(number.isdigit() and len(number) < 11 for number in numbers):
                continue
            for number, offset in zip(numbers[::2], numbers[1::2], strict=False):
                place = (len(self._sources), int(first[1]) + int(offset))
                self._in_streams[int(number)] = place
            self._sources.append(unpacked)
            self._starts.append(start)


def _memberships_in(source: bytes) -> Iterator[tuple[int, dict[bytes, _Value]]]:
    for match in _MEMBERSHIP.finditer(source):
        start = source.rfind(b"<<", max(0, match.start() - _MAX_DICTIONARY), match.start())
        try:
            value = _parse(source[start : start + _MAX_MEMBERSHIP], 0) if start >= 0 else None
        except (ValueError, IndexError):
            value = None
        yield start, value if isinstance(value, dict) else {}


def _parse(source: bytes, offset: int) -> _Value:
    """Return the value at an offset: a name, a string, a number, a reference, a list or a dict."""
    stack: list[list[_Value]] = [[]]
    position = offset
    while True:
        token = _TOKEN.match(source, position)
        if token is None or len(stack) > _MAX_DEPTH:
            raise ValueError("no PDF object")
        position, word = token.end(), token[1]
        if word in (b"<<", b"["):
            stack.append([])
            continue
        if word in (b">>", b"]"):
            items = stack.pop()
            value: _Value = items
            if word == b">>":
                value = dict(zip(items[::2], items[1::2], strict=False))
        elif word.endswith(b"R") and word[:1].isdigit():
            value = int(word.split()[0])
        else:
            value = word
        if len(stack) == 1:
            return value
        stack[-1].append(value)


def _text(string: bytes) -> str:
    """Decode a string of a PDF, in parentheses or hexadecimal."""
    if string.startswith(b"<"):
        digits = re.sub(rb"\s", b"", string[1:-1])
        content = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    else:
        content = _ESCAPE.sub(_unescape, string[1:-1])
    return _decode(content)


def _decode(content: bytes) -> str:
    """Decode the content of a string: UTF-16, UTF-8 or Latin-1."""
    if content.startswith((b"\xfe\xff", b"\xff\xfe")):
        return content.decode("utf-16", "replace")
    if content.startswith(b"\xef\xbb\xbf"):
        return content[3:].decode("utf-8", "replace")
    return content.decode("latin-1")


def _unescape(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes([int(found[1], 8) & 0xFF])
    return b"" if found[2] in (b"\n", b"\r", b"\r\n") else _ESCAPED.get(found[2], found[2])


def remove_hidden_content(page: PdfPage, hidden: frozenset[str]) -> int:
    """Take what is on these layers off a page, in memory; return the number of objects."""
    from pypdfium2 import raw

    return _remove_objects(
        page.raw,
        hidden,
        (raw.FPDFPage_CountObjects, raw.FPDFPage_GetObject, raw.FPDFPage_RemoveObject),
        0,
    )


def _remove_objects(
    parent: _Handle, hidden: frozenset[str], functions: tuple[Any, Any, Any], depth: int
) -> int:
    from pypdfium2 import raw

    count, get, remove = functions
    removed = 0
    for index in reversed(range(min(count(parent), _MAX_OBJECTS))):
        item = get(parent, index)
        if _is_on_layer(item, hidden):
            if remove(parent, item):
                raw.FPDFPageObj_Destroy(item)
                removed += 1
        elif depth < _MAX_DEPTH and raw.FPDFPageObj_GetType(item) == raw.FPDF_PAGEOBJ_FORM:
            inner = (
                raw.FPDFFormObj_CountObjects,
                raw.FPDFFormObj_GetObject,
                raw.FPDFFormObj_RemoveObject,
            )
            removed += _remove_objects(item, hidden, inner, depth + 1)
    return removed


def _is_on_layer(item: _Handle, layers: frozenset[str]) -> bool:
    from pypdfium2 import raw

    buffer, size = (ctypes.c_ubyte * 512)(), ctypes.c_ulong()
    for index in range(raw.FPDFPageObj_CountMarks(item)):
        mark = raw.FPDFPageObj_GetMark(item, index)
        letters = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort))
        raw.FPDFPageObjMark_GetName(mark, letters, 512, size)
        if bytes(buffer)[: size.value] != "OC\0".encode("utf-16-le"):
            continue
        # The bytes of the name: PDFium drops all letters from it that are not ASCII.
        if raw.FPDFPageObjMark_GetParamBlobValue(mark, b"Name", buffer, 512, size):
            name = _decode(bytes(buffer)[: size.value])
        elif _has_hidden_key(mark, buffer, size):
            return True
        else:
            name = _ALL_MEMBERSHIPS
        if name in layers:
            return True
    return False


def _has_hidden_key(
    mark: _Handle, buffer: ctypes.Array[ctypes.c_ubyte], size: ctypes.c_ulong
) -> bool:
    """Whether the dictionary of a mark is one that `without_hidden_objects` has marked."""
    from pypdfium2 import raw

    letters = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort))
    for index in range(min(raw.FPDFPageObjMark_CountParams(mark), _MAX_DEPTH)):
        raw.FPDFPageObjMark_GetParamKey(mark, index, letters, 512, size)
        if bytes(buffer)[: size.value] == f"{_HIDDEN_KEY}\0".encode("utf-16-le"):
            return True
    return False
