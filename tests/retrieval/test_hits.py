"""Hits: merged spans, citations, and files that have changed."""

import pytest


@pytest.fixture
def parts(collection, tmp_path):
    """Return the passage rows of a document of ten passages, and one of another document."""
    folder = tmp_path / "parts"
    folder.mkdir()
    paragraphs = [f"# Part {n}\n\nWord{n} stands here. Nothing else does." for n in range(10)]
    (folder / "parts.md").write_text("\n\n".join(paragraphs))
    (folder / "other.txt").write_text("Word3 again.")
    collection.index(folder)
    return collection


def test_extended_spans_that_touch_are_one_hit_with_the_best_scores(parts):
    plain = parts.search("word3 word4", k=3, mode="lexical", where="path = parts.md")
    assert [hit.heading for hit in plain] == [("Part 4",), ("Part 3",)]
    (hit,) = parts.search("word3 word4", k=3, mode="lexical", where="path = parts.md", context=1)
    assert (hit.passage_id, hit.scores) == (plain[0].passage_id, plain[0].scores)
    document = parts.get("parts.md").text
    assert hit.text == document[hit.start : hit.end]
    assert hit.text.startswith("# Part 2") and "Word5" in hit.text and "Word6" not in hit.text
    assert parts.get(hit.citation).text.strip() == hit.text.strip()


def test_distant_spans_and_other_documents_stay_separate(parts):
    hits = parts.search("word1 word8 word3", k=4, mode="lexical", context=1)
    assert [hit.rank for hit in hits] == [1, 2, 3]
    texts = {hit.path: [] for hit in hits}
    for hit in hits:
        texts[hit.path].append(hit.text)
    assert len(texts["other.txt"]) == 1
    low, high = sorted(texts["parts.md"])  # 0 to 2 and 2 to 4 are joined, 7 to 9 is apart
    assert "Word0" in low and "Word4" in low and "Word5" not in low
    assert "Word7" in high and "Word9" in high
