"""The metadata of a hit, as frameworks store it."""

from ragkit.integrations.metadata import hit_metadata


def test_it_contains_the_place_of_the_passage_and_leaves_out_unknown_values(collection, folder):
    collection.index(folder)
    (hit,) = collection.search("Keep the private part in a vault", k=1)
    fields = hit_metadata(hit)
    # "# Keys", empty, the rule (42 characters), empty: the second heading is line 5, from 52.
    assert fields == {
        "citation": "keys.md#L5-L7", "path": "keys.md", "title": "Keys",
        "heading": "Keys › Storage", "start_line": 5, "end_line": 7, "start": 52, "end": 97,
        "score": hit.score, "passage_id": hit.passage_id, "stale": False,
    }  # fmt: skip


def test_the_metadata_of_the_document_cannot_replace_the_citation(collection, folder):
    (folder / "a.md").write_text("---\nauthor: Ann\ncitation: forged.md\n---\n\nZebras graze.\n")
    collection.index(folder)
    (hit,) = collection.search("zebras graze", k=1)
    fields = hit_metadata(hit)
    assert fields["author"] == "Ann"
    assert fields["citation"] == hit.citation
    assert fields["citation"].startswith("a.md#")
