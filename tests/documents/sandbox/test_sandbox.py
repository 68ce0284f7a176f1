"""The process that reads files: what it may cost, what it may not do, and what its end costs.

PDFium is replaced by a module that runs the file as Python: the worst that a parser can be brought
to do.
"""

import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path

import pytest

from ragkit.documents.detect import detect
from ragkit.documents.read import read_all
from ragkit.documents.sandbox import processes, protocol
from ragkit.documents.sandbox.sandbox import ReadLimits, Sandbox
from ragkit.records.documents import Document, Heading, Locator, Recognition, Record, Table
from tests.documents.files import make_zip

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
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits this")


@pytest.fixture
def reader():
    readers = []

    def made(**limits):
        readers.append(Sandbox(ReadLimits(**limits)))
        return readers[-1]

    yield made
    for each in readers:
        each.close()


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """PDFs of Python code, run where they are read."""
    (tmp_path / "pypdfium2.py").write_text(
        "class PdfDocument:\n    def __init__(self, data): exec(bytes(data)[5:].decode(), {})\n"
        "class PdfiumError(Exception): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda code: b"%PDF-" + b"\n" + code.encode()


def reason(sandbox, data):
    (record,) = sandbox.read(detect(data, "a.pdf"))
    return record.reason


def test_what_is_read_in_a_worker_is_what_is_read_here(reader, real_files):
    here = reader()
    for path in sorted(real_files.rglob("*.*")):
        data = path.read_bytes()
        assert here.read(detect(data, path.name)) == list(read_all(data, path.name)), path


def test_a_worker_that_hangs_costs_its_file_alone(reader, evil):
    here = reader(seconds=2)
    assert reason(here, evil("while True: pass")) == "took longer than 2 s"
    assert here.read(detect(TABLE, "a.csv"))[0].document.text == "name | born\nAda | 1815"


@linux
def test_a_large_file_has_the_processor_for_as_long_as_the_clock(reader, evil):
    code = "import os, resource; os._exit(resource.getrlimit(resource.RLIMIT_CPU)[0])"
    why = reason(reader(seconds=5), evil(code) + b"\n#" + 3_000_000 * b"x")
    seconds = int(why.removeprefix("the reader died (exit code ").removesuffix(")"))
    assert 10 * (5 + 3) <= seconds <= 10 * (5 + 3) + 10  # docs/formats.md; and what it had used


@linux
def test_too_much_processor_time_is_too_long(reader, evil):
    here, code = reader(), "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)"
    (record,) = here.read(detect(evil(code), "a.pdf"))
    assert (record.reason, record.kind) == ("took too much processor time", "timeout")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "the reader died (signal 11)"),
        ("import os; os._exit(7)", "the reader died (exit code 7)"),
        (_GARBAGE, "the reader's answer makes no sense"),
    ],
)
def test_a_worker_that_dies_costs_its_file_alone(reader, evil, code, why):
    here = reader(seconds=5)
    assert reason(here, evil(code)) == why
    assert here.read(detect(TABLE, "a.csv"))[0].document is not None


@linux
def test_a_worker_that_grows_costs_its_file_alone(reader, evil):
    here = reader(memory_mb=200)
    assert reason(here, evil("x = [b'x' * (1 << 20) for _ in range(300)]")) == (
        "needed more than 200 MB"
    )
    assert here.read(detect(TABLE, "a.csv"))[0].document is not None


def test_what_a_file_gives_has_a_limit(reader):
    data = b'{"a": "' + b"word " * 300_000 + b'"}'
    (record,) = reader(output_mb=1).read(
        detect(b"[" + b"1," * 100_000 + b"1]", "a.json"), records=True
    )[-1:]
    assert record.reason == "the rest is not read: gives more than 1 MB of text"
    assert len(reader(output_mb=1).read(detect(data, "a.json"))[0].document.text) > 1_000_000


def test_depth_is_a_limit(reader):
    data = make_zip({"b.zip": make_zip({"c.zip": make_zip({"a.txt": b"x"})})})
    (record,) = reader(depth=2).read(detect(data, "a.zip"))
    assert record.reason == "nested more than 2 files deep"


def test_a_member_that_kills_the_reader_leaves_what_was_read_before(reader, evil):
    data = make_zip({"a.txt": b"x", "b.pdf": evil("import os; os._exit(7)"), "c.txt": b"y"})
    first, rest = reader().read(detect(data, "a.zip"))
    assert (first.name, first.document.text) == ("a.txt", "x")
    assert rest == Record("", reason="the rest is not read: the reader died (exit code 7)")


def test_a_worker_that_an_earlier_file_has_spoilt_is_replaced(reader, evil):
    """The second file dies of what the first has left; a fresh worker reads it."""
    here = reader()
    spoil = "import csv, os; csv.reader = lambda *_, **__: os._exit(9); raise KeyError"
    assert reason(here, evil(spoil)) == "cannot be read: KeyError:"
    assert here.read(detect(TABLE, "a.csv"))[0].document is not None


