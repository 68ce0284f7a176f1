"""Scans in a collection: the reason without an engine, and recognition once there is one."""

import os
import time

import pytest

from ragkit import Settings
from ragkit.documents.ocr import OcrText
from ragkit.documents.sandbox import ocr_engines
from ragkit.ingest.options import ReadSettings
from tests.documents.engines import FakeEngine
from tests.documents.files import make_pdf, make_zip
from tests.documents.mail_files import make_message

SCAN = make_pdf(["", ""], image=True)


def aged(folder):
    """Give files time stamps old enough to be trusted."""
    for path in folder.rglob("*.*"):
        old = time.time() - 10
        os.utime(path, (old, old))


@pytest.fixture
def scans(folder):
    """Return a folder of notes, a scan, a scan in an archive, a scan with text, and an image."""
    (folder / "scan.pdf").write_bytes(SCAN)
    (folder / "docs.zip").write_bytes(
        make_zip({"in.pdf": make_pdf([""], image=True), "a.txt": "x"})
    )
    (folder / "mixed.pdf").write_bytes(make_pdf(["Printed.", ""], image=True))
    (folder / "icon.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    aged(folder)
    return folder


@pytest.fixture
def install(monkeypatch):
    """Return a function that installs an engine with these answers, in the order of the pages."""

    def install(*answers):
        engine = FakeEngine(*answers)
        monkeypatch.setitem(ocr_engines.IS_INSTALLED, "tesseract", lambda: True)
        monkeypatch.setitem(ocr_engines._ENGINES, "tesseract", lambda choice: engine)
        return engine

    return install


def test_without_an_engine_the_reason_names_the_package(collection, scans, monkeypatch):
    report = collection.index(scans)
    files = {file.path: file for file in collection.files()}
    install = "no text layer; install ragkit-search[ocr]"
    scan, icon, archive = (files[name] for name in ("scan.pdf", "icon.png", "docs.zip"))
    assert (scan.status, scan.reason, scan.kind) == ("failed", install, "no_text_layer")
    assert (icon.status, icon.reason, icon.kind) == ("skipped", install, "image")
    assert [(part.record, part.reason) for part in archive.unread] == [("in.pdf", install)]
    assert report.coverage.missing == {"no_text_layer": 1}
    assert report.coverage.left_out == {"image": 1}
    for name in ("scan.pdf", "icon.png", "docs.zip/in.pdf"):
        remedy = collection.explain(str(scans / name)).remedy
        assert remedy.startswith("pip install 'ragkit-search[ocr]', then: ragkit index "), name


def test_scans_are_read_once_an_engine_is_installed(collection, scans, install):
    collection.index(scans)
    words = ("In the archive.", "On a page of both.", "Rotate keys. " * 10, "Feed the cats. " * 9)
    engine = install(*(OcrText(text, 90.0) for text in words))
    report = collection.index()
    assert (report.added, report.updated, report.unchanged) == (1, 2, 3)
    assert len(engine.images) == 4
    (hit,) = collection.search("feed the cats", k=1)
    assert (hit.citation, hit.page) == ("scan.pdf#page=2", 2)
    assert hit.metadata["ocr"] == "true"
    file = next(file for file in collection.files() if file.path == "scan.pdf")
    recognition = (file.ocr_pages, file.ocr_engine, file.ocr_languages, file.ocr_confidence)
    assert recognition == (2, "fake 1", "eng", 90.0)
    assert collection.index().unchanged == 6
    assert len(engine.images) == 4


def test_recognised_text_is_kept_without_the_engine(collection, folder, install, monkeypatch):
    (folder / "scan.pdf").write_bytes(SCAN)
    aged(folder)
    install(OcrText("Rotate the keys.", 90.0), OcrText("Feed the cats.", 90.0))
    collection.index(folder)
    monkeypatch.setitem(ocr_engines.IS_INSTALLED, "tesseract", lambda: False)
    assert collection.index().unchanged == 4


def test_files_that_need_ocr_are_read_after_all_others(collection, folder, install):
    for name in ("0.pdf", "5.pdf"):
        (folder / name).write_bytes(SCAN)
    (folder / "9.txt").write_text("The last name in the folder.")
    install(*[OcrText("Feed the cats.", 90.0)] * 4)
    report = collection.index(folder)
    assert report.added == 6
    ids = {hit.path: hit.document_id for hit in collection.search("feed the last", k=20)}
    assert max(id_ for path, id_ in ids.items() if not path.endswith(".pdf")) < ids["0.pdf"]
    assert collection.index().unchanged == 6


def test_another_ocr_language_reads_only_scans_again(open_collection, scans, install):
    (scans / "docs.zip").unlink()
    (scans / "mixed.pdf").unlink()
    install(*[OcrText("Words.", 90.0)] * 4)
    open_collection().index(scans)
    chosen = Settings(passage_tokens=40, overlap=0.0, ocr_languages="deu")
    report = open_collection(chosen).index()
    assert (report.updated, report.unchanged) == (1, 3)


def test_a_file_over_a_limit_is_read_when_the_limit_is_raised(open_collection, folder):
    inner = make_zip({"deep.txt": "Found at last."})
    (folder / "docs.zip").write_bytes(make_zip({"in.zip": inner}))
    aged(folder)
    narrow = Settings(passage_tokens=40, overlap=0.0, reader_depth=1)
    with open_collection(narrow) as collection:
        assert [file.kind for file in collection.index(folder).missing] == ["limit"]
        assert collection.index().added == 0
    with open_collection(Settings(passage_tokens=40, overlap=0.0)) as collection:
        report = collection.index()
        assert (report.added, report.unchanged, report.missing) == (1, 3, ())
        assert collection.search("found at last", k=1)[0].path == "docs.zip/in.zip/deep.txt"


def test_read_settings_match_unless_a_setting_they_name_has_changed():
    now = ReadSettings("base", "tesseract eng", "30 s")
    assert now.match(now.note(images=True, failed=True))
    assert now.note(images=False, failed=False) == "base"
    assert not ReadSettings("other", "tesseract eng", "30 s").match("base")
    scan, failed = now.note(images=True, failed=False), now.note(images=False, failed=True)
    assert not ReadSettings("base", "tesseract deu", "30 s").match(scan)
    assert ReadSettings("base", None, "60 s").match(scan)
    assert ReadSettings("base", "tesseract deu", "30 s").match(failed)
    assert not ReadSettings("base", "tesseract eng", "60 s").match(failed)
    unread = ReadSettings("base", None, "30 s").note(images=True, failed=False)
    assert not now.match(unread) and not now.match(None)


def test_a_scan_in_a_mailbox_over_the_size_limit_is_read_as_the_engine_can(
    open_collection, tmp_path, install
):
    limit = {"passage_tokens": 40, "overlap": 0.0, "max_file_mb": 0.001}
    folder = tmp_path / "mail"
    folder.mkdir()
    mail = make_message("See the scan. " * 90, Date="Tue, 01 Oct 2024 12:34:56 -0500")
    mail.add_attachment(SCAN, "application", "pdf", filename="scan.pdf")
    (folder / "a.mbox").write_bytes(
        b"From ann Tue Oct  1 12:34:56 2024\n" + mail.as_bytes() + b"\n"
    )
    aged(folder)
    open_collection(Settings(**limit)).index(folder)
    (file,) = open_collection(Settings(**limit)).files()
    assert [(part.record, part.kind) for part in file.unread] == [("1/scan.pdf", "no_text_layer")]
    engine = install(*[OcrText("Feed the cats.", 90.0)] * 9)
    assert open_collection(Settings(**limit)).index().updated == 1
    collection = open_collection(Settings(**limit))
    assert collection.search("feed the cats", k=1)[0].path == "a.mbox/1/scan.pdf"
    assert collection.index().unchanged == 1
    assert len(engine.images) == 2
    another = install(*[OcrText("Feed the dogs.", 90.0)] * 9)
    another.languages = "deu"
    chosen = open_collection(Settings(**limit, ocr_languages="deu"))
    assert chosen.index().updated == 1
    assert "dogs" in chosen.search("feed the", k=1, mode="lexical")[0].text
