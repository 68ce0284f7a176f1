"""Sandboxes, and files that take over the process that reads them."""

import pytest

from ragkit.documents.sandbox.sandbox import ReadLimits, Sandbox


@pytest.fixture
def create_sandbox():
    """Creates sandboxes with these limits, and closes them."""
    sandboxes = []

    def create(**limits):
        sandboxes.append(Sandbox(ReadLimits(**limits)))
        return sandboxes[-1]

    yield create
    for sandbox in sandboxes:
        sandbox.close()


@pytest.fixture
def python_pdf(tmp_path, monkeypatch):
    """Makes PDFs of Python code, which is run where they are read.

    PDFium is replaced by a module that runs the file: the worst that a parser can be brought to do.
    """
    (tmp_path / "pypdfium2.py").write_text(
        "class PdfDocument:\n    def __init__(self, data): exec(bytes(data)[5:].decode(), {})\n"
        "class PdfiumError(Exception): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda code: b"%PDF-" + b"\n" + code.encode()
