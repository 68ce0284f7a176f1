"""`ragkit doctor`, `backup`, `restore`, `export` and `import`, as a user types them."""

import json
import sqlite3
from contextlib import closing

import pytest

from ragkit.storage.lock import writer_lock


def test_a_collection_is_backed_up_and_restored(run, collection_folder, tmp_path):
    code, out, err = run("backup", "copies/monday")
    assert (code, err) == (0, "")
    assert out.startswith("backed up 3 documents (4 passages, 4 vectors, ")
    assert f"to {tmp_path}/copies/monday in " in out
    assert run("remove", "notes")[0] == 0
    code, out, err = run("restore", "copies/monday")
    assert (code, out) == (2, "")
    assert "--force" in err
    code, out, err = run("restore", "copies/monday", "--force")
    assert (code, err) == (0, "")
    assert "the old collection is now " in out
    assert json.loads(run("query", "parents", "--json")[1])[0]["path"] == "leave.txt"
    assert len(list(tmp_path.glob(".ragkit.before-restore-*"))) == 1


def test_a_backup_goes_to_a_new_folder(run, collection_folder, tmp_path):
    code, out, err = run("backup", "notes")
    assert (code, out) == (2, "")
    assert "exists and is not an empty folder" in err
    assert run("-c", "nowhere", "backup", "x")[0] == 3
    assert run("backup", "without", "--no-index-files")[0] == 0
    assert sorted(path.name for path in (tmp_path / "without").iterdir()) == [
        ".gitignore",
        "ragkit.db",
    ]


def test_an_export_is_imported_elsewhere(run, collection_folder):
    code, out, _ = run("export", "export", "--json")
    assert code == 0
    report = json.loads(out)
    assert list(report) == [
        "path", "documents", "passages", "vectors", "bytes", "seconds", "set_aside",
    ]  # fmt: skip
    assert report["documents"] == 3
    code, out, err = run("-c", "other", "import", "export")
    assert (code, err) == (0, "")
    assert out.startswith("imported 3 documents (4 passages, 4 vectors")
    first = json.loads(run("query", "parents", "--json")[1])
    assert json.loads(run("-c", "other", "query", "parents", "--json")[1]) == first
    code, out, err = run("import", "export")
    assert (code, out) == (2, "")
    assert "exists and is not an empty folder" in err
    assert run("-c", "third", "import", "notes")[0] == 2


def test_doctor_says_that_everything_is_in_order(run, collection_folder):
    code, out, err = run("doctor")
    assert (code, err) == (0, "")
    assert "everything is in order" in out
    assert all(line.split()[0] in ("ok", "versions", "everything") for line in out.splitlines())
    report = json.loads(run("doctor", "--json")[1])
    assert report["worst"] == "ok"
    assert list(report["diagnoses"][0]) == [
        "name", "severity", "found", "expected", "remedy", "repaired",
    ]  # fmt: skip


def test_doctor_exits_with_3_while_there_are_errors(run, collection_folder):
    with closing(sqlite3.connect(collection_folder / "ragkit.db")) as connection, connection:
        connection.execute("UPDATE documents SET text = 'x' || text WHERE id = 1")
        connection.execute("DELETE FROM index_files")
    code, out, _ = run("doctor")
    assert code == 3
    assert "error     texts: documents whose text has changed since it was written: 1" in out
    assert "remedy: ragkit doctor --repair, then ragkit index" in out
    code, out, _ = run("doctor", "--repair")
    assert code == 3
    assert "repaired  index files" in out
    assert "done      marked damaged documents" in out
    assert run("index")[0] == 0
    assert run("doctor")[0] == 0


@pytest.mark.parametrize("content", [b"", b"no database", bytes(100_000)])
def test_doctor_reports_what_is_no_database(run, collection_folder, content):
    (collection_folder / "ragkit.db").write_bytes(content)
    for flags in ((), ("--repair",), ("--json",), ("--repair", "--json")):
        code, out, err = run("doctor", *flags)
        assert code == 3
        assert "unexpected" not in err
        assert "restore --force BACKUP" in out


def test_doctor_needs_a_collection(run):
    code, out, err = run("-c", "nowhere", "doctor")
    assert (code, out) == (3, "")
    assert "no collection at" in err


def test_repair_waits_for_the_writer(run, collection_folder):
    with writer_lock(collection_folder, "a test"):
        code, _, err = run("doctor", "--repair", "--wait", "0")
        assert code == 3
        assert "is being written by" in err
        code, _, err = run("restore", "--force", "--wait", "0", "nowhere")
        assert code == 2
        assert "no backup at" in err


def test_a_bug_report_is_written_once(run, collection_folder, tmp_path):
    code, _, err = run("doctor", "--bug-report", "bug.json")
    assert code == 0
    assert "wrote bug.json; read it before you send it" in err
    text = (tmp_path / "bug.json").read_text()
    assert str(tmp_path) not in text
    assert "leave" not in text
    assert json.loads(text)["counts"]["documents"] == 3
    code, _, err = run("doctor", "--bug-report", "bug.json")
    assert code == 2
    assert "name a new file" in err
