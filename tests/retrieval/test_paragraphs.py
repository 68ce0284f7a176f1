"""Hits extended to complete paragraphs."""

from __future__ import annotations

import pytest

from ragkit.retrieval import paragraphs
from ragkit.retrieval.paragraphs import expand_span

TEXT = "First one.\n\nSecond begins here, goes on there, and ends.\n  \nThird."


@pytest.mark.parametrize(
    ("part", "paragraph"),
    [
        ("goes on", "Second begins here, goes on there, and ends."),
        ("Second begins here, goes on there, and ends.",) * 2,
        ("First", "First one."),
        ("rd.", "Third."),
        ("one.\n\nSecond", "First one.\n\nSecond begins here, goes on there, and ends."),
    ],
)
def test_a_span_is_extended_to_its_paragraphs(part, paragraph):
    start = TEXT.index(part)
    span = expand_span(TEXT, start, start + len(part))
    assert TEXT[slice(*span)] == paragraph


def test_a_span_is_not_extended_to_distant_boundaries():
    text = "x " * 2000
    assert expand_span(text, 2000, 2010) == (2000, 2010)


def test_passages_of_one_paragraph_become_one_hit(collection, tmp_path):
    text = " ".join(f"Sentence {n} speaks of keys and vaults." for n in range(18))
    (tmp_path / "long.txt").write_text(f"{text}\n\nCats sleep.\n")
    (tmp_path / "copy.md").write_text("Cats sleep.\n")
    collection.index([tmp_path / "long.txt", tmp_path / "copy.md"])
    hits = collection.search("keys and vaults", k=9)
    with collection._store.reading() as connection:
        expanded = paragraphs.expand_to_paragraphs(connection, hits)
    assert len(hits) > len(expanded)
    assert [hit.rank for hit in expanded] == list(range(1, len(expanded) + 1))
    assert (expanded[0].text, expanded[0].score, expanded[0].passage_id) == (
        text if "Cats" not in expanded[0].text else f"{text}\n\nCats sleep.",
        hits[0].score,
        hits[0].passage_id,
    )
    for hit in expanded:
        assert hit.text == collection.get(hit.path).text[hit.start : hit.end]
        assert collection.get(hit.citation).text.strip() == hit.text
    assert len({hit.text for hit in expanded}) == len(expanded)
