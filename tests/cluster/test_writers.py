"""The writer of a shard: locks, restarts and what it answers before it is published. `test_ingest`
has whole runs."""

import numpy as np
import pytest

from ragkit.cluster.writers import ShardWriter
from ragkit.errors import BusyError, CollectionError
from ragkit.storage.sqlite import passages


@pytest.fixture
def writer(tmp_path, collection, encoder):
    return ShardWriter(str(tmp_path / "sharded"), 0, collection.settings, encoder)


def test_a_writer_holds_the_lock_of_its_working_copy_until_it_is_closed(
    writer, tmp_path, collection, encoder
):
    writer.open(None, 0)
    other = ShardWriter(str(tmp_path / "sharded"), 0, collection.settings, encoder)
    with pytest.raises(BusyError, match="ragkit index --on ray"):
        other.open(None, 0)
    writer.close()
    state = other.open(None, 0)
    assert (state.roots, state.records, state.secrets) == ((), False, "warn")
    other.close()


def test_a_writer_that_was_started_again_has_no_plan_and_says_so(writer):
    assert not writer.has_plan()
    calls = [
        lambda: writer.save_results("/a", []),
        lambda: writer.save_vectors([], np.zeros((0, 64), np.float32), [], 60, True),
        lambda: writer.pending_after((0, 0), 10),
        writer.complete,
        lambda: writer.publish(1),
    ]
    for call in calls:
        with pytest.raises(CollectionError, match="the writer of shard 0 was started again"):
            call()


def test_a_writer_answers_for_its_shard_before_it_is_published(writer):
    writer.open(None, 0)
    entry = writer.publish(1)
    assert (entry.number, entry.passages) == (0, 0)
    assert writer.call([entry], "read", (passages.count,), {}) == 0
    writer.close()
