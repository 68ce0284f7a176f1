"""Values that a database, a document or a client contains never become SQL, paths or commands.

One test for each kind of value. Names of index files: tests/storage/test_collection_files.py; files
that are replaced while they are read: tests/storage/test_source_files.py; which collections may
name models, servers and folders: tests/storage/test_opening.py; project files:
tests/test_settings.py.
"""

import sqlite3

import pytest

from ragkit.errors import UsageError
from ragkit.storage.sqlite import connection as connections
from ragkit.storage.sqlite import files as file_rows

MARKER = "x'); DROP TABLE roots; --\""


@pytest.fixture
def statements(monkeypatch):
    """Return the list of all SQL statements that run, without the values that are bound."""
    recorded = []

    def record(name):
        run = getattr(sqlite3.Connection, name)

        def recording(connection, sql, *values):
            recorded.append(sql)
            return run(connection, sql, *values)

        return recording

    for name in ("execute", "executemany"):
        monkeypatch.setattr(connections.Connection, name, record(name), raising=False)
    return recorded


def test_no_value_becomes_part_of_a_statement(tmp_path, statements, open_collection):
    folder = tmp_path / f"notes {MARKER}"
    folder.mkdir()
    (folder / f"{MARKER}.md").write_text(f'---\n"{MARKER}": {MARKER}\n---\n# {MARKER}\n\nCats.\n')
    (folder / "b.txt").write_text(f"{MARKER} sleeps all day\n")
    collection = open_collection()
    collection.index(folder, include=["*", MARKER], exclude=[f"!{MARKER}"])
    for where in ({MARKER: MARKER}, {"path": MARKER}, {"title": {"~": MARKER}}, {"root": MARKER}):
        collection.search("cats", where=where)
    collection.search("cats", where=f'"{MARKER.replace(chr(34), "")}" = "a"')
    for mode in ("dense", "lexical", "hybrid"):
        assert collection.search(f'{MARKER} "sleeps all day" path:x', mode=mode)
    collection.files(paths=[folder])
    collection.explain(folder / MARKER)
    for reference in (MARKER, f"{MARKER}#page=1", str(folder / MARKER)):
        with pytest.raises(UsageError):
            collection.get(reference)
    collection.remove(folder / "b.txt")
    assert len(statements) > 100
    assert [sql for sql in statements if "DROP TABLE" in sql] == []
    assert collection.status().documents == 1


@pytest.mark.parametrize("operator", ["OR 1=1 --", "= 1 OR path =", "LIKE", "MATCH", ""])
def test_an_operator_that_filters_do_not_have_is_refused(collection, folder, operator):
    collection.index(folder)
    with pytest.raises(UsageError):
        collection.search("cats", where={"path": {operator: "a"}})


@pytest.mark.parametrize("path", ["../secret.txt", "sub/../../secret.txt", "/etc/hostname", "."])
def test_the_path_of_a_file_does_not_lead_out_of_its_root(collection, folder, tmp_path, path):
    """Whether such a file is current says nothing about the file outside: it counts as changed."""
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    collection.index(folder)
    with collection._store.writing() as connection:
        connection.execute(
            "UPDATE files SET path = ?, size = ?, mtime_ns = 1, hash = ? WHERE path = 'leave.txt'",
            (path, secret.stat().st_size, file_rows.content_hash(secret.read_bytes())),
        )
    hits = collection.search("parents at home", k=1)
    assert (hits[0].path, hits[0].stale) == (path, True)
    assert collection.get(str(hits[0].passage_id)).text.startswith("Parents")
    assert collection.get(str(hits[0].passage_id)).stale


def test_a_stored_glob_matches_in_time_that_does_not_explode(collection, folder):
    """A pattern with many stars is compared with every name at the next index."""
    stars = "*a" * 30 + "b"
    (folder / ("a" * 100 + ".txt")).write_text("Nothing.\n")
    report = collection.index(folder, exclude=[stars, f"**/{stars}/**"])
    assert report.added == 4
