"""Tables in Pages, Numbers and Keynote documents → rows of texts.

The cells of a row lie in one buffer behind a table of offsets; texts lie in lists beside it. Number
formats are not read: numbers are shown as stored. Knows both layouts of cells, of 2013 and later.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ragkit.documents.formats.office.iwork.iwa import (
    IworkObject,
    content,
    contents,
    number,
    parse_message,
    reference,
)
from ragkit.documents.formats.office.spreadsheets.number_formats import general_number
from ragkit.errors import DocumentError

TABLE, MODEL, _TILE, _LIST, _LIST_PART, _RICH_TEXT, STORAGE = (
    6000, 6001, 6002, 6005, 6011, 6218, 2001
)  # fmt: skip
_NUMBER, _TEXT, _DATE, _BOOLEAN, _DURATION, _ERROR, _RICH, _CURRENCY = 2, 3, 5, 6, 7, 8, 9, 10
_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
_MAX_COLUMNS = 10_000
_TILE_ROWS = 256
_MAX_CELL = 256  # bytes of a cell; its text lies elsewhere
_NO_CELL = (-1, 0xFFFF)

Objects = Mapping[int, IworkObject]


class IworkTable(NamedTuple):
    """A table: its name, and the texts of its cells by row and column from 0."""

    name: str
    rows: list[tuple[int, list[tuple[int, str]]]]


def read_table(objects: Objects, model: IworkObject) -> IworkTable:
    """Return a table. Raises `DocumentError` if it is damaged."""
    try:
        return _read_table(objects, model)
    except (struct.error, OverflowError, ValueError) as error:
        raise DocumentError(f"damaged table: {error}") from error


def table_model(objects: Objects, table: IworkObject) -> IworkObject | None:
    """Return the model of a table, which has its cells; None if it is missing."""
    model = objects.get(reference(content(table.fields(), 2)))
    return model if model is not None and model.kind == MODEL else None


def _read_table(objects: Objects, model: IworkObject) -> IworkTable:
    fields = model.fields()
    store = parse_message(content(fields, 4))
    texts = dict(_list_texts(objects, reference(content(store, 4))))
    rich = dict(_list_rich_texts(objects, reference(content(store, 17))))
    tiles = parse_message(content(store, 3))
    tile_rows = number(tiles, 2) or _TILE_ROWS
    rows: dict[int, list[tuple[int, str]]] = {}
    for entry in contents(tiles, 1):
        place = parse_message(entry)
        tile = objects.get(reference(content(place, 2)))
        if tile is None or tile.kind != _TILE:
            continue
        for row in contents(tile.fields(), 5):
            info = parse_message(row)
            index = number(place, 1) * tile_rows + number(info, 1)
            rows[index] = list(_row_cells(info, texts, rich))
    return IworkTable(
        content(fields, 8).decode("utf-8", "replace"),
        sorted((index, cells) for index, cells in rows.items() if cells),
    )


def _list_entries(objects: Objects, key: int) -> Iterator[dict[int, list[int | bytes]]]:
    """Yield the entries of a list of data, which may consist of several parts."""
    found = objects.get(key)
    if found is None or found.kind != _LIST:
        return
    fields = found.fields()
    yield from map(parse_message, contents(fields, 3))
    for part in contents(fields, 4):
        segment = objects.get(reference(part))
        if segment is not None and segment.kind == _LIST_PART:
            yield from map(parse_message, contents(segment.fields(), 3))


def _list_texts(objects: Objects, key: int) -> Iterator[tuple[int, str]]:
    for entry in _list_entries(objects, key):
        yield number(entry, 1), content(entry, 3).decode("utf-8", "replace")


def _list_rich_texts(objects: Objects, key: int) -> Iterator[tuple[int, str]]:
    for entry in _list_entries(objects, key):
        payload = objects.get(reference(content(entry, 9)))
        if payload is None or payload.kind != _RICH_TEXT:
            continue
        storage = objects.get(reference(content(payload.fields(), 1)))
        if storage is not None and storage.kind == STORAGE:
            pieces = contents(storage.fields(), 3)
            yield number(entry, 1), b"".join(pieces).decode("utf-8", "replace")


def _row_cells(
    info: dict[int, list[int | bytes]], texts: dict[int, str], rich: dict[int, str]
) -> Iterator[tuple[int, str]]:
    """Yield (column, text) of the cells of a row."""
    is_new = bool(content(info, 6))
    buffer = content(info, 6) or content(info, 3)
    offsets = content(info, 7) or content(info, 4)
    scale = 4 if number(info, 8) and is_new else 1
    count = min(len(offsets) // 2, _MAX_COLUMNS)
    for column, offset in enumerate(struct.unpack_from(f"<{count}H", offsets)):
        if offset in _NO_CELL or offset * scale + 12 > len(buffer):
            continue
        cell = buffer[offset * scale : offset * scale + _MAX_CELL]
        text = (_new_cell if is_new and cell[0] >= 5 else _old_cell)(cell, texts, rich)
        if text:
            yield column, text


def _new_cell(cell: bytes, texts: dict[int, str], rich: dict[int, str]) -> str:
    flags = struct.unpack_from("<I", cell, 8)[0]
    at = 12
    decimal = real = seconds = 0.0
    text_key = rich_key = -1
    if flags & 1:
        decimal = _decimal(cell[at : at + 16])
        at += 16
    if flags & 2:
        real = struct.unpack_from("<d", cell, at)[0]
        at += 8
    if flags & 4:
        seconds = struct.unpack_from("<d", cell, at)[0]
        at += 8
    if flags & 8:
        text_key = struct.unpack_from("<I", cell, at)[0]
        at += 4
    if flags & 16:
        rich_key = struct.unpack_from("<I", cell, at)[0]
    value = decimal if flags & 1 else real
    return _cell_text(
        cell[1], value, real, seconds, texts.get(text_key, ""), rich.get(rich_key, "")
    )


def _old_cell(cell: bytes, texts: dict[int, str], rich: dict[int, str]) -> str:
    version = cell[0]
    flags = struct.unpack_from("<I", cell, 4)[0]
    at = (12 if version > 1 else 8) + 4 * (flags & (0xD8E if version > 1 else 0x18E)).bit_count()
    text_key = rich_key = -1
    real = seconds = 0.0
    if flags & 0x200:
        rich_key = struct.unpack_from("<I", cell, at)[0]
        at += 4
    at += 4 * (flags & (0x3000 if version > 1 else 0x1000)).bit_count()
    if flags & 0x10:
        text_key = struct.unpack_from("<I", cell, at)[0]
        at += 4
    if flags & 0x20:
        real = struct.unpack_from("<d", cell, at)[0]
        at += 8
    if flags & 0x40:
        seconds = struct.unpack_from("<d", cell, at)[0]
    kind = cell[1] if version > 3 else cell[2]
    return _cell_text(kind, real, real, seconds, texts.get(text_key, ""), rich.get(rich_key, ""))


def _cell_text(
    kind: int, value: float, real: float, seconds: float, text: str, rich_text: str
) -> str:
    if kind == _DATE:
        moment = _EPOCH + timedelta(seconds=seconds)
        is_day = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
        return f"{moment:%Y-%m-%d}" if is_day else f"{moment:%Y-%m-%d %H:%M}"
    if kind == _DURATION:
        return str(timedelta(seconds=round(real)))
    texts = {
        _NUMBER: general_number(value),
        _CURRENCY: general_number(value),
        _TEXT: text,
        _RICH: rich_text,
        _BOOLEAN: "TRUE" if real > 0 else "FALSE",
        _ERROR: "#ERROR",
    }
    return texts.get(kind, "")


def _decimal(data: bytes) -> float:
    """Return a decimal number of 128 bits (IEEE 754, binary integer)."""
    value = int.from_bytes(data, "little")
    exponent = (value >> 113 & 0x3FFF) - 0x1820
    mantissa = value & (1 << 113) - 1
    if abs(exponent) > 400:
        return 0.0
    result = mantissa * 10.0**exponent if exponent >= 0 else mantissa / 10.0**-exponent
    return -result if value >> 127 else result
