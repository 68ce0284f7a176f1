"""What a user sees of a database in which bits have changed: the damage is made with SQL."""

import sqlite3

import pytest

from ragkit import Collection
from ragkit.cli import main
from ragkit.errors import CollectionError
from ragkit.storage.sqlite import integrity

MODES = ("dense", "lexical", "hybrid")
KEYS = "Rotate the signing keys every ninety days."


@pytest.fixture
def notes(collection, folder):
    collection.index(folder)
    return collection


def change(collection, *statements):
    """Change the database behind the collection's back, as a bad disk would."""
    collection.close()
    connection = sqlite3.connect(collection.folder / "ragkit.db", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def texts(collection, mode, query="rotate the signing keys"):
    return [hit.text for hit in collection.search(query, k=9, mode=mode)]


DAMAGED_PASSAGES = [
    "UPDATE passages SET text = replace(text, 'ninety', 'ninetx')",
    "UPDATE passages SET text = CAST(x'ff' || text AS TEXT) WHERE text LIKE '%ninety%'",
    "UPDATE passages SET text = 7 WHERE text LIKE '%ninety%'",
    "UPDATE passages SET header = 'Kexs' WHERE text LIKE '%ninety%'",
    'UPDATE passages SET start = start + 1, "end" = "end" + 1 WHERE text LIKE \'%ninety%\'',
    "UPDATE passages SET start_line = NULL WHERE text LIKE '%ninety%'",
    "UPDATE passages SET heading = '[' WHERE text LIKE '%ninety%'",
    "UPDATE passages SET page = 3 WHERE text LIKE '%ninety%'",
    "UPDATE passages SET locator = 'page=3' WHERE text LIKE '%ninety%'",
]


@pytest.mark.parametrize("statement", DAMAGED_PASSAGES)
def test_a_damaged_passage_is_reported_and_not_shown_and_read_again(
    notes, folder, encoder, notices, statement
):
    expected = {mode: notes.search("signing keys", k=9, mode=mode) for mode in MODES}
    assert notices == []
    change(notes, statement)
    for mode in MODES:
        assert not any("ninet" in text for text in texts(notes, mode))
    assert {notice.partition(":")[0] for notice in notices} == {"keys.md"}
    assert "Read it again with: ragkit index" in notices[0]
    encoder.encoded.clear()
    report = notes.index()
    assert (report.updated, report.unchanged) == (1, 2)
    assert encoder.encoded == []  # its vector is still right
    notices.clear()
    for mode in MODES:
        hits = notes.search("signing keys", k=9, mode=mode)
        assert [hit.text for hit in hits] == [hit.text for hit in expected[mode]]
        assert [hit.citation for hit in hits] == [hit.citation for hit in expected[mode]]
    assert notices == []
    with notes._store.reading() as connection:
        assert [finding for finding in integrity.check(connection) if finding.is_damage] == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE documents SET title = 'Kexs' WHERE title = 'Keys'",
        "UPDATE documents SET metadata = '{' WHERE title = 'Keys'",
        "UPDATE documents SET pages = '[1]' WHERE title = 'Keys'",
        "UPDATE documents SET record = 'x' WHERE title = 'Keys'",
    ],
)
def test_a_damaged_row_of_a_document_is_reported_and_its_passages_are_not_shown(
    notes, notices, statement
):
    change(notes, statement)
    assert not any("ninety" in text for text in texts(notes, "dense"))
    assert notices[0].startswith("keys.md")


def test_a_damaged_text_of_a_document_is_shown_by_no_command(notes, notices):
    ids = {entry.path: entry.id for entry in notes.documents()}
    change(notes, "UPDATE documents SET text = replace(text, 'ninety', 'ninetx')")
    for read in (
        lambda: notes.get("keys.md"),
        lambda: notes.get("keys.md#L3"),
        lambda: notes.get("1"),
        lambda: notes.document(ids["keys.md"]),
    ):
        with pytest.raises(CollectionError, match=r"keys\.md: the stored text has changed since"):
            read()
    assert "ragkit index" in notices[0]
    assert not any("ninetx" in hit.text for hit in notes.search("keys", context=1))
    assert "ninetx" not in notes.ask("how often are the signing keys rotated?", llm=False).text
    assert notes.index().updated == 1
    assert "ninety" in notes.get("keys.md").text
    assert "ninety" in notes.document(ids["keys.md"])[1]


