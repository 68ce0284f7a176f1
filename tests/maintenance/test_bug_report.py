"""A bug report names no text, file, path, query, address, key or person."""

import getpass
import json
import os
import socket
from pathlib import Path

import pytest

from ragkit import Collection, Settings, UsageError
from ragkit.maintenance import bug_report
from ragkit.records.maintenance import Diagnosis, DoctorReport

PRIVATE = (
    "Hildegard", "whistleblower", "merger.md", "Projekt Nord", "s3cr3t-passphrase-of-hildegard",
    "intranet.example.org", "OPENAI_KEY_OF_HILDEGARD", "verboten", "unheard-of question",
)  # fmt: skip


@pytest.fixture
def report(tmp_path, encoder):
    """The bug report of a damaged collection with private names, and its settings."""
    folder = tmp_path / "Projekt Nord"
    folder.mkdir()
    (folder / "merger.md").write_text("# Hildegard\n\nThe whistleblower is Hildegard.\n")
    (folder / "verboten.bin").write_bytes(bytes(range(256)))
    settings = Settings(
        collection=str(tmp_path / "kit"),
        llm_base_url="https://intranet.example.org/v1?key=s3cr3t-passphrase-of-hildegard",
        llm_api_key_env="OPENAI_KEY_OF_HILDEGARD",
        llm_model="Hildegard",
    )
    collection_folder = tmp_path / "Projekt Nord kit"
    with Collection(collection_folder, settings=settings, encoder=encoder) as collection:
        collection.index(folder)
        collection.search("unheard-of question about Hildegard")
    [words] = collection_folder.glob("words-*")
    next(words.glob("*.store")).write_bytes(b"damaged")
    result = Collection.doctor(collection_folder, settings=settings, notify=lambda line: None)
    Collection.write_bug_report(result, tmp_path / "bug.json", settings=settings)
    return tmp_path / "bug.json"


def test_nothing_private_is_in_it(report, tmp_path):
    text = report.read_text()
    for word in (*PRIVATE, str(tmp_path), str(Path.home()) + "/", socket.gethostname()):
        assert word not in text
    if getpass.getuser() != "root":
        assert getpass.getuser() not in text


def test_it_says_what_helps(report):
    content = json.loads(report.read_text())
    assert content["versions"]["ragkit"]
    assert content["counts"]["documents"] == 1
    assert content["files"]["status"] == {"indexed": 1, "skipped": 1}
    assert content["settings"]["top_k"] == 10
    assert content["settings"]["mode"] == "dense"
    assert content["settings"]["llm_model"] == "set"
    assert content["settings"]["base_url"] is None
    [damage] = [entry for entry in content["diagnoses"] if entry["name"] == "index files"]
    assert "is damaged: its checksum is not the recorded one" in damage["found"]


def test_a_file_that_exists_is_kept(report):
    before = report.read_text()
    with pytest.raises(UsageError, match="exists; name a new file"):
        bug_report.write(DoctorReport("x", True, (), {}), Settings(), report)
    assert report.read_text() == before


@pytest.mark.parametrize(
    ("message", "redacted"),
    [
        ("cannot open /home/eva/my-notes/a.txt: denied", "cannot open <path>: denied"),
        (r"C:\Users\eva\notes is damaged", "<path> is damaged"),
        ("see https://eva:pw@host.example/x?token=1 now", "see <address> now"),
        ("no table 'geheim'", "no table <text>"),
        ("letter.docx is stale", "<file> is stale"),
        ("ragkit.db is damaged", "ragkit.db is damaged"),
        ("vectors-0123456789ab-7.faiss is missing", "vectors-0123456789ab-7.faiss is missing"),
        ("the key ghp" + "_a1B2" * 9 + " is wrong", "the key <token> is wrong"),
        ("row 5 of files refers to no row of roots", "row 5 of files refers to no row of roots"),
        ("Eva's notes are gone", "<name>'s notes are gone"),
    ],
)
def test_messages_are_redacted(message, redacted):
    assert bug_report.redact(message, ["Eva", ""]) == redacted


def test_messages_about_processes_models_and_the_database_are_left_out():
    names = ("lock", "model", "database")
    diagnoses = tuple(Diagnosis(name, "error", "Eva is writing") for name in names)
    content = bug_report.bundle(DoctorReport("/nowhere", False, diagnoses, {}), Settings())
    assert "Eva" not in json.dumps(content)
    assert [entry["name"] for entry in content["diagnoses"]] == list(names)
    assert content["files"] == {}


def test_a_pipe_instead_of_a_database_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "ragkit.db")
    assert bug_report.file_counts(tmp_path) == {}
