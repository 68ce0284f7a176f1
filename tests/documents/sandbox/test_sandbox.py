"""The sandbox: its limits, and what happens to a file whose worker hangs, grows or dies."""

import threading
import time
from types import SimpleNamespace

import pytest

from ragkit.documents.detect import detect
from ragkit.documents.ocr import OcrLimits, OcrText
from ragkit.documents.read import read_all
from ragkit.documents.sandbox.sandbox import ReadLimits, Sandbox
from ragkit.records.documents import Record
from tests.documents.engines import FakeEngine
from tests.documents.files import make_pdf, make_zip

# Writes into every pipe the worker has.
_GARBAGE = """
import os, stat, time
for number in range(3, 99):
    try:
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            os.write(number, b"x" * 99)
    except OSError:
        pass
time.sleep(9)
"""
TABLE = b"name,born\nAda,1815\n"


def reason(sandbox, data):
    (record,) = sandbox.read(detect(data, "a.pdf"))
    return record.reason


def test_a_worker_reads_the_same_as_this_process(create_sandbox, real_files):
    sandbox = create_sandbox()
    for path in sorted(real_files.rglob("*.*")):
        data = path.read_bytes()
        assert sandbox.read(detect(data, path.name)) == list(read_all(data, path.name)), path


def test_a_worker_that_hangs_affects_only_its_file(create_sandbox, python_pdf):
    sandbox = create_sandbox(seconds=2)
    assert reason(sandbox, python_pdf("while True: pass")) == "took longer than 2 s"
    sandbox._limits = ReadLimits(seconds=60)  # the next file does not hang
    assert sandbox.read(detect(TABLE, "a.csv"))[0].document.text == "name | born\nAda | 1815"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "the reader died (signal 11)"),
        ("import os; os._exit(7)", "the reader died (exit code 7)"),
        (_GARBAGE, "the reader process sent an invalid answer"),
    ],
)
def test_a_worker_that_dies_affects_only_its_file(create_sandbox, python_pdf, code, why):
    sandbox = create_sandbox(seconds=60)
    assert reason(sandbox, python_pdf(code)) == why
    assert sandbox.read(detect(TABLE, "a.csv"))[0].document is not None


def test_the_text_of_a_file_has_a_limit(create_sandbox):
    data = b'{"a": "' + b"word " * 300_000 + b'"}'
    (record,) = create_sandbox(output_mb=1).read(
        detect(b"[" + b"1," * 100_000 + b"1]", "a.json"), records=True
    )[-1:]
    assert record.reason == "the rest is not read: gives more than 1 MB of text"
    assert (
        len(create_sandbox(output_mb=1).read(detect(data, "a.json"))[0].document.text) > 1_000_000
    )


def test_the_nesting_depth_is_limited(create_sandbox):
    data = make_zip({"b.zip": make_zip({"c.zip": make_zip({"a.txt": b"x"})})})
    (record,) = create_sandbox(depth=2).read(detect(data, "a.zip"))
    assert record.reason == "nested more than 2 files deep"


def test_records_before_a_member_that_kills_the_worker_are_kept(create_sandbox, python_pdf):
    data = make_zip({"a.txt": b"x", "b.pdf": python_pdf("import os; os._exit(7)"), "c.txt": b"y"})
    first, rest = create_sandbox().read(detect(data, "a.zip"))
    assert (first.name, first.document.text) == ("a.txt", "x")
    assert rest == Record("", reason="the rest is not read: the reader died (exit code 7)")


def test_a_worker_that_an_earlier_file_has_broken_is_replaced(create_sandbox, python_pdf):
    """The second file fails because of what the first one left; a new worker reads it."""
    sandbox = create_sandbox()
    spoil = "import csv, os; csv.reader = lambda *_, **__: os._exit(9); raise KeyError"
    assert reason(sandbox, python_pdf(spoil)) == "cannot be read: KeyError:"
    assert sandbox.read(detect(TABLE, "a.csv"))[0].document is not None


def test_give_up_ends_the_current_file_at_once(create_sandbox, python_pdf):
    sandbox = create_sandbox(seconds=60)
    assert sandbox.read(detect(TABLE, "a.csv"))
    timer = threading.Timer(0.2, sandbox.give_up)
    timer.start()
    # Killed by `give_up`, not by the time limit.
    assert reason(sandbox, python_pdf("import time; time.sleep(60)")).startswith("the reader died")


def test_text_up_to_one_megabyte_needs_no_worker(create_sandbox):
    sandbox = create_sandbox()
    for name in ("a.txt", "a.md", "a.toml"):
        assert sandbox.read(detect(b"Words.\n", name))[0].document.text == "Words.\n"
    assert sandbox._worker is None
    sandbox.read(detect(b"Words.\n" * 200_000, "a.txt"))
    assert sandbox._worker is not None


def test_scans_are_rendered_in_the_worker_and_recognised_in_this_process():
    """The scan is in an archive."""
    engine = FakeEngine(OcrText("Words of a scan."))
    sandbox = Sandbox(engine=engine)
    try:
        data = make_zip({"in/scan.pdf": make_pdf([""], image=True), "a.csv": "x,y\n1,2\n"})
        records = {record.name: record for record in sandbox.read(detect(data, "a.zip"))}
    finally:
        sandbox.close()
    document = records["in/scan.pdf"].document
    assert (document.text, document.recognition.engine) == ("Words of a scan.", "fake 1")
    assert records["a.csv"].document is not None
    assert len(engine.images) == 1
    assert engine.stopped


def test_the_time_of_the_ocr_engine_does_not_count(monkeypatch):
    """On a clock that the engine moves."""
    passed = []
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + sum(passed), sleep=time.sleep)
    monkeypatch.setattr("ragkit.documents.sandbox.sandbox.time", clock)

    class Slow(FakeEngine):
        def recognise(self, image):
            passed.append(100)
            return super().recognise(image)

    engine = Slow(*[OcrText("Words.")] * 3)
    sandbox = Sandbox(ReadLimits(seconds=60), engine)
    try:
        (record,) = sandbox.read(detect(make_pdf([""] * 3, image=True), "a.pdf"))
    finally:
        sandbox.close()
    assert record.document.recognition.pages == (1, 2, 3)


def test_the_scanned_pages_of_a_whole_file_are_limited():
    engine = FakeEngine(*[OcrText("Words.")] * 10)
    sandbox = Sandbox(engine=engine, ocr_limits=OcrLimits(pages=1))
    try:
        scans = {f"{number}.pdf": make_pdf([""], image=True) for number in range(11)}
        *_, last = sandbox.read(detect(make_zip(scans), "a.zip"))
    finally:
        sandbox.close()
    assert last.reason == "no text layer; page 1: over 10 pages in one file"
    assert len(engine.images) == 10