def test_the_text_of_a_document_is_returned_whole_or_in_part(notes, folder):
    ids = {entry.path: entry.id for entry in notes.documents()}
    text = (folder / "keys.md").read_text()
    assert notes.document(ids["keys.md"])[1] == text
    assert notes.document(ids["keys.md"], 3)[1] == text[3:]
    assert notes.document(ids["keys.md"], 3, 4)[1] == text[3:7]
    assert notes.document(ids["keys.md"], length=2**70)[1] == text
    assert notes.document(ids["keys.md"], 2**70, 2**70)[1] == ""


@pytest.mark.parametrize(
    "vector", ["zeroblob(256)", "zeroblob(8)", "NULL", "'text'", "x'0000c07f' || substr(vector, 5)"]
)
def test_a_damaged_vector_is_not_used_and_embedded_again(notes, encoder, notices, vector):
    expected = {mode: notes.search("signing keys", mode=mode) for mode in MODES}
    change(
        notes,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = replace(sql, 'vector BLOB NOT NULL', 'vector BLOB') "
        "WHERE name = 'vectors'",
    )
    change(
        notes,
        f"UPDATE vectors SET vector = {vector} WHERE id = 1",
        "DELETE FROM index_files WHERE kind = 'vectors'",  # so that vectors are read from the rows
    )
    with Collection(notes.folder, settings=notes.settings, encoder=encoder,
                    notify=notices.append) as opened:  # fmt: skip
        for mode in MODES:
            for hit in opened.search("signing keys", mode=mode):
                assert hit.score == next(
                    before.score for before in expected[mode] if before.text == hit.text
                )
        assert any("stored vectors have changed" in notice for notice in notices)
        encoder.encoded.clear()
        assert opened.index().embedded == 1
        notices.clear()
        for mode in MODES:
            assert opened.search("signing keys", mode=mode) == expected[mode]
        assert notices == []


def test_damage_is_reported_where_it_cannot_be_marked(notes, notices, make_read_only):
    change(notes, DAMAGED_PASSAGES[0])
    encoder, settings = notes._encoders.own_encoder, notes.settings
    with (
        make_read_only(notes.folder),
        Collection(notes.folder, settings=settings, encoder=encoder, notify=notices.append) as seen,
    ):
        assert not any("ninetx" in text for text in texts(seen, "dense"))
    assert any(notice.startswith("keys.md") for notice in notices)


def test_a_damaged_row_of_a_file_is_reported(notes, notices):
    change(notes, "UPDATE files SET media_type = 'text/plaiN' WHERE path = 'leave.txt'")
    notes.files()
    assert notices[0].startswith("leave.txt: what is stored of it has changed")
    notes.index()
    notices.clear()
    assert [file.media_type for file in notes.files()][1] == "text/plain"
    assert notices == []


UNREADABLE = [
    "UPDATE files SET details = '{'",
    "UPDATE files SET details = '[]'",
    "UPDATE files SET warnings = '7'",
    "UPDATE files SET path = x'ff' WHERE id = 2",
    "UPDATE files SET size = 'x'",
    "UPDATE files SET mtime_ns = 'x'",
    "UPDATE roots SET folder = x'00'",
    "UPDATE roots SET folder = folder || char(0)",
    "UPDATE roots SET include = ''",
    "UPDATE roots SET exclude = '[null]'",
    "UPDATE models SET options = '{'",
    "UPDATE models SET dimension = 'x'",
    "UPDATE models SET name = x'ff'",
    "UPDATE collection SET value = 99 WHERE key = 'model_id'",
    "DELETE FROM collection WHERE key = 'model_id'",
    "UPDATE collection SET value = 'x' WHERE key = 'generation'",
    "UPDATE documents SET file_id = 99 WHERE id = 1",
    "UPDATE removals SET generation = 'x'",
    "DROP TABLE passages",
    "DROP TABLE removals",
    "DROP TABLE models",
    "DROP TABLE index_files",
    "DROP TRIGGER passages_removed",
    "DROP INDEX passages_document",
    "ALTER TABLE passages RENAME COLUMN heading TO headinf",
    "ALTER TABLE models RENAME COLUMN window TO windov",
    "ALTER TABLE files DROP COLUMN details",
    "ALTER TABLE documents DROP COLUMN metadata",
]


