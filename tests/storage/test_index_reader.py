"""Index files are caches: if they are missing or damaged, the hits are the same and nothing is
embedded again."""

import contextlib
import errno
import gc
import json
import os
import re
import shutil
import struct
from pathlib import Path

import pytest

from ragkit.analysis.libraries import analysis_versions
from ragkit.storage.checksums import folder_checksum
from ragkit.storage.collection_files import is_index_name, name_generation
from ragkit.storage.sqlite import state

QUERY = "parents at home with cats and keys"


def answers(collection):
    return {
        mode: [
            (hit.passage_id, hit.score, hit.scores["lexical"])
            for hit in collection.search(QUERY, k=10, mode=mode)
        ]
        for mode in ("dense", "lexical", "hybrid")
    }


@pytest.fixture
def indexed(open_collection, folder):
    collection = open_collection()
    collection.index(folder)
    return collection


def index_files(collection):
    return sorted(
        path for path in collection.folder.iterdir() if path.name.startswith(("vectors-", "words-"))
    )


def test_a_run_leaves_one_file_of_each_kind_with_its_generation_in_the_name(indexed, encoder):
    words, vectors = sorted(index_files(indexed), key=lambda path: path.suffix)
    generation = indexed.status().generation
    assert vectors.name == f"vectors-{encoder.fingerprint[:12]}-{generation}.faiss"
    assert words.name.startswith("words-")


def rewrite(path, change):
    """Write changed content under the same names in new files: truncating a mapped file would kill
    this process."""
    for file in [path] if path.is_file() else list(path.iterdir()):
        data = change(bytearray(file.read_bytes()))
        file.unlink()
        file.write_bytes(data)


def damage_all(path):
    rewrite(path, lambda data: bytes(b ^ 0x55 if i % 7 == 0 else b for i, b in enumerate(data)))


