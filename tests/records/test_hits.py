"""Hits as JSON: optional fields are there only if they are set, and the folder may be hidden."""

from typing import get_type_hints

from ragkit.records.hit_parts import Explanation, Location, NewerVersion
from ragkit.records.hits import Hit, hit_fields

PLACE = {
    "passage_id": 7, "path": "keys.md", "title": "Keys", "page": None, "locator": None,
    "start_line": 3, "end_line": 4, "start": 10, "end": 20, "citation": "keys.md#L3-L4",
    "stale": False, "root": "/home/anna/notes", "document_id": 2,
}  # fmt: skip
PLAIN = {"rank": 1, "score": 0.5, "text": "Keep them.", "heading": (), "scores": {}, "metadata": {}}
OPTIONAL = {"explanation", "collection", "highlights", "newer_version"}


def test_optional_fields_are_in_the_json_only_if_they_are_set():
    plain = Hit(**PLACE, **PLAIN)
    assert OPTIONAL.isdisjoint(hit_fields(plain))
    explanation = Explanation({"keys": 1.0}, (), {}, 0.5, "Keep them.", 0.5, 10, 20)
    complete = Hit(
        **PLACE, **PLAIN, explanation=explanation, collection="notes", highlights=((0, 4),),
        newer_version=NewerVersion("new/keys.md", 3),
    )  # fmt: skip
    fields = hit_fields(complete)
    assert fields.keys() >= OPTIONAL
    assert fields["newer_version"] == {"path": "new/keys.md", "document_id": 3}
    assert fields["explanation"]["words"] == {"keys": 1.0}


def test_the_indexed_folder_is_left_out_where_it_must_not_be_known():
    hit = Hit(**PLACE, **PLAIN, also_at=(Location(**PLACE),))
    assert "/home/anna" in str(hit_fields(hit))
    assert "/home/anna" not in str(hit_fields(hit, with_root=False))


def test_the_types_of_a_hit_can_be_read():
    """FastAPI and pydantic make the schema of a response from them."""
    types = get_type_hints(Hit)
    assert types["also_at"] == tuple[Location, ...]
    assert types["newer_version"] == NewerVersion | None
