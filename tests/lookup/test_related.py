"""Passages around one, and passages similar to it."""

import numpy as np
import pytest

from ragkit import UsageError


@pytest.fixture
def filled(collection, folder):
    lines = [f"Paragraph {n} is about subject number {n} only.\n\n" * 3 for n in range(5)]
    (folder / "long.txt").write_text("".join(lines))
    (folder / "twin.txt").write_text("Parents may stay at home for half of a year.\n")
    collection.index(folder)
    return collection


def test_the_passages_around_one_are_in_the_order_of_the_text(filled):
    document = next(e for e in filled.documents() if e.path == "long.txt")
    hits = sorted(filled.search("paragraph", k=100, where="path = long.txt"), key=lambda h: h.start)
    assert len(hits) == document.passages >= 3
    found = filled.related(str(hits[1].passage_id), k=0, around=1)
    assert found.passage.passage_id == hits[1].passage_id
    assert [h.passage_id for h in found.before] == [hits[0].passage_id]
    assert [h.passage_id for h in found.after] == [hits[2].passage_id]
    assert filled.related(hits[0].citation, around=1).before == ()


def test_similar_passages_are_ranked_by_the_cosine_of_stored_vectors(filled, encoder):
    found = filled.related("leave.txt#L1", k=3)
    assert found.similar[0].path == "twin.txt"
    assert "leave.txt" not in {hit.path for hit in found.similar}
    a, b = encoder.encode_passages([found.passage.text, found.similar[0].text])
    assert found.similar[0].score == pytest.approx(float(a @ b), abs=1e-5)
    scores = [hit.score for hit in found.similar]
    assert scores == sorted(scores, reverse=True)
    assert np.isclose(found.passage.score, 1)


def test_filters_and_other_documents(filled):
    assert {h.path for h in filled.related("leave.txt", where="path = keys.md").similar} == {
        "keys.md"
    }
    others = filled.related("long.txt#L1", k=20, other_documents=True)
    assert "long.txt" not in {hit.path for hit in others.similar}


def test_copies_and_near_duplicates_leave_room_for_other_passages(collection, folder):
    """Five drafts that differ in their punctuation, and a copy of the passage itself."""
    rule = "Parents may stay at home for half of a year after a birth, on full pay, as agreed."
    (folder / "rule.txt").write_text(f"{rule}\n")
    (folder / "sub" / "rule.txt").write_text(f"{rule}\n")
    for n in range(5):
        (folder / f"draft{n}.txt").write_text(f"{rule} Or shorter{'!' * n}\n")
    collection.index(folder)
    found = collection.related("rule.txt#L1", k=4)
    paths = [hit.path for hit in found.similar]
    assert sum(path.startswith("draft") for path in paths) == 1
    assert "sub/rule.txt" not in paths  # the same text
    assert [place.path for place in found.passage.also_at] == ["sub/rule.txt"]
    scores = [hit.score for hit in found.similar]
    assert scores == sorted(scores, reverse=True)
    everything = collection.related("rule.txt#L1", k=9).similar
    assert sum(hit.path.startswith("draft") for hit in everything) == 5  # nothing is lost
    assert len({hit.passage_id for hit in everything}) == len(everything)


@pytest.mark.parametrize(
    ("reference", "options", "message"),
    [
        ("none.txt", {}, "no document none.txt"),
        ("99999", {}, "no passage has the id 99999"),
        ("leave.txt", {"k": -1}, "k is -1"),
        ("leave.txt", {"around": 21}, "around is 21"),
    ],
)
def test_what_is_not_there_is_reported(filled, reference, options, message):
    with pytest.raises(UsageError, match=message):
        filled.related(reference, **options)
