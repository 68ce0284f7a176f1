"""Sandboxes, and files that take over the process that reads them."""

import pytest

from ragkit.documents.sandbox.sandbox import ReadLimits, Sandbox


@pytest.fixture
def create_sandbox():
    """Return a function that creates sandboxes with given limits; they are closed at the end."""
    sandboxes = []

    def create(**limits):
        sandboxes.append(Sandbox(ReadLimits(**limits)))
        return sandboxes[-1]

    yield create
    for sandbox in sandboxes:
        sandbox.close()


@pytest.fixture
def python_pdf(tmp_path, monkeypatch):
    """Return a function that makes PDFs of Python code, which the worker runs instead of PDFium. A
    parser cannot do worse."""
    (tmp_path / "pypdfium2.py").write_text(
        "class PdfDocument:\n    def __init__(self, data): exec(bytes(data)[5:].decode(), {})\n"
        "class PdfiumError(Exception): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda code: b"%PDF-" + b"\n" + code.encode()
