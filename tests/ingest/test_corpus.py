"""Rows of one file as documents: passages, names, resuming."""

from dataclasses import dataclass

import pytest

from ragkit.ingest.corpus import one_passage_per_row, split_rows


@dataclass
class Row:
    id: str
    title: str
    text: str


ROWS = [Row("7", "Cats", "Cats sleep. " * 40), Row("8", "", "Dogs bark."), Row("9", "", "")]


def test_a_row_is_one_passage_of_title_and_text(encoder):
    (cats, passages), (_, (dogs,)), (_, empty) = one_passage_per_row(ROWS, encoder)
    assert cats.text == f"Cats {ROWS[0].text}".strip()
    assert [passage.text for passage in passages] == [cats.text]
    assert passages[0].tokens == 1 + 40 * 3  # longer than the window of 60
    assert (dogs.text, dogs.tokens, empty) == ("Dogs bark.", 3, [])


def test_split_rows_fit_the_size_and_carry_the_title(encoder):
    (_, passages), (_, (dogs,)), (_, empty) = split_rows(30, 0.0)(ROWS, encoder)
    assert len(passages) > 1
    assert all(passage.tokens <= 33 and passage.header == "Cats" for passage in passages)
    assert (dogs.text, empty) == ("Dogs bark.", [])


@pytest.mark.parametrize("one_passage_per_row", [True, False])
def test_rows_become_documents_named_by_their_ids_once(
    collection, tmp_path, encoder, one_passage_per_row
):
    file = tmp_path / "corpus.jsonl"
    file.write_text("{}\n")
    collection.index_rows(file, ROWS, one_passage_per_row=one_passage_per_row)
    assert [document.path for document in collection.documents()][:2] == [
        "corpus.jsonl/7",
        "corpus.jsonl/8",
    ]
    count = len(encoder.encoded)
    # The second run finds every row complete and embeds nothing.
    collection.index_rows(file, ROWS, one_passage_per_row=one_passage_per_row)
    assert len(encoder.encoded) == count
