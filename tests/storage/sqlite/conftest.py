"""A database with files, documents and passages, written by the functions under test."""

import pytest

from ragkit.records.documents import Document, Passage
from ragkit.storage.sqlite import documents, files, passages
from ragkit.storage.sqlite.database import Database


@pytest.fixture
def store(tmp_path):
    store = Database(tmp_path / "kit", create=True)
    yield store
    store.close()


def passage(text, start=0, **fields):
    """Return a passage with one token per word."""
    values = {"heading": (), "header": "", "tokens": len(text.split())} | fields
    return Passage(start, start + len(text), text, **values)


@pytest.fixture
def add(store):
    """Return a function that stores a file with one document, split at its sentences, and returns
    the document's id."""

    def add(path, text="", *, record="", root="/home/notes", title=None, metadata=(), **row):
        with store.changing() as (connection, generation):
            root_id = files.save_root(connection, root, root, (), ())
            values = {"status": "indexed", "media_type": "text/plain"} | row
            file_id = files.record_file(connection, root_id, path, **values)
            document = Document(text, "text/plain", title=title, metadata=dict(metadata))
            document_id = documents.save_document(connection, file_id, document, record)
            sentences, start = [], 0
            for sentence in text.split(". ") if text else []:
                sentences.append(passage(sentence, start))
                start += len(sentence) + 2
            passages.save_passages(connection, document_id, sentences, generation)
        return document_id

    return add