def test_the_worker_knows_no_secrets(reader, evil, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    told = reason(reader(), evil("import os; raise Exception(sorted(os.environ))"))
    assert "PATH" in told
    assert not {"OPENAI_API_KEY", "HOME", "PYTHONPATH"} & set(told.split("'"))


@linux
def test_the_worker_writes_no_files(reader, evil, tmp_path):
    written = tmp_path / "written"
    told = reason(reader(), evil(f"open('{written}', 'w').write(9 * 'x')"))
    assert told.startswith("cannot be read: PermissionError")
    assert not written.exists()


def test_what_a_parser_prints_and_reads_is_not_the_protocol(reader, evil):
    code = (
        "import os; os.write(1, b'x' * 99); os.write(2, b'y' * 99); raise Exception(os.read(0, 9))"
    )
    assert reason(reader(), evil(code)).endswith("Exception: b''")


def test_giving_up_ends_a_file_at_once(reader, evil):
    here = reader(seconds=60)
    assert here.read(detect(TABLE, "a.csv"))
    timer = threading.Timer(0.2, here.give_up)
    timer.start()
    started = time.monotonic()
    assert reason(here, evil("import time; time.sleep(60)")) is not None
    assert time.monotonic() - started < 30


def test_ctrl_c_does_not_end_the_worker(reader):
    here = reader()
    here.read(detect(TABLE, "a.csv"))
    process = here._worker._process
    process.send_signal(signal.SIGINT)
    assert here.read(detect(TABLE, "a.csv"))[0].document is not None
    assert here._worker._process is process


def test_the_worker_ends_with_the_program(tmp_path):
    """Also where the program has no time to say so."""
    code = (
        "import os\nfrom ragkit.documents.detect import detect\n"
        "from ragkit.documents.sandbox.sandbox import Sandbox\nreader = Sandbox()\n"
        "reader.read(detect(b'a,b', 'a.csv'))\n"
        "print(reader._worker._process.pid, flush=True)\nos._exit(0)"
    )
    run = [sys.executable, "-c", code]
    process = int(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    deadline = time.monotonic() + 30
    while _runs(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(process)


def _runs(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_text_of_moderate_size_needs_no_worker(reader):
    here = reader()
    for name in ("a.txt", "a.md", "a.py"):
        assert here.read(detect(b"Words.\n", name))[0].document.text == "Words.\n"
    assert here._worker is None
    here.read(detect(b"Words.\n" * 200_000, "a.txt"))
    assert here._worker is not None


@pytest.mark.parametrize(("name", "value"), [("frozen", True), ("executable", "/opt/app/app")])
def test_a_program_that_is_no_python_reads_by_itself(reader, monkeypatch, caplog, name, value):
    monkeypatch.setattr(sys, name, value, raising=False)
    here = reader()
    with caplog.at_level(logging.WARNING, "ragkit"):
        assert here.read(detect(TABLE, "a.csv"))[0].document is not None
        assert here.read(detect(TABLE, "a.csv"))[0].document is not None
    (message,) = caplog.messages
    assert message.startswith("files are read without a process of their own: ")


def test_a_worker_that_cannot_be_replaced_costs_the_file(reader, evil, monkeypatch):
    here = reader()
    assert "died" in reason(here, evil("import os; os._exit(1)"))
    monkeypatch.setattr(processes, "_START", "raise SystemExit('no more of these')")
    told = reason(here, evil("import os; os._exit(1)"))
    assert told == f"no process to read it in: {sys.executable} does not start: no more of these"


def test_a_module_of_the_working_folder_is_not_imported(reader, tmp_path, monkeypatch):
    (tmp_path / "selectolax.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert reader().read(detect(b"<html><p>Words</p></html>", "a.html"))[0].document.text == "Words"


@linux
@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.fork()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.kill(os.getppid(), 9)",
        "import os; os.mkdir('/tmp/made')",
        "import os; os.unlink(__import__('pypdfium2').__file__)",
        "import os, sys; os.rename(sys.path[0], sys.path[0] + 'x')",
    ],
)
def test_the_worker_starts_no_program_and_opens_no_connection(reader, evil, code):
    if os.uname().machine not in ("x86_64", "aarch64"):
        pytest.skip("system calls are known for two processors only")
    assert reason(reader(), evil(code)).startswith("cannot be read: PermissionError")


def test_nothing_of_a_record_is_lost_on_the_way():
    """Every field of a document, none of them with its default."""
    document = Document(
        "# A\nx | y\n",
        "text/markdown",
        title="A",
        headings=(Heading(0, 3, 1, "A"),),
        fences=((4, 9),),
        pages=(0,),
        lines=True,
        locators=(Locator(4, "slide", "1"),),
        tables=(Table(4, 10, 4),),
        encoding="utf-8",
        encoding_by="bom",
        media_type_by="name",
        metadata={"author": "Ada"},
        warnings=("one",),
        recognition=Recognition((1, 3), "tesseract 5", "eng", 91.5, 2),
    )
    plain = Document("", "")
    for each in fields(Document):
        assert getattr(document, each.name) != getattr(plain, each.name), each.name
    for record in (Record("a/b", document), Record("c", None, "broken", True, "limit")):
        sent = io.BytesIO()
        protocol.send(sent, protocol.RECORD, *protocol.encode_record(record))
        sent.seek(0)
        frame = protocol.receive(sent, 1_000_000)
        assert protocol.decode_record(frame.fields, frame.data) == record
