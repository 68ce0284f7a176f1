"""Jupyter notebooks → Document: Markdown cells with their headings, code as fences, short outputs.

Each cell has a locator: `cell=4` is the fourth. Of outputs only text is kept, up to a limit: few
searches look for what a program printed. Runs no code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.markdown import read_markdown, title_heading
from ragkit.documents.formats.web.html import read_html
from ragkit.documents.layout.terminal import without_escapes
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

IPYNB = "application/x-ipynb+json"

_WIDGET = "application/vnd.jupyter.widget-view"
# The default repr of an object without a useful form as text.
_OBJECT = re.compile(r"<[\w.]{1,100}(?: [^<>]{0,200})?>|\w+\(\)")
_MAX_OUTPUT_CHARS = 2000  # of all outputs of one cell
_JsonObject = Mapping[str, Any]


def read_notebook(data: bytes, name: str) -> Document:
    """Read a notebook of format 2, 3 or 4. Raises `DocumentError` if the file is none."""
    text, encoding, warnings, encoding_by = decode(data)
    try:
        notebook = json.loads(text)
    except ValueError as error:
        raise DocumentError(f"damaged notebook: {error}") from error
    except RecursionError as error:
        raise DocumentError("damaged notebook: nested too deep") from error
    cells = _list_cells(notebook)
    if cells is None:
        raise DocumentError("JSON, but not a notebook: it has no cells")
    writer = DocumentWriter()
    shortened = sum(_write_cell(writer, cell, number) for number, cell in enumerate(cells, 1))
    if shortened:
        warnings = (*warnings, f"long outputs of {shortened} cells shortened")
    document = writer.document(IPYNB)
    title, metadata = _read_metadata(notebook)
    return replace(
        document,
        title=title or title_heading(document.text, document.headings),
        encoding=encoding,
        encoding_by=encoding_by,
        metadata=metadata,
        warnings=warnings,
    )


def _list_cells(notebook: object) -> list[_JsonObject] | None:
    """Return the cells, in format 3 those of all worksheets; None if it is not a notebook."""
    if not isinstance(notebook, dict):
        return None
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        worksheets = notebook.get("worksheets")
        if not isinstance(worksheets, list):
            return None
        cells = [
            cell
            for worksheet in worksheets
            if isinstance(worksheet, dict) and isinstance(worksheet.get("cells"), list)
            for cell in map(_with_line_breaks, worksheet["cells"])
        ]
    return [cell if isinstance(cell, dict) else {} for cell in cells]


def _with_line_breaks(cell: object) -> object:
    """Return a cell of format 2 or 3 with its texts in one piece. Their lines may have been stored
    without line breaks, as format 2 always does."""
    if not isinstance(cell, dict):
        return cell
    joined = {key: _with_breaks(value) for key, value in cell.items()}
    outputs = cell.get("outputs")
    if isinstance(outputs, list):
        joined["outputs"] = [
            {key: _with_breaks(value) for key, value in output.items()}
            for output in outputs
            if isinstance(output, dict)
        ]
    return joined


def _with_breaks(value: object) -> object:
    """Return a list of lines as one text, if none of them has its line break."""
    if not isinstance(value, list):
        return value
    lines = [line for line in value if isinstance(line, str)]
    if len(lines) < len(value) or any(line.endswith("\n") for line in lines):
        return value
    return "\n".join(lines)


def _read_metadata(notebook: _JsonObject) -> tuple[str | None, dict[str, str]]:
    """Return the title and the metadata: the language of the code, and the authors."""
    source = notebook.get("metadata")
    if not isinstance(source, dict):
        return None, {}
    metadata: dict[str, str] = {}
    for key, name_key in (("language_info", "name"), ("kernelspec", "language")):
        kernel = source.get(key)
        language = kernel.get(name_key) if isinstance(kernel, dict) else None
        if isinstance(language, str) and language:
            metadata.setdefault("language", language)
    authors = source.get("authors")
    if isinstance(authors, list):
        names = [author.get("name") for author in authors if isinstance(author, dict)]
        if joined := ", ".join(name for name in names if isinstance(name, str)):
            metadata["author"] = joined
    title = source.get("title")
    return (title.strip() or None if isinstance(title, str) else None), metadata


def _write_cell(writer: DocumentWriter, cell: _JsonObject, number: int) -> bool:
    """Append a cell. Returns whether its outputs were shortened."""
    locator = ("cell", str(number))
    source = _join_lines(cell.get("source", cell.get("input"))).strip("\n")
    cell_type = cell.get("cell_type")
    if cell_type == "code":
        writer.add(source.rstrip(), fence=True, locator=locator)
        output = "\n".join(_output_texts(cell)).strip("\n").rstrip()
        writer.add(output[:_MAX_OUTPUT_CHARS], fence=True, locator=locator)
        return len(output) > _MAX_OUTPUT_CHARS
    if cell_type == "heading":  # of format 3
        level = cell.get("level")
        level = level if isinstance(level, int) and 0 < level < 7 else 1
        writer.add(source, level=level, locator=locator)
    elif cell_type == "markdown":
        writer.add_document(read_markdown(source.encode("utf-8", "replace"), ""), locator)
    else:
        writer.add(source, locator=locator)
    return False


def _join_lines(value: object) -> str:
    """Return text that a notebook stores as a string or as a list of lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _output_texts(cell: _JsonObject) -> Iterator[str]:
    """Yield the text of each output of a code cell."""
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        if isinstance(output.get("ename"), str):  # its traceback is full of escape sequences
            yield f"{output['ename']}: {output.get('evalue', '')}"
        elif isinstance(data, dict):
            yield _richest_text(data)
        else:
            yield _last_states(without_escapes(_join_lines(output.get("text"))))


def _richest_text(data: _JsonObject) -> str:
    """Return the form of an output that says most in text; "" for pictures and widgets."""
    if any(key.startswith(_WIDGET) for key in data):
        return ""
    plain = _join_lines(data.get("text/plain"))
    for key in ("text/markdown", "text/latex"):
        if (text := _join_lines(data.get(key))).strip():
            return text
    if (page := _join_lines(data.get("text/html"))).strip() and (
        not plain.strip() or _OBJECT.fullmatch(plain.strip())
    ):
        return read_html(b"\xef\xbb\xbf" + page.encode("utf-8", "replace"), "").text
    return "" if _OBJECT.fullmatch(plain.strip()) else plain


def _last_states(text: str) -> str:
    """Return printed text with the last state of each line that was redrawn."""
    if "\r" not in text:
        return text
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    return "\n".join(lines)
