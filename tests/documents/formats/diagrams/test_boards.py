"""Obsidian canvas and Excalidraw: texts in reading order, connections."""

import json

import pytest

from ragkit.documents.read import read
from ragkit.errors import DocumentError

CANVAS = {
    "nodes": [
        {"id": "n2", "type": "file", "file": "Notes/Budget.md", "x": 10, "y": 50},
        {"id": "n1", "type": "text", "text": "# Launch plan\n\nShip on **Friday**", "x": 0, "y": 0},
        {"id": "n3", "type": "link", "url": "https://example.org", "x": 5, "y": 50},
        {"id": "n4", "type": "group", "label": "Ideas", "x": 0, "y": 99},
    ],
    "edges": [
        {"id": "e", "fromNode": "n1", "toNode": "n2", "label": "depends on"},
        {"id": "f", "fromNode": "n1", "toNode": "missing"},
    ],
}
SCENE = {
    "type": "excalidraw",
    "elements": [
        {"id": "f1", "type": "frame", "name": "Login", "y": 0},
        {"id": "t2", "type": "text", "text": "Second", "y": 20, "frameId": "f1"},
        {"id": "r", "type": "rectangle", "y": 10},
        {"id": "t1", "type": "text", "text": "First", "y": 10, "containerId": "r", "frameId": "f1"},
        {"id": "t3", "type": "text", "text": "gone", "y": 1, "isDeleted": True},
        {"id": "t4", "type": "text", "text": "then", "y": 1, "containerId": "w"},
        {"id": "w", "type": "arrow", "startBinding": {"elementId": "r"}, "frameId": "f1",
         "endBinding": {"elementId": "t2"}},
        {"id": "t5", "type": "text", "text": "Outside", "y": 5},
    ],
}  # fmt: skip


def test_cards_of_a_canvas_from_the_top_left():
    document = read(json.dumps(CANVAS).encode(), "plan.canvas")
    assert document.text == (
        "# Launch plan\n\nShip on **Friday**\n\nhttps://example.org\n\nNotes/Budget.md\n\nIdeas\n\n"
        "Launch plan → Notes/Budget.md: depends on"
    )
    assert [heading.text for heading in document.headings] == ["Launch plan"]


def test_an_excalidraw_scene_has_a_section_for_each_frame():
    document = read(json.dumps(SCENE).encode(), "a.excalidraw")
    assert document.text == "Page 1\n\nOutside\n\nLogin\n\nFirst\n\nSecond\n\nFirst → Second: then"
    assert [heading.text for heading in document.headings] == ["Page 1", "Login"]


@pytest.mark.parametrize("name", ["a.canvas", "a.excalidraw"])
def test_other_json_is_read_as_json_and_an_empty_board_is_no_document(name):
    assert read(b'[{"a": "b"}]', name).text.strip() == "a: b"
    with pytest.raises(DocumentError, match=r"^a drawing without text$"):
        read(b'{"nodes": [], "elements": []}', name)


def test_cards_without_an_id_are_all_read():
    nodes = [{"type": "text", "text": text, "y": y} for y, text in enumerate(("one", "two"))]
    assert read(json.dumps({"nodes": nodes}).encode(), "a.canvas").text == "one\n\ntwo"


def test_a_frame_with_a_labelled_arrow_alone_is_read():
    elements = [
        {"type": "frame", "id": "f", "name": "F"},
        {"type": "arrow", "id": "a", "frameId": "f"},
        {"type": "text", "id": "t", "containerId": "a", "text": "sends"},
    ]
    document = read(json.dumps({"elements": elements}).encode(), "a.excalidraw")
    assert document.text == "sends"


def test_an_integer_that_no_float_can_hold_is_no_place():
    scene = '{"elements": [{"type": "text", "text": "Rack", "x": 1' + "0" * 400 + ', "y": 2}]}'
    assert "Rack" in read(scene.encode(), "a.excalidraw").text
