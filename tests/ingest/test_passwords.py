"""Encrypted files: read with a password file, kept without it; passwords are stored nowhere."""

import shutil
from pathlib import Path

import pytest
from pyzipper import WZ_AES, AESZipFile

from ragkit.errors import UsageError

SAMPLES = Path(__file__).parents[1] / "documents" / "samples" / "encrypted"


@pytest.fixture
def vault(tmp_path):
    folder = tmp_path / "vault"
    folder.mkdir()
    shutil.copy(SAMPLES / "aes256.pdf", folder / "plan.pdf")
    with AESZipFile(folder / "keys.zip", "w", encryption=WZ_AES) as archive:
        for name, password, text in (
            ("one.txt", b"secret two", "The depot key hangs behind the door."),
            ("two.txt", b"Marzipan-77", "The attic key lies below the mat."),
        ):
            archive.setpassword(password)
            archive.writestr(name, text)
    return folder


@pytest.fixture
def write_passwords(tmp_path):
    def write(*passwords):
        path = tmp_path / "passwords.txt"
        path.write_bytes("\r\n".join(passwords).encode("utf-8-sig"))
        return path

    return write


def documents(collection):
    return sorted({hit.path for hit in collection.search("key vault opens door mat", 9)})


def encrypted(report):
    return [missing.path for missing in report.missing if missing.kind == "encrypted"]


def test_a_password_opens_what_was_encrypted_and_no_other_run_closes_it(
    collection, vault, write_passwords, encoder
):
    report = collection.index(vault)
    assert encrypted(report) == ["keys.zip", "plan.pdf"]
    assert {file.status for file in report.documents} == {"failed"}
    report = collection.index(vault, password_file=write_passwords("Grüße 1", "", "secret two"))
    assert encrypted(report) == ["keys.zip/two.txt"]
    # Another password for what is left; what the first has opened stays.
    report = collection.index(vault, password_file=write_passwords("Marzipan-77"))
    assert encrypted(report) == []
    everything = documents(collection)
    assert everything == ["keys.zip/one.txt", "keys.zip/two.txt", "plan.pdf", "plan.pdf/list.csv"]
    for later in (collection.index(vault), collection.index(vault, rebuild=True)):
        assert encrypted(later) == []
        assert documents(collection) == everything
    (vault / "plan.pdf").write_bytes((SAMPLES / "rc4.pdf").read_bytes())
    assert encrypted(collection.index(vault)) == ["plan.pdf"]
    assert documents(collection) == ["keys.zip/one.txt", "keys.zip/two.txt"]


def test_passwords_are_nowhere_in_the_collection(collection, vault, write_passwords, caplog):
    passwords = write_passwords("Grüße 1", "Marzipan-77", "wrong-Zimt-5")
    inside = vault / "passwords.txt"
    inside.write_bytes(passwords.read_bytes())
    report = collection.index(vault, password_file=inside)
    assert "plan.pdf" in documents(collection)
    (file,) = [file for file in report.documents if file.path == "passwords.txt"]
    assert (file.status, file.reason) == ("skipped", "the passwords of this run")
    collection.close()
    stored = b"".join(p.read_bytes() for p in collection.folder.rglob("*") if p.is_file())
    for secret in ("Grüße 1", "Marzipan-77", "wrong-Zimt-5"):
        assert secret.encode() not in stored
        assert secret not in caplog.text
        assert secret not in repr(report)


def test_text_of_the_password_file_from_an_earlier_run_is_removed(collection, vault):
    inside = vault / "passwords.txt"
    inside.write_text("Marzipan-77")
    assert collection.index(vault).added == 1
    assert [hit.path for hit in collection.search("Marzipan-77", 9)] == ["passwords.txt"]
    for later in (inside, None, inside):
        collection.index(vault, password_file=later)
        assert "passwords.txt" not in {hit.path for hit in collection.search("Marzipan-77", 9)}


def test_a_password_file_that_cannot_be_used_is_an_error(collection, vault, tmp_path):
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    for name, reason in (("no.txt", "cannot read"), ("empty.txt", "empty"), ("latin.txt", "UTF-8")):
        with pytest.raises(UsageError, match=reason):
            collection.index(vault, password_file=tmp_path / name)