@pytest.mark.parametrize("statement", UNREADABLE)
def test_any_other_damage_ends_a_command_with_a_remedy(
    notes, folder, encoder, notices, capsys, monkeypatch, statement
):
    """Each command either works or says that the database is damaged: no other error, ever."""
    change(notes, "PRAGMA foreign_keys = OFF", "INSERT INTO removals VALUES (99, 1)", statement)
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: encoder)
    where = ("-c", str(notes.folder))
    for command in (
        ("ls",), ("status",), ("get", "keys.md"), ("query", "signing keys"),
        ("query", "signing keys", "--mode", "hybrid"), ("query", "keys", "--where", "page = 1"),
        ("index",), ("ls",),
    ):  # fmt: skip
        code = main([*where, *command])
        error = capsys.readouterr().err
        assert code in (0, 1, 2, 3), command
        assert "unexpected" not in error, (command, error)
        assert "Traceback" not in error


def test_a_schema_that_is_no_utf_8_is_damage(notes):
    notes.close()
    path = notes.folder / "ragkit.db"
    data = bytearray(path.read_bytes())
    position = data.index(b"CREATE TABLE removals")
    data[position + 3] ^= 0x80
    path.write_bytes(data)
    with pytest.raises(CollectionError, match=r"is damaged \(malformed database schema"):
        Collection(notes.folder, create=False)


def test_a_truncated_database_is_damage(notes):
    notes.close()
    path = notes.folder / "ragkit.db"
    path.write_bytes(path.read_bytes()[:40_000])
    damaged = pytest.raises(CollectionError, match="ragkit doctor --repair")
    with damaged, Collection(notes.folder, create=False) as opened:
        opened.files()
        opened.documents()
        opened.search("keys")


def test_an_error_that_no_damage_caused_is_not_called_damage(notes):
    with pytest.raises(ZeroDivisionError), notes._store.reading():
        raise ZeroDivisionError
    with pytest.raises(ValueError, match="my own"), notes._store.reading():
        raise ValueError("my own")


def test_too_little_memory_is_named(notes):
    with (
        pytest.raises(CollectionError, match="not enough memory to read"),
        notes._store.reading(),
    ):
        raise MemoryError


def test_a_passage_that_the_table_has_lost_is_reported(notes, notices):
    connection = sqlite3.connect(notes.folder / "ragkit.db", isolation_level=None)
    connection.execute("DROP TRIGGER passages_removed")
    connection.execute("DELETE FROM passages WHERE id = 1")
    connection.close()
    notes.search("signing keys")
    assert (
        "the database lacks passages that the index files name (number: 1). "
        "Repair it with: ragkit doctor --repair; then: ragkit index"
    ) in notices


def test_the_write_ahead_log_is_emptied_after_a_run(notes, folder):
    log = notes.folder / "ragkit.db-wal"
    for number in range(20):
        (folder / f"{number}.txt").write_text(f"Text {number}. " + "word " * 300)
    notes.index()
    assert log.stat().st_size == 0
    notes.remove(folder / "7.txt")
    assert log.stat().st_size == 0


def test_a_long_reader_prevents_nothing_and_the_log_is_cut_after_it(store):
    log = store.folder / "ragkit.db-wal"
    reader = sqlite3.connect(store.path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM roots").fetchone()[0] == 0
    for number in range(300):
        with store.writing() as connection:
            row = (str(number), "x" * 30_000)
            connection.execute("INSERT INTO roots (path, folder) VALUES (?, ?)", row)
    store.checkpoint()  # waits for nobody
    assert log.stat().st_size > 5_000_000
    assert reader.execute("SELECT count(*) FROM roots").fetchone()[0] == 0
    reader.close()
    store.checkpoint()
    assert log.stat().st_size == 0


def test_a_stored_vector_that_sqlite_does_not_find_is_reported_and_made_again(
    notes, folder, encoder, notices
):
    """A changed bit in SQLite's own index of vectors hides a row without an error; so does a
    missing row."""
    expected = {mode: texts(notes, mode) for mode in MODES}
    change(
        notes,
        "DELETE FROM vectors WHERE hash = (SELECT hash FROM passages WHERE text LIKE '%ninety%')",
    )
    for path in notes.folder.glob("vectors-*"):
        path.unlink()  # so that the vectors are read from the database
    with Collection(notes.folder, encoder=encoder, notify=notices.append) as opened:
        assert KEYS not in texts(opened, "dense")
    (notice,) = [line for line in notices if "does not find vectors that were stored" in line]
    assert "(of passages: 1)" in notice
    assert "ragkit doctor --repair" in notice
    encoder.encoded.clear()
    notes.index()
    assert [KEYS in text for text in encoder.encoded] == [True]
    notices.clear()
    with Collection(notes.folder, encoder=encoder, notify=notices.append) as opened:
        assert {mode: texts(opened, mode) for mode in MODES} == expected
    assert notices == []
