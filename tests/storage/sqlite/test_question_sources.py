"""Which documents questions are made from."""

from ragkit.evaluation.self_questions import make_questions
from ragkit.storage.sqlite.question_sources import identity_digest, sample_documents
from tests.maintenance.test_migrate import write_notes


def test_the_sample_follows_from_the_paths(collection, folder):
    collection.index(folder)
    with collection._store.reading() as connection:
        documents = list(sample_documents(connection, 100))
        (first,) = sample_documents(connection, 1)
    assert sorted(each.path for each in documents) == ["keys.md", "leave.txt", "sub/cats.txt"]
    order = sorted(documents, key=lambda each: identity_digest(each.path)[1:])
    assert documents == order
    assert first == order[0]
    (keys,) = (each for each in documents if each.path == "keys.md")
    assert [passage.heading for passage in keys.passages] == [("Keys",), ("Keys", "Storage")]
    assert keys.text[keys.passages[1].start : keys.passages[1].end].startswith("## Storage")


def test_a_sample_of_a_large_collection_has_documents_of_both_halves(collection, tmp_path):
    collection.index(write_notes(tmp_path / "notes", 60))
    with collection._store.reading() as connection:
        sources = list(sample_documents(connection, 15))
    assert len(sources) < 20
    questions = make_questions(sources).questions
    halves = [len({q.path for q in questions if q.is_held_out == half}) for half in (True, False)]
    assert min(halves) > 3


def test_a_damaged_document_is_left_out(collection, folder, notices):
    collection.index(folder)
    with collection._store.writing() as connection:
        connection.execute("UPDATE documents SET text = 'x' WHERE title = 'Keys'")
    with collection._store.reading() as connection:
        paths = [each.path for each in sample_documents(connection, 100)]
    assert sorted(paths) == ["leave.txt", "sub/cats.txt"]
    assert len(notices) == 1
