"""Each text once, with its vector and the passages that have it."""

from __future__ import annotations

import numpy as np

from ragkit.exploring.passage_vectors import read_vectors


def test_a_text_counts_once(collection, folder, encoder):
    assert collection._read(lambda rows: read_vectors(rows, collection._indexes)) is None
    (folder / "copy.txt").write_bytes((folder / "leave.txt").read_bytes())
    collection.index(folder)
    found = collection._read(lambda rows: read_vectors(rows, collection._indexes))
    assert sorted(map(len, found.copies)) == [1, 1, 1, 2]
    assert [ids[0] for ids in found.copies] == found.ids.tolist() == sorted(found.ids)
    hit = collection.search("parents at home", k=1)[0]
    (row,) = [i for i, ids in enumerate(found.copies) if len(ids) == 2]
    np.testing.assert_allclose(
        encoder.encode_queries(["parents at home"])[0] @ found.vectors[row], hit.score, atol=1e-5
    )