def delete(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def truncate(path):
    rewrite(path, lambda data: data[: len(data) // 2])


def empty(path):
    rewrite(path, lambda data: b"")


@pytest.mark.parametrize("damage", [damage_all, delete, truncate, empty])
@pytest.mark.parametrize("kind", ["vectors-", "words-"])
def test_a_damaged_file_is_rebuilt_and_the_user_notified(
    indexed, open_collection, encoder, notices, damage, kind
):
    expected = answers(indexed)
    (path,) = [path for path in index_files(indexed) if path.name.startswith(kind)]
    damage(path)
    encoder.encoded.clear()
    again = open_collection()
    assert answers(again) == expected
    assert encoder.encoded == []
    assert len(notices) == 1
    assert kind in notices[0]
    assert "rebuilt from the database" in notices[0]
    notices.clear()
    assert answers(open_collection()) == expected
    assert notices == []


def test_a_file_of_another_collection_is_detected(
    indexed, open_collection, tmp_path, folder, notices
):
    expected = answers(indexed)
    (vectors,) = [path for path in index_files(indexed) if path.name.startswith("vectors-")]
    (folder / "leave.txt").write_text("Something quite different about dogs.")
    shutil.copytree(indexed.folder, tmp_path / "kept")
    (tmp_path / "kept" / vectors.name).rename(tmp_path / "foreign")
    damaged = bytearray((tmp_path / "foreign").read_bytes())
    damaged[-5] ^= 1
    vectors.write_bytes(damaged)
    assert [hit[0] for hit in answers(open_collection())["dense"]] == [
        hit[0] for hit in expected["dense"]
    ]
    assert "checksum" in notices[0]


def test_a_small_change_is_a_delta_and_a_large_one_a_new_file(open_collection, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number}.txt").write_text(f"This is about topic{number}.")
    collection = open_collection()
    collection.index(folder)
    before = [path.name for path in index_files(collection) if path.suffix == ".faiss"]
    (folder / "0.txt").write_text("This is about novelty.")
    collection.index(folder)
    assert [path.name for path in index_files(collection) if path.suffix == ".faiss"] == before
    for fresh in (collection, open_collection()):
        assert fresh.search("novelty", k=1)[0].path == "0.txt"
        assert all("topic0." not in hit.text for hit in fresh.search("topic0", k=60))
    for number in range(10):
        (folder / f"{number}.txt").write_text(f"This is about change{number}.")
    collection.index(folder)
    after = [path.name for path in index_files(collection) if path.suffix == ".faiss"]
    assert before[0] not in after or len(after) == 2
    assert open_collection().search("change7", k=1)[0].path == "7.txt"


def test_a_lexical_index_of_other_libraries_is_rebuilt_with_a_message(
    indexed, open_collection, notices
):
    with indexed._store.writing() as connection:
        older = state.value(connection, "lexical_versions")
        assert "tantivy " in older
        older = re.sub(r"tantivy [\d.]+", "tantivy 0.1", older)
        state.set_value(connection, "lexical_versions", older)
    assert open_collection().search("parents", k=1, mode="lexical")[0].path == "leave.txt"
    (line,) = [line for line in notices if "word index" in line]
    assert "tantivy 0.1, now " in line
    with indexed._store.reading() as connection:
        assert state.value(connection, "lexical_versions") == analysis_versions()
    notices.clear()
    open_collection().search("parents", k=1, mode="lexical")
    assert notices == []


def test_a_lexical_index_that_lags_behind_is_updated_by_a_reader(
    indexed, open_collection, folder, monkeypatch
):
    with monkeypatch.context() as patch:  # a run that died before its word index was written
        patch.setattr(
            "ragkit.storage.index_writer.IndexWriter.update_lexical", lambda self, **_: None
        )
        (folder / "late.txt").write_text("A latecomer.")
        open_collection().index(folder)
    hits = open_collection().search("latecomer", k=1, mode="lexical")
    assert hits[0].path == "late.txt"
    with indexed._store.reading() as connection:
        row = connection.execute("SELECT * FROM index_files WHERE kind = 'words'").fetchone()
    assert (indexed.folder / row["name"]).is_dir()
    assert "meta.json" in json.loads(row["checksum"])


def test_left_over_temporary_files_are_deleted(indexed, folder):
    (indexed.folder / ".tmp-1-vectors-aaaaaaaaaaaa-9.faiss").write_bytes(b"half")
    (indexed.folder / "words-999999").mkdir()
    (folder / "new.txt").write_text("New.")
    indexed.index(folder)
    names = {path.name for path in indexed.folder.iterdir()}
    assert ".tmp-1-vectors-aaaaaaaaaaaa-9.faiss" not in names
    assert "words-999999" not in names


def test_a_read_only_collection_is_searched_without_its_files(
    indexed, open_collection, make_read_only
):
    expected = answers(indexed)
    for path in index_files(indexed):
        delete(path)
    indexed.close()
    with make_read_only(indexed.folder):
        collection = open_collection()
        assert answers(collection) == expected
        collection.close()


def test_writing_a_read_only_collection_raises_collection_error(
    indexed, open_collection, folder, make_read_only
):
    from ragkit.errors import CollectionError

    indexed.close()
    with make_read_only(indexed.folder):
        collection = open_collection()
        with pytest.raises(CollectionError, match="cannot write to"):
            collection.index(folder)
        collection.close()


def updated_many_times(collection, folder, times=30):
    for number in range(times):
        (folder / "leave.txt").write_text(f"Parents may stay at home for {number} days.")
        collection.index(folder)


def test_an_open_reader_switches_to_newer_files(indexed, open_collection, folder):
    reader = open_collection()
    answers(reader)
    updated_many_times(indexed, folder)
    assert answers(reader) == answers(open_collection())
    held = reader._indexes._vectors
    assert held.change_count <= 1  # a tenth of four passages, or the last
    assert len(held.base) >= 4


def test_a_lexical_index_in_memory_is_updated_not_rebuilt(
    indexed, open_collection, folder, monkeypatch
):
    """Another process holds the lock for its first run: there is no lexical index file yet."""
    monkeypatch.setattr("ragkit.storage.lexical.index.MAX_ALWAYS_REWRITTEN", 0)
    monkeypatch.setattr("ragkit.storage.lexical.index.MAX_REMOVED_SHARE", 1)
    monkeypatch.setattr(
        "ragkit.storage.index_writer.IndexWriter.update_lexical", lambda self, **_: None
    )
    for path in index_files(indexed):
        delete(path)
    with indexed._store.writing() as connection:
        connection.execute("DELETE FROM index_files")
    reader = open_collection()
    assert reader.search("parents", k=1, mode="lexical")[0].path == "leave.txt"
    first = reader._indexes._lexical
    assert reader.search("cats", k=1, mode="lexical")[0].path == "sub/cats.txt"
    assert reader._indexes._lexical is first
    (folder / "dogs.txt").write_text("Dogs bark.")
    (folder / "leave.txt").unlink()
    indexed.index(folder)
    with monkeypatch.context() as patch:
        patch.setattr(
            "ragkit.storage.lexical.index.LexicalIndex.in_memory", lambda *_: pytest.fail("rebuilt")
        )
        assert reader.search("dogs", k=1, mode="lexical")[0].path == "dogs.txt"
        assert reader.search("parents", mode="lexical") == []
    assert len(reader._indexes._lexical) == len(first)


def test_a_read_only_collection_with_newer_text_builds_its_lexical_index_once(
    indexed, open_collection, folder, make_read_only, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(
            "ragkit.storage.index_writer.IndexWriter.update_lexical", lambda self, **_: None
        )
        (folder / "late.txt").write_text("A latecomer.")
        indexed.index(folder)
    indexed.close()
    with make_read_only(indexed.folder):
        reader = open_collection()
        assert reader.search("latecomer", k=1, mode="lexical")[0].path == "late.txt"
        first = reader._indexes._lexical
        reader.search("parents", k=1, mode="lexical")
        assert reader._indexes._lexical is first
        reader.close()


def test_a_damaged_file_that_cannot_be_rewritten_is_reported_once(
    indexed, open_collection, make_read_only, notices
):
    for path in index_files(indexed):
        damage_all(path)
    indexed.close()
    with make_read_only(indexed.folder):
        reader = open_collection()
        answers(reader)
        answers(reader)
        reader.close()
    assert len(notices) == 2


def test_the_lexical_index_of_a_read_only_collection_is_used_as_it_is(
    indexed, open_collection, make_read_only, notices, monkeypatch
):
    expected = answers(indexed)
    indexed.close()
    monkeypatch.setattr(
        "ragkit.storage.lexical.index.LexicalIndex.in_memory", lambda *_: pytest.fail("rebuilt")
    )
    with make_read_only(indexed.folder):
        reader = open_collection()
        assert answers(reader) == expected
        reader.close()
    assert notices == []


def test_the_lexical_index_is_as_readable_as_its_folder(indexed):
    (words,) = [path for path in index_files(indexed) if path.name.startswith("words-")]
    allowed = words.stat().st_mode & 0o666
    assert {file.stat().st_mode & 0o666 for file in words.iterdir()} == {allowed}


def test_a_lexical_index_with_terms_of_an_older_version_is_rebuilt(
    indexed, open_collection, notices
):
    expected = answers(indexed)
    (words,) = [path for path in index_files(indexed) if path.name.startswith("words-")]
    older = f"words-{indexed.status().generation}"  # as it was called before terms had a version
    words.rename(words.with_name(older))
    with indexed._store.writing() as connection:
        connection.execute("UPDATE index_files SET name = ? WHERE kind = 'words'", (older,))
    indexed.close()
    reader = open_collection()
    assert answers(reader) == expected
    assert notices == []
    assert [path.name for path in index_files(reader) if path.name.startswith("words")] != [older]


def test_terms_are_stemmed_in_the_declared_language_of_the_page(open_collection, tmp_path):
    for code in ("de", "en"):
        page = f"<html lang='{code}'><body><p>Bezeichnung, Versicherungen {code}x</p></body></html>"
        (tmp_path / f"{code}.html").write_text(page)
    collection = open_collection()
    for code in ("de", "en"):
        collection.index(tmp_path / f"{code}.html")
    hits = collection.search("Versicherung", mode="lexical")
    assert [hit.path for hit in hits] == ["de.html"]  # the English stemmer keeps "en"


@pytest.fixture
def precious(tmp_path):
    """Files of the user's beside the collection: none may change, whatever the collection says."""
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    before = folder.stat().st_mtime_ns
    yield folder
    assert (folder / "thesis.txt").read_text() == "years of work"
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]
    assert folder.stat().st_mtime_ns == before


def set_row(collection, kind, **values):
    """Change a row of `index_files`, as somebody may who offers a collection to others."""
    columns = ", ".join(f"{column} = ?" for column in values)
    with collection._store.writing() as connection:
        sql = f"UPDATE index_files SET {columns} WHERE kind = ?"
        connection.execute(sql, (*values.values(), kind))


def row(collection, kind):
    with collection._store.reading() as connection:
        return connection.execute("SELECT * FROM index_files WHERE kind = ?", (kind,)).fetchone()


@pytest.mark.parametrize("kind", ["vectors", "words"])
def test_a_row_with_a_name_of_another_file_is_replaced_and_touches_nothing(
    indexed, open_collection, precious, notices, kind
):
    expected = answers(indexed)
    indexed.close()
    for name in ("../precious", "../precious/thesis.txt", ".", "/dev/zero", "ragkit.db", 7, "\x1b"):
        set_row(indexed, kind, name=name)
        assert answers(open_collection()) == expected
        assert not any("\x1b" in notice for notice in notices)
        assert is_index_name(row(indexed, kind)["name"])
    notices.clear()
    assert answers(open_collection()) == expected
    assert notices == []


@pytest.mark.parametrize("kind", ["vectors", "words"])
def test_an_absolute_name_is_replaced_and_touches_nothing(
    indexed, open_collection, precious, folder, kind
):
    expected = answers(indexed)
    for name in (str(precious), str(precious / "thesis.txt")):
        set_row(indexed, kind, name=name)
        assert answers(open_collection()) == expected
        set_row(indexed, kind, name=name)
        open_collection().index(folder)
        assert is_index_name(row(indexed, kind)["name"])


@pytest.mark.parametrize("kind", ["vectors", "words"])
def test_a_row_with_other_values_is_replaced(indexed, open_collection, folder, kind):
    expected = answers(indexed)
    indexed.close()
    for values in (
        {"generation": 10**15},
        {"generation": "x"},
        {"checksum": b"\xff"},
        {"checksum": '{"checksum": ' + "[" * 50_000},
        {"model_id": "x"},
    ):
        set_row(indexed, kind, **values)
        assert answers(open_collection()) == expected
        open_collection().index(folder)
        recorded = row(indexed, kind)
        assert is_index_name(recorded["name"])
        assert recorded["generation"] == name_generation(recorded["name"])
    assert answers(open_collection()) == expected


@pytest.mark.parametrize("kind", ["vectors-", "words-"])
@pytest.mark.parametrize("becomes", ["link", "device", "pipe"])
def test_an_index_file_that_is_no_file_of_the_collection_is_rebuilt(
    indexed, open_collection, precious, notices, kind, becomes
):
    expected = answers(indexed)
    (path,) = [path for path in index_files(indexed) if path.name.startswith(kind)]
    delete(path)
    if becomes == "pipe":
        os.mkfifo(path)
    else:
        target = precious if kind == "words-" else precious / "thesis.txt"
        path.symlink_to(target if becomes == "link" else Path("/dev/zero"))
    indexed.close()
    assert answers(open_collection()) == expected
    assert len(notices) == 1
    notices.clear()
    assert answers(open_collection()) == expected
    assert notices == []
    rebuilt = indexed.folder / row(indexed, kind.rstrip("-"))["name"]
    assert rebuilt.is_dir() if kind == "words-" else rebuilt.is_file()
    assert not rebuilt.is_symlink()


def words_folder(collection):
    (words,) = [path for path in index_files(collection) if path.name.startswith("words-")]
    return words


@pytest.mark.parametrize("name", [".tantivy-meta.lock", ".tantivy-writer.lock", "meta.json"])
@pytest.mark.parametrize("kind", ["symbolic link", "hard link"])
def test_tantivy_opens_no_file_of_the_users(indexed, open_collection, precious, folder, name, kind):
    expected = answers(indexed)
    path = words_folder(indexed) / name
    path.unlink(missing_ok=True)
    if kind == "symbolic link":
        path.symlink_to(precious / "thesis.txt")
    else:
        os.link(precious / "thesis.txt", path)
    indexed.close()
    reader = open_collection()
    assert answers(reader) == expected
    (folder / "new.txt").write_text("New.")
    reader.index(folder)
    assert [hit.path for hit in reader.search("new", mode="lexical")] == ["new.txt"]


@pytest.mark.parametrize("is_absolute", [True, False])
def test_tantivy_deletes_no_file_of_the_users(
    indexed, open_collection, precious, folder, is_absolute
):
    """It deletes what its list of files names and no segment needs, also outside the folder."""
    words = words_folder(indexed)
    outside = str(precious / "thesis.txt") if is_absolute else "../../precious/thesis.txt"
    managed = json.loads((words / ".managed.json").read_text())
    (words / ".managed.json").write_text(json.dumps([*managed, outside]))
    set_row(indexed, "words", checksum=folder_checksum(words))
    indexed.close()
    (folder / "new.txt").write_text("New.")
    again = open_collection()
    again.index(folder)
    assert [hit.path for hit in again.search("new", mode="lexical")] == ["new.txt"]


def test_a_fingerprint_becomes_no_path(indexed, open_collection, precious):
    with indexed._store.writing() as connection:
        connection.execute("UPDATE models SET fingerprint = '/../../precious/x'")
        connection.execute("DELETE FROM index_files")
    indexed._indexes.index_writer.update_vectors()
    assert is_index_name(row(indexed, "vectors")["name"])


def overwrite(path, content):
    """Write in place, so that whoever has the file open or mapped sees the new content."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


IN_PLACE = {
    "emptied": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "one byte": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "all bytes": lambda data: bytes(byte ^ 0x55 for byte in data),
    "longer": lambda data: data * 2,
}


@pytest.mark.parametrize("keeps_time", [False, True])
@pytest.mark.parametrize("kind", ["vectors-", "words-"])
def test_a_file_that_is_changed_in_place_while_it_is_open_is_rebuilt(
    indexed, notices, kind, keeps_time
):
    expected = answers(indexed)
    for change in IN_PLACE.values():
        assert answers(indexed) == expected
        path = indexed.folder / row(indexed, kind.rstrip("-"))["name"]
        for file in [path] if path.is_file() else list(path.iterdir()):
            before = file.stat()
            content = file.read_bytes()
            overwrite(file, change(content) if len(content) > 9 else b"")
            if keeps_time:
                os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert answers(indexed) == expected
        assert len(notices) == 1
        assert "rebuilt from the database" in notices[0]
        notices.clear()
    assert answers(indexed) == expected
    assert notices == []


def test_a_file_that_is_touched_while_it_is_open_is_kept(indexed, notices):
    expected = answers(indexed)
    for path in index_files(indexed):
        for file in [path] if path.is_file() else list(path.iterdir()):
            os.utime(file)
    names = index_files(indexed)
    assert answers(indexed) == expected
    assert (notices, index_files(indexed)) == ([], names)


@pytest.mark.skipif(os.name == "nt", reason="limits are those of POSIX")
def test_too_many_open_files_are_no_damage(indexed, open_collection, notices, monkeypatch):
    import resource

    expected = answers(indexed)
    reader = open_collection()
    reader.search("cats", k=1, mode="dense")  # opens the database
    files = index_files(indexed)
    monkeypatch.setattr(reader._indexes, "_vectors", None)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    fillers = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                fillers.append(os.open(os.devnull, os.O_RDONLY))
        assert answers(reader) == expected
    finally:
        for descriptor in fillers:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert any("cannot be read" in notice for notice in notices)
    assert not any("rebuilt" in notice for notice in notices)
    assert reader._indexes._checksums.damaged == set()
    notices.clear()
    assert answers(reader) == expected
    assert (notices, index_files(indexed)) == ([], files)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_maps_of_deleted_files_are_closed_without_garbage_collection(
    indexed, open_collection, folder
):
    reader = open_collection()
    gc.collect()
    gc.disable()
    try:
        for number in range(3):
            (folder / "leave.txt").write_text(f"Parents may stay at home for {number} days.")
            indexed.index(folder)
            answers(reader)
        maps = Path("/proc/self/maps").read_text().splitlines()
    finally:
        gc.enable()
    deleted = [line for line in maps if str(indexed.folder) in line and "(deleted)" in line]
    assert deleted == []


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_database_that_is_a_link_is_refused(indexed, open_collection, precious, suffix):
    from ragkit.errors import CollectionError

    indexed.close()
    path = indexed.folder / f"ragkit.db{suffix}"
    path.unlink(missing_ok=True)
    path.symlink_to(precious / "thesis.txt")
    with pytest.raises(CollectionError, match="is a symbolic link; ragkit opens only regular"):
        open_collection()


def test_a_journal_beside_the_database_deletes_no_file_of_the_users(
    indexed, open_collection, precious
):
    """SQLite would delete the file whose name ends the journal."""
    from ragkit.errors import CollectionError

    indexed.close()
    name = str(precious / "thesis.txt").encode()
    end = struct.pack(">II", len(name), sum(name)) + bytes.fromhex("d9d505f920a163d7")
    header = bytes.fromhex("d9d505f920a163d7") + struct.pack(">5I", 0, 0, 1, 512, 16384)
    journal = header.ljust(512, b"\0") + struct.pack(">I", 65537) + name + end
    (indexed.folder / "ragkit.db-journal").write_bytes(journal)
    with pytest.raises(CollectionError, match="names another file, which SQLite would delete"):
        open_collection()


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO])
def test_a_passing_error_of_the_operating_system_is_no_damage(
    indexed, open_collection, notices, monkeypatch, code
):
    """The text is that of tantivy 0.27."""
    rust = f"Failed to open file for read: 'Os {{ code: {code}, kind: Other, message: \"x\" }}'"
    expected = answers(indexed)
    kept = index_files(indexed)
    reader = open_collection()

    def fail(_):
        raise ValueError(rust)

    with monkeypatch.context() as patch:
        patch.setattr("tantivy.Index.open", fail)
        assert answers(reader)["lexical"] == expected["lexical"]
    assert notices
    assert all("cannot be read" in notice and "code:" not in notice for notice in notices)
    assert reader._indexes._checksums.damaged == set()
    assert answers(reader) == expected
    assert not reader._indexes._lexical.memory
    assert index_files(reader) == kept
