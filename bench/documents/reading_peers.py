"""The time that other libraries take to read files.

A separate program that imports nothing of ragkit: `reading` runs it under the Python interpreter
that has the libraries, writes `{extension: [path]}` to its standard input and reads
`{extension: {library: milliseconds}}` from its standard output.
"""

from __future__ import annotations

import functools
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RUNS = 7
SLOW = 300  # milliseconds; a file that takes longer is read only once

Reader = Callable[[bytes], object]
FORMATS: dict[str, dict[str, Reader]] = {}  # by extension, then by the library's name


def register(*extensions: str) -> Callable[[Reader], Reader]:
    """Register a function that reads these formats with another library."""

    def add(function: Reader) -> Reader:
        for extension in extensions:
            name = function.__name__.replace("_", "-").replace("pdfminer-six", "pdfminer.six")
            FORMATS.setdefault(extension, {})[name] = function
        return function

    return add


@register("pdf")
def pypdfium2(data: bytes) -> object:
    from pypdfium2 import PdfDocument

    with PdfDocument(data) as document:
        return [page.get_textpage().get_text_range() for page in document]


@register("pdf")
def pypdf(data: bytes) -> object:
    from pypdf import PdfReader

    return [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]


@register("pdf")
def pdfminer_six(data: bytes) -> object:
    from pdfminer.high_level import extract_text

    return extract_text(io.BytesIO(data))


@register("pdf")
def kreuzberg(data: bytes) -> object:
    from kreuzberg import extract_bytes_sync

    return extract_bytes_sync(data, "application/pdf").content


@register("docx")
def python_docx(data: bytes) -> object:
    from docx import Document

    return [paragraph.text for paragraph in Document(io.BytesIO(data)).paragraphs]


@register("docx")
def mammoth(data: bytes) -> object:
    import mammoth

    return mammoth.convert_to_html(io.BytesIO(data)).value


@register("pptx")
def python_pptx(data: bytes) -> object:
    from pptx import Presentation

    return [
        shape.text_frame.text
        for slide in Presentation(io.BytesIO(data)).slides
        for shape in slide.shapes
        if shape.has_text_frame
    ]


@register("xlsx", "xls")
def python_calamine(data: bytes) -> object:
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


@register("xlsx")
def openpyxl(data: bytes) -> object:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), data_only=True, read_only=True)
    return [list(sheet.values) for sheet in book]


@register("rtf")
def striprtf(data: bytes) -> object:
    from striprtf.striprtf import rtf_to_text

    return rtf_to_text(data.decode("latin-1"))


@register("html")
def selectolax(data: bytes) -> object:
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(data).text()


@register("html")
def resiliparse(data: bytes) -> object:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    return extract_plain_text(HTMLTree.parse_from_bytes(data), main_content=True)


@register("html")
def trafilatura(data: bytes) -> object:
    from trafilatura import extract

    return extract(data)


@register("docx", "epub", "html", "pdf", "pptx", "xls", "xlsx")
def markitdown(data: bytes) -> object:
    return _markitdown().convert_stream(io.BytesIO(data)).text_content


@functools.cache
def _markitdown() -> Any:
    from markitdown import MarkItDown

    return MarkItDown(enable_plugins=False)


def milliseconds(function: Reader, data: bytes) -> float:
    """Return the CPU time of one call: the median of several runs after a warm-up run, or of one
    run if it is slow."""
    times: list[float] = []
    for run in range(1 + RUNS):
        started = time.process_time()
        function(data)
        took = 1e3 * (time.process_time() - started)
        if run:
            times.append(took)
        if run and took > SLOW:
            break
    return statistics.median(times)


def mean(function: Reader, files: list[bytes]) -> str:
    """Return the mean milliseconds per file as text, with the number of failed files; "" if the
    library is not installed."""
    times, failed = [], 0
    for data in files:
        try:
            times.append(milliseconds(function, data))
        except ImportError:
            return ""
        except Exception:
            failed += 1
    time_text = f"{statistics.mean(times):.1f}" if times else "–"
    return f"{time_text} ({failed} failed)" if failed else time_text


def main() -> None:
    times_by_extension = {}
    for extension, paths in json.load(sys.stdin).items():
        files = [Path(path).read_bytes() for path in paths]
        times_by_extension[extension] = {
            name: time_text
            for name, function in FORMATS.get(extension, {}).items()
            if (time_text := mean(function, files))
        }
    print(json.dumps(times_by_extension))


if __name__ == "__main__":
    main()
