import numpy as np
import pytest

from ragkit.storage.shards.database import ShardedIndexReader, open_sharded
from ragkit.storage.shards.placement import first_id
from tests.storage.shards.conftest import TEXTS


@pytest.fixture
def index(published):
    store = open_sharded(published[0].folder)
    with store.reading() as connection:
        yield ShardedIndexReader(store).vectors(connection)
    store.close()


def test_the_nearest_of_all_shards_are_found(index, encoder):
    texts = [text for own in TEXTS.values() for text in own]
    ids = [first_id(shard) + 1 + place for shard in TEXTS for place in range(2)]
    vectors = encoder.encode_passages(texts)
    query = encoder.encode_queries(["fox dog"])[0]
    order = np.argsort(-(vectors @ query))
    found, scores = index.top_k(query, 3)
    assert found.tolist() == [ids[place] for place in order[:3]]
    np.testing.assert_allclose(scores, (vectors @ query)[order[:3]], atol=1e-6)
    (batch,) = index.top_k_batch(query[np.newaxis], 3)
    assert batch[0].tolist() == found.tolist()
    some = np.array([ids[0], ids[3]])
    assert set(index.top_k_of(query, 5, some)[0].tolist()) == set(some.tolist())
    own, rows = index.vectors_of(np.array([ids[3], ids[1], 99]))
    assert own.tolist() == [ids[1], ids[3]]
    np.testing.assert_array_equal(rows, vectors[[1, 3]])
    assert len(index) == 4
    assert index.ids().tolist() == ids
