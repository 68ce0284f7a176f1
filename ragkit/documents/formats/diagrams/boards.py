"""Boards in JSON → Document: Obsidian canvas (JSON Canvas 1.0) and Excalidraw.

The cards and texts of a board in the order in which people read them, from the top left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ragkit.documents.decoding import decode
from ragkit.documents.formats.data.json_text import read_json
from ragkit.documents.formats.diagrams.pages import DrawingPage, LabelledLine, drawing_document
from ragkit.documents.formats.markup.markdown import read_markdown
from ragkit.records.documents import Document

_CANVAS, _EXCALIDRAW = "application/x-canvas+json", "application/x-excalidraw+json"
_Object = dict[str, Any]


def read_canvas(data: bytes, name: str) -> Document:
    """Read a canvas: cards as Markdown, names of files and groups, addresses, labels of lines.

    A file that is no canvas is read as JSON. Raises `DocumentError` if it has no text.
    """
    board = _parse(data)
    if board is None or not isinstance(board.get("nodes", []), list):
        return read_json(data, name)
    page = DrawingPage()
    for node in sorted(_objects(board.get("nodes")), key=_position):
        shape = _text(node.get("id"))
        if node.get("type") == "text":
            document = read_markdown(_text(node.get("text")).encode(errors="replace"), "card.md")
            page.add(shape, document)
        else:
            page.add(shape, " ".join(_text(node.get(key)) for key in ("label", "file", "url")))
    for edge in _objects(board.get("edges")):
        source, target = (_text(edge.get(key)) for key in ("fromNode", "toNode"))
        page.connections.append(LabelledLine(source, target, _text(edge.get("label"))))
    return drawing_document([page], _CANVAS)


def read_excalidraw(data: bytes, name: str) -> Document:
    """Read the texts of an Excalidraw scene; each frame is a section.

    A file that is no scene is read as JSON. Raises `DocumentError` if it has no text.
    """
    board = _parse(data)
    if board is None or not isinstance(board.get("elements"), list):
        return read_json(data, name)
    pages = {"": DrawingPage()}
    elements = [item for item in _objects(board["elements"]) if not item.get("isDeleted")]
    for frame in elements:
        if frame.get("type") in ("frame", "magicframe"):
            pages[_text(frame.get("id"))] = DrawingPage(_text(frame.get("name")) or "Frame")
    arrows = {_text(item.get("id")): item for item in elements if item.get("type") == "arrow"}
    texts_of_arrows: dict[str, str] = {}
    for item in sorted(elements, key=_position):
        if item.get("type") != "text":
            continue
        text = _text(item.get("originalText")) or _text(item.get("text"))
        container = _text(item.get("containerId"))
        if container in arrows:
            texts_of_arrows[container] = text
        else:
            page = pages.get(_text(item.get("frameId")), pages[""])
            page.add(container or _text(item.get("id")), text)
    for shape, arrow in arrows.items():
        ends = [_bound(arrow.get(key)) for key in ("startBinding", "endBinding")]
        page = pages.get(_text(arrow.get("frameId")), pages[""])
        page.connections.append(LabelledLine(ends[0], ends[1], texts_of_arrows.get(shape, "")))
    return drawing_document([page for page in pages.values() if page.has_text()], _EXCALIDRAW)


def _parse(data: bytes) -> _Object | None:
    try:
        value = json.loads(decode(data).text or "{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _objects(value: object) -> Iterator[_Object]:
    return (
        (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _position(item: _Object) -> tuple[float, float]:
    place = (item.get(key) for key in ("y", "x"))
    y, x = (_coordinate(at) for at in place)
    return y, x


def _coordinate(value: object) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) else 0.0
    except OverflowError:  # an integer of over 300 digits
        return 0.0


def _bound(binding: object) -> str:
    return _text(binding.get("elementId")) if isinstance(binding, dict) else ""
