import pickle

import pytest

from ragkit.errors import CollectionError
from ragkit.storage.lexical.padding import IndexTotals
from ragkit.storage.shards import cache
from ragkit.storage.shards.shard import LocalShard, plain, totals_of, whole_of
from ragkit.storage.sqlite import passages


def test_a_shard_answers_in_values_that_can_be_sent(published):
    location, manifest, _ = published
    folder = cache.fetch_shard(location, manifest, 1)
    shard = LocalShard(folder, manifest.shards[1], whole_of(manifest))
    rows = shard.read(passages.rows_by_id, [2**40 + 1])
    (row,) = pickle.loads(pickle.dumps(plain(rows))).values()
    assert (row["text"], row["path"], row[0]) == ("a fox and a dog", "dog.md", 2**40 + 1)
    assert row.keys() == next(iter(rows.values())).keys()
    assert tuple(row)[:2] == row[:2]
    assert shard.vectors("__len__") == 2
    assert shard.words("__len__") == 2
    assert pickle.loads(pickle.dumps(passages.rows_by_id)) is passages.rows_by_id
    shard.close()


def test_numbers_that_cannot_be_right_make_no_million_documents(published):
    location, manifest, _ = published
    folder = cache.fetch_shard(location, manifest, 0)
    whole = IndexTotals(10**9, {"text": 10})  # of a manifest that somebody has changed
    shard = LocalShard(folder, manifest.shards[0], whole)
    with pytest.raises(CollectionError, match=r"shard 0: .*cannot be right.*ragkit index"):
        shard.words("__len__")
    shard.close()


def test_totals_are_sums(published):
    _, manifest, _ = published
    whole = whole_of(manifest)
    parts = [totals_of([entry]) for entry in manifest.shards]
    assert whole.passages == 4
    assert whole.tokens["text"] == sum(part.tokens["text"] for part in parts)
