"""`doctor` finds every kind of damage, and repairs without losing what cannot be made again."""

import contextlib
import json
import os
import shutil
import sqlite3
import sys

import pytest

from ragkit import Collection, CollectionError
from ragkit.maintenance import doctor as module
from ragkit.storage.lock import writer_lock
from tests.maintenance.tables import SETTINGS, content
from tests.maintenance.tables import hits as hits_with_ids


def hits(collection):
    """What a search finds; a passage that was damaged gets a new id."""
    return {mode: [hit[1:] for hit in found] for mode, found in hits_with_ids(collection).items()}


@pytest.fixture
def examine(encoder):
    def run(folder, **options):
        return Collection.doctor(
            folder, settings=SETTINGS, encoder=encoder, notify=lambda line: None, **options
        )

    return run


def wrong(report):
    """Name → severity of what is not in order."""
    return {
        entry.name: entry.severity
        for entry in report.diagnoses
        if entry.severity != "ok" and not entry.repaired
    }


def execute(folder, *statements):
    with contextlib.closing(sqlite3.connect(folder / "ragkit.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_an_intact_collection_is_in_order_and_is_not_changed(collection_folder, examine):
    before = tree(collection_folder)
    report = examine(collection_folder)
    assert wrong(report) == {}
    assert report.worst == "ok"
    assert report.usable
    assert report.counts["documents"] == 3
    assert tree(collection_folder) == before
    names = [entry.name for entry in report.diagnoses]
    assert len(names) == len(set(names))
    assert {
        "database", "integrity", "foreign keys", "texts", "vectors", "orphans", "embeddings",
        "index files", "word index", "model", "write-ahead log", "disk", "lock",
    } <= set(names)  # fmt: skip
    assert {"ragkit", "schema", "sqlite", "tantivy", "faiss", "numpy", "onnxruntime"} <= set(
        report.versions
    )


def test_every_finding_says_what_was_expected_and_what_to_do(collection_folder, examine):
    execute(
        collection_folder,
        "UPDATE documents SET text = 'other' WHERE id = 1",
        "DELETE FROM index_files",
    )
    shutil.rmtree(next(collection_folder.glob("words-*")))
    for entry in examine(collection_folder).diagnoses:
        if entry.severity != "ok":
            assert entry.found
            assert entry.expected
            assert "ragkit" in entry.remedy


DAMAGE = {
    "UPDATE documents SET text = 'x' || text WHERE id = 1": ("texts", "error"),
    "UPDATE documents SET title = 'other' WHERE id = 1": ("texts", "error"),
    "UPDATE passages SET text = 'x' || text WHERE id = 1": ("texts", "error"),
    "UPDATE passages SET start = start + 1 WHERE id = 1": ("texts", "error"),
    "UPDATE vectors SET vector = zeroblob(256) WHERE id = 1": ("vectors", "error"),
    "UPDATE vectors SET vector = x'00' WHERE id = 1": ("vectors", "error"),
    "UPDATE vectors SET vector = randomblob(256), checksum = NULL WHERE id = 1": (
        "vectors",
        "error",
    ),
    "UPDATE models SET dimension = 3": ("vectors", "error"),
    "DELETE FROM vectors WHERE id = 1": ("embeddings", "error"),
    "INSERT INTO vectors (model_id, hash, generation, vector) "
    "SELECT model_id, x'01', 1, vector FROM vectors WHERE id = 1": ("orphans", "warning"),
    "DELETE FROM files WHERE id = 1": ("foreign keys", "error"),
    "UPDATE passages SET document_id = 99 WHERE id = 1": ("foreign keys", "error"),
    "UPDATE files SET details = '{' WHERE id = 1": ("rows", "error"),
    "UPDATE files SET reason = 'other' WHERE id = 1": ("rows", "error"),
    "UPDATE files SET size = 'x' WHERE id = 1": ("rows", "error"),
    "DROP TABLE removals": ("integrity", "error"),
    "DROP INDEX passages_hash": ("integrity", "error"),
    "DELETE FROM index_files": ("index files", "warning"),
    "UPDATE index_files SET name = '../../etc/passwd'": ("index files", "error"),
    "UPDATE index_files SET checksum = '{}'": ("index files", "error"),
    "UPDATE models SET fingerprint = 'other'": ("model", "error"),
}


@pytest.mark.parametrize("statement", DAMAGE)
def test_damage_to_the_database_is_found(collection_folder, examine, statement):
    execute(collection_folder, statement)
    name, severity = DAMAGE[statement]
    assert wrong(examine(collection_folder)).get(name) == severity


@pytest.mark.parametrize(
    "statement",
    [
        statement
        for statement, (name, _) in DAMAGE.items()
        if name in ("texts", "embeddings", "orphans", "index files")
        or (name == "vectors" and "models" not in statement)
        or "document_id = 99" in statement
        or "reason = 'other'" in statement
    ],
)
def test_repair_and_index_put_everything_in_order(collection_folder, examine, encoder, statement):
    with Collection(collection_folder, encoder=encoder, settings=SETTINGS) as collection:
        expected = hits(collection)
    execute(collection_folder, statement)
    report = examine(collection_folder, repair=True)
    assert report.actions
    with Collection(collection_folder, encoder=encoder, settings=SETTINGS) as repaired:
        repaired.index()
        assert hits(repaired) == expected
    assert wrong(examine(collection_folder)) == {}


@pytest.mark.parametrize("pattern", ["vectors-*", "words-*"])
@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_index_files_are_checked_and_rebuilt(collection_folder, examine, encoder, pattern, damage):
    with Collection(collection_folder, encoder=encoder, settings=SETTINGS) as collection:
        expected = hits(collection)
    [path] = collection_folder.glob(pattern)
    file = path if path.is_file() else max(path.iterdir(), key=lambda entry: entry.stat().st_size)
    data = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        middle = len(data) // 2
        file.write_bytes(data[:middle] if damage == "cut" else data[:middle] + b"\0damage"[:7])
    encoded = len(encoder.encoded)
    assert wrong(examine(collection_folder)) == {"index files": "error"}
    report = examine(collection_folder, repair=True)
    assert wrong(report) == {}
    assert "rebuilt index files from the database" in report.actions
    assert len(encoder.encoded) == encoded
    with Collection(collection_folder, encoder=encoder, settings=SETTINGS) as repaired:
        assert hits(repaired) == expected


def test_repair_deletes_no_file_that_is_not_its_own(collection_folder, examine):
    for name in ("mine.txt", "vectors-mine", "words-of-wisdom.md", "damaged-photo.jpg"):
        (collection_folder / name).write_text("mine")
    (collection_folder / "words-v6-99").mkdir()
    (collection_folder / "damaged-words-v6-98").mkdir()
    (collection_folder / "vectors-000000000000-97.faiss").symlink_to(collection_folder / "mine.txt")
    next(collection_folder.glob("words-v*/meta.json")).unlink()
    examine(collection_folder, repair=True)
    for name in ("mine.txt", "vectors-mine", "words-of-wisdom.md", "damaged-photo.jpg"):
        assert (collection_folder / name).read_text() == "mine"


def test_pending_passages_are_a_warning(collection_folder, examine):
    execute(
        collection_folder,
        "DELETE FROM vectors WHERE id = (SELECT max(id) FROM vectors)",
        "UPDATE collection SET value = 0 WHERE key = 'complete'",
    )
    assert wrong(examine(collection_folder)) == {"embeddings": "warning"}


def test_the_writer_is_named(collection_folder, examine):
    with writer_lock(collection_folder, "a long run"):
        report = examine(collection_folder)
        assert wrong(report) == {"lock": "warning"}
        [lock] = [entry for entry in report.diagnoses if entry.name == "lock"]
        assert f"process {os.getpid()}" in lock.found
        assert "a long run" in lock.found
        with pytest.raises(CollectionError, match="a long run"):
            examine(collection_folder, repair=True, wait=0)


def test_disk_and_log_are_warned_about(collection_folder, examine, monkeypatch, collection):
    monkeypatch.setattr(module, "MIN_FREE_BYTES", sys.maxsize)
    assert wrong(examine(collection_folder)) == {"disk": "warning"}
    monkeypatch.undo()
    monkeypatch.setattr(module, "MAX_LOG_BYTES", 100)
    collection.status()  # keeps the log open
    execute(collection_folder, "INSERT OR REPLACE INTO collection VALUES ('records', 0)")
    with contextlib.closing(sqlite3.connect(collection_folder / "ragkit.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM files").fetchall()
        execute(collection_folder, "INSERT OR REPLACE INTO collection VALUES ('records', 0)")
        assert wrong(examine(collection_folder)) == {"write-ahead log": "warning"}


def test_there_must_be_a_collection(tmp_path, examine):
    with pytest.raises(CollectionError, match="no collection at"):
        examine(tmp_path / "nowhere")


def overwrite(data, start, size):
    return data[:start] + bytes(size) + data[start + size :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: bytes(len(data)),
        lambda data: b"no database at all " * 1000,
        lambda data: overwrite(data, 0, 100),
        lambda data: overwrite(data, 0, 16384),
        lambda data: data[: len(data) // 2],
        lambda data: data[:1000],
        lambda data: overwrite(data, 16384, 16384 * 3),
        lambda data: overwrite(data, len(data) // 2, 16384),
        lambda data: data[:16384] + data[16384:][::-1],
    ],
)
def test_a_badly_damaged_database_is_reported_and_kept(collection_folder, examine, damage):
    path = collection_folder / "ragkit.db"
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    report = examine(collection_folder)
    assert report.worst == "error"
    [first, *_] = [entry for entry in report.diagnoses if entry.severity == "error"]
    assert "ragkit" in f"{first.found} {first.remedy}"
    assert path.read_bytes() == damaged or not damaged
    report = examine(collection_folder, repair=True)
    copies = [entry for entry in collection_folder.iterdir() if entry.name.endswith("ragkit.db")]
    assert damaged in [copy.read_bytes() for copy in copies] or not damaged


@pytest.fixture
def lost_passages(collection_folder):
    """The collection after the root page of the table of passages was overwritten."""
    path = collection_folder / "ragkit.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        [page_size] = connection.execute("PRAGMA page_size").fetchone()
        [page] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'passages'"
        ).fetchone()
    path.write_bytes(overwrite(path.read_bytes(), (page - 1) * page_size, page_size))
    return collection_folder


def test_what_can_be_read_of_a_damaged_database_goes_into_a_new_one(
    lost_passages, examine, encoder, template
):
    damaged = (lost_passages / "ragkit.db").read_bytes()
    report = examine(lost_passages)
    assert wrong(report)["integrity"] == "error"
    assert any("restore --force BACKUP" in (entry.remedy or "") for entry in report.diagnoses)
    assert (lost_passages / "ragkit.db").read_bytes() == damaged
    report = examine(lost_passages, repair=True)
    assert "made a new database with 1 folders, 1 models" in report.actions[1]
    [aside] = lost_passages.glob("damaged-*-ragkit.db")
    assert aside.read_bytes() == damaged
    encoded = len(encoder.encoded)
    with Collection(lost_passages, encoder=encoder, settings=SETTINGS) as repaired:
        assert repaired.index().added == 3  # the folder is known, and the vectors are there
        assert len(encoder.encoded) == encoded
        repaired.close()
        assert wrong(examine(lost_passages)) == {}
        notes = template / "notes"
        assert content(lost_passages)["roots"] == [f"(1, '{notes}', '{notes}', '[]', '[]')"]
    assert aside.read_bytes() == damaged


def test_repair_follows_no_link_with_the_name_of_its_new_folder(lost_passages, examine, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (lost_passages / f".new-{os.getpid()}").symlink_to(tmp_path / "elsewhere")
    damaged = (lost_passages / "ragkit.db").read_bytes()
    with pytest.raises(CollectionError, match=r"cannot make the folder .*\.new-"):
        examine(lost_passages, repair=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (lost_passages / "ragkit.db").read_bytes() == damaged


def test_a_report_is_json(lost_passages, examine):
    import dataclasses

    assert json.loads(json.dumps(dataclasses.asdict(examine(lost_passages))))


def test_a_collection_of_a_checkout_is_checked_but_not_repaired(
    collection_folder, examine, tmp_path
):
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    shutil.copytree(collection_folder, repository / ".ragkit")
    before = tree(repository)
    assert wrong(examine(repository / ".ragkit"))["trust"] == "warning"
    with pytest.raises(CollectionError, match="ragkit trust"):
        examine(repository / ".ragkit", repair=True)
    assert tree(repository) == before


def test_a_damaged_collection_of_a_checkout_is_not_repaired(lost_passages, examine, tmp_path):
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    shutil.copytree(lost_passages, repository / ".ragkit")
    before = tree(repository)
    assert examine(repository / ".ragkit").worst == "error"
    with pytest.raises(CollectionError, match="ragkit trust"):
        examine(repository / ".ragkit", repair=True)
    (repository / ".ragkit" / "ragkit.db").write_bytes(b"no database")
    with pytest.raises(CollectionError, match="ragkit trust"):
        examine(repository / ".ragkit", repair=True)
    assert [*tree(repository)] == [*before]


def test_a_collection_that_may_not_be_written_is_checked(
    collection_folder, examine, make_read_only
):
    with make_read_only(collection_folder):
        assert wrong(examine(collection_folder)) == {"permissions": "warning"}


def test_an_emptied_database_is_not_taken_for_a_new_collection(collection_folder, encoder):
    (collection_folder / "ragkit.db").write_bytes(b"")
    for create in (False, True):
        with pytest.raises(CollectionError, match=r"is damaged \(it is empty\)"):
            Collection(collection_folder, encoder=encoder, create=create)
    assert (collection_folder / "ragkit.db").read_bytes() == b""
