"""Results that were read and embedded elsewhere, written into a collection: the same as `index`."""

import pytest

from ragkit import Collection
from ragkit.cluster.results import ResultWriter
from ragkit.documents.sandbox.sandbox import Sandbox
from ragkit.ingest import run
from ragkit.ingest.options import IndexOptions
from ragkit.ingest.reading import ReadContext, read_results
from ragkit.ingest.writer import CollectionWriter


@pytest.fixture
def writing(collection, folder, encoder):
    """A writer with the plans of a first run applied, and what reading its files needs."""
    model_id, fingerprint = collection._encoders.set_collection_model(None, False)
    options = IndexOptions.from_settings(collection.settings, [folder])
    plans, read_settings, _ = run.make_plans(collection._store, options, fingerprint)
    indexes = collection._indexes.index_writer
    writer = CollectionWriter(collection._store, indexes, model_id, lambda done: None, 0.0)
    writer.apply_without_reading(plans)
    context = ReadContext(options, read_settings, lambda: encoder)
    tasks = [task for plan in plans for task in plan.to_read]
    return ResultWriter(writer, read_settings), writer, tasks, context


def read_all(tasks, context):
    sandbox = Sandbox(context.options.limits)
    try:
        return [result for task in tasks for result in read_results(task, context, sandbox)]
    finally:
        sandbox.close()


def save_vectors(results, pending, encoder):
    return results.save_vectors(
        [text.hash for text in pending],
        encoder.encode_passages([text.text for text in pending]),
        [text.tokens for text in pending],
        window=encoder.window,
        is_new=True,
    )


def test_the_same_collection_as_by_index(writing, folder, encoder, collection, tmp_path):
    results, writer, tasks, context = writing
    pending = results.save_results(str(folder.resolve()), read_all(tasks, context))
    assert save_vectors(results, pending, encoder) == len({text.hash for text in pending}) > 0
    writer.finish()
    expected = Collection(tmp_path / "other", settings=collection.settings, encoder=encoder)
    expected.index(folder)
    query = "how long may parents stay at home?"
    for mode in ("dense", "lexical", "hybrid"):
        found, other = (
            [(hit.citation, hit.scores) for hit in each.search(query, mode=mode)]
            for each in (collection, expected)
        )
        assert found == other != []
    report = collection.index(folder)
    assert (report.added, report.embedded, report.unchanged) == (0, 0, len(tasks))


def test_a_call_that_is_repeated_changes_nothing(writing, folder, encoder, collection):
    results, writer, tasks, context = writing
    read = read_all(tasks, context)
    first = results.save_results(str(folder.resolve()), read)
    again = results.save_results(str(folder.resolve()), read)
    assert [text.hash for text in first] == [text.hash for text in again]
    stored = save_vectors(results, first, encoder)
    tokens = results.tokens
    assert save_vectors(results, first, encoder) == 0
    assert (results.embedded, results.tokens) == (stored, tokens)
    assert results.save_results(str(folder.resolve()), read) == []  # all have their vectors
    writer.finish()
    assert collection.status().passages == len(first)
    report = Collection.doctor(collection.folder)
    assert [
        each for each in report.diagnoses if each.severity == "error" and each.name != "model"
    ] == []


def test_what_an_interrupted_run_left_is_pending(writing, folder, encoder):
    results, _, tasks, context = writing
    saved = results.save_results(str(folder.resolve()), read_all(tasks, context))
    page = results.pending_after((0, 0), 2)
    rest = results.pending_after(page[-1].position, 1000)
    assert {text.hash for text in page + rest} == {text.hash for text in saved}
    save_vectors(results, page + rest, encoder)
    assert results.pending_after((0, 0), 1000) == []


def test_texts_that_the_encoder_cannot_read_are_recorded(writing, folder, encoder):
    import numpy as np

    results, _, tasks, context = writing
    pending = results.save_results(str(folder.resolve()), read_all(tasks, context))
    vectors = encoder.encode_passages([text.text for text in pending])
    vectors[0] = 0
    hashes = [text.hash for text in pending]
    tokens = [text.tokens for text in pending]
    results.save_vectors(hashes, np.asarray(vectors), tokens, window=5, is_new=False)
    assert (results.unreadable, results.unreadable_new, results.embedded_new) == (1, 0, 0)
    assert results.pending_after((0, 0), 1000) == []
    assert results.truncated_tokens == sum(max(0, count - 5) for count in tokens)
