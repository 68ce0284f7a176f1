"""What one file of each format takes to read, beside the libraries people use for it.

Reads `data/` and the real documents beside the project, where they are. The libraries are timed
where they are installed.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from ragkit.documents import media_types, read

HERE = Path(__file__).parent.parent
FOLDERS = (HERE / "data", HERE.parent / "shared" / "data" / "folder")
RUNS = 7

# Formats by extension, with those that others read as well: what to call, and what it needs.
FORMATS: dict[str, dict[str, Callable[[bytes], object]]] = {}


def other(*extensions: str) -> Callable[[Callable[[bytes], object]], Callable[[bytes], object]]:
    """Enter a function that reads these formats with another library."""

    def enter(function: Callable[[bytes], object]) -> Callable[[bytes], object]:
        for extension in extensions:
            FORMATS.setdefault(extension, {})[function.__name__.replace("_", "-")] = function
        return function

    return enter


@other("pptx")
def python_pptx(data: bytes) -> object:
    from pptx import Presentation

    return [
        shape.text_frame.text
        for slide in Presentation(io.BytesIO(data)).slides
        for shape in slide.shapes
        if shape.has_text_frame
    ]


@other("xlsx", "xls")
def python_calamine(data: bytes) -> object:
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


@other("xlsx")
def openpyxl(data: bytes) -> object:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), data_only=True, read_only=True)
    return [list(sheet.values) for sheet in book]


@other("docx")
def python_docx(data: bytes) -> object:
    from docx import Document

    return [paragraph.text for paragraph in Document(io.BytesIO(data)).paragraphs]


@other("rtf")
def striprtf(data: bytes) -> object:
    from striprtf.striprtf import rtf_to_text

    return rtf_to_text(data.decode("latin-1"))


@other("html")
def trafilatura(data: bytes) -> object:
    from trafilatura import extract

    return extract(data)


@other("pdf")
def pypdfium2(data: bytes) -> object:
    from pypdfium2 import PdfDocument

    with PdfDocument(data) as document:
        return [page.get_textpage().get_text_range() for page in document]


def milliseconds(function: Callable[[bytes], object], data: bytes) -> float:
    """CPU time, the median of several runs after one that is not counted."""
    function(data)
    times = []
    for _ in range(RUNS):
        started = time.process_time()
        function(data)
        times.append(1e3 * (time.process_time() - started))
    return statistics.median(times)


def mean(function: Callable[[bytes], object], files: list[bytes]) -> str:
    """Milliseconds a file; what is not installed has none, what fails says on how many."""
    times, failed = [], 0
    for data in files:
        try:
            times.append(milliseconds(function, data))
        except ImportError:
            return ""
        except Exception:
            failed += 1
    shown = f"{statistics.mean(times):.1f}" if times else "–"
    return f"{shown} ({failed} failed)" if failed else shown


def main() -> None:
    found: dict[str, list[Path]] = {}
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix[1:].lower() in media_types.EXTENSIONS:
                found.setdefault(path.suffix[1:].lower(), []).append(path)
    print("\n| format | files | kB a file | ragkit, CPU ms a file | others, CPU ms a file |")
    print("|---|---|---|---|---|")
    for extension, paths in sorted(found.items()):
        files = [path.read_bytes() for path in paths]
        size = statistics.mean(map(len, files)) / 1e3
        own = mean(lambda data, name=paths[0].name: read(data, name), files)
        others = ((name, mean(each, files)) for name, each in FORMATS.get(extension, {}).items())
        shown = ", ".join(f"{name} {ms}" for name, ms in others if ms)
        print(f"| {extension} | {len(files)} | {size:.0f} | {own} | {shown} |")
    pages, seconds = 0, 0.0
    for data in map(Path.read_bytes, found["pdf"]):
        pages += len(read(data, "a.pdf").pages)
        seconds += milliseconds(lambda data: read(data, "a.pdf"), data) / 1e3
    print(f"\nPDF: {pages} pages, {pages / seconds:.0f} pages a second of one core")
