"""Office files with a password: read with it, reported as encrypted without it."""

import functools
import io
import sys
import zipfile
from pathlib import Path

from msoffcrypto.format.ooxml import OOXMLFile

from ragkit.documents.detect import detect
from ragkit.documents.formats.office.encryption import decrypt_office
from ragkit.documents.read import read_all
from ragkit.documents.sandbox.sandbox import Sandbox
from tests.documents.files import make_docx, paragraph

SAMPLES = Path(__file__).parents[2] / "samples"
SECRET = "Password1234_"


TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


@functools.cache
def encrypted_docx(password):
    plain, output = io.BytesIO(make_docx(paragraph("The vault opens at nine."))), io.BytesIO()
    with zipfile.ZipFile(plain, "a") as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("word/media/image1.bin", bytes(5000))  # small packages are written wrong
    OOXMLFile(plain).encrypt(password, output)
    return output.getvalue()


def test_a_docx_is_read_with_its_password():
    (record,) = read_all(encrypted_docx(SECRET), "a.docx", passwords=["", SECRET])
    assert record.document.text == "The vault opens at nine."
    assert record.document.media_type.endswith("wordprocessingml.document")


def test_without_its_password_it_is_encrypted():
    (record,) = read_all(encrypted_docx(SECRET), "a.docx", passwords=["wrong"])
    assert (record.kind, record.skipped) == ("encrypted", False)
    assert record.reason == "encrypted Office file: needs a password"


def test_what_excel_opens_without_asking_needs_no_password():
    (record,) = read_all(encrypted_docx("VelvetSweatshop"), "a.docx")
    assert record.document.text == "The vault opens at nine."


def test_files_of_office_97_are_decrypted_in_the_sandbox():
    sandbox = Sandbox(passwords=("wrong", SECRET))
    try:
        for name in ("rc4cryptoapi_password.doc", "rc4cryptoapi_password.xls"):
            file = detect((SAMPLES / "encrypted" / name).read_bytes(), name)
            (record,) = sandbox.read(file)
            assert "lorem ipsum" in record.document.text
            (closed,) = read_all(file.data, name, passwords=["wrong"])
            assert closed.kind == "encrypted"
    finally:
        sandbox.close()


def test_without_the_library_the_reason_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "msoffcrypto", None)
    (record,) = read_all(encrypted_docx(SECRET), "a.docx", passwords=[SECRET])
    assert record.kind == "encrypted"
    assert record.reason.endswith("ragkit-search[encrypted] to be read with it")
    assert decrypt_office(b"", ()) is None


def test_a_damaged_file_is_a_reason_not_an_error():
    data = encrypted_docx(SECRET)
    for size in (600, 2000, len(data) - 700):
        for record in read_all(data[:size], "a.docx", passwords=[SECRET]):
            assert record.document is None
            assert record.kind in ("encrypted", "damaged", "no_document")
