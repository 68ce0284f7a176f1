"""Jupyter notebooks → Document: Markdown cells with their headings, code as fences, short outputs.

Every cell is a place: `cell=4` is the fourth. Of outputs only text is kept, and little of it:
what a program printed is seldom what is looked for. Runs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.markdown import read_markdown, title_heading
from ragkit.documents.layout.writer import Writing
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

IPYNB = "application/x-ipynb+json"

_LONGEST_OUTPUT = 2000  # characters of one cell's outputs
_Json = Mapping[str, Any]


def read_notebook(data: bytes, name: str) -> Document:
    """A notebook of format 3 or 4. Raises DocumentError where it is none."""
    text, encoding, warnings, told_by = decode(data)
    try:
        notebook = json.loads(text)
    except ValueError as error:
        raise DocumentError(f"damaged notebook: {error}") from error
    except RecursionError as error:
        raise DocumentError("damaged notebook: nested too deep") from error
    cells = _cells(notebook)
    if cells is None:
        raise DocumentError("JSON, but no notebook: it has no cells")
    writing = Writing()
    cut = sum(_write(writing, cell, number) for number, cell in enumerate(cells, 1))
    made = writing.document(IPYNB)
    title, metadata = _about(notebook)
    if cut:
        warnings = (*warnings, f"long outputs of {cut} cells shortened")
    return replace(
        made,
        title=title or title_heading(made.text, list(made.headings)),
        encoding=encoding,
        encoding_by=told_by,
        metadata=metadata,
        warnings=warnings,
    )


def _cells(notebook: object) -> list[_Json] | None:
    """The cells; those of format 3 are kept by worksheets."""
    if not isinstance(notebook, dict):
        return None
    found = notebook.get("cells")
    if not isinstance(found, list):
        sheets = notebook.get("worksheets")
        if not isinstance(sheets, list):
            return None
        found = [
            cell
            for sheet in sheets
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
            for cell in sheet["cells"]
        ]
    return [cell if isinstance(cell, dict) else {} for cell in found]


def _about(notebook: _Json) -> tuple[str | None, dict[str, str]]:
    """Title and metadata: the language, and authors where they are named."""
    about = notebook.get("metadata")
    if not isinstance(about, dict):
        return None, {}
    title = about.get("title")
    found: dict[str, str] = {}
    for key in ("language_info", "kernelspec"):
        kernel = about.get(key)
        language = (
            kernel.get("name" if key == "language_info" else "language")
            if isinstance(kernel, dict)
            else None
        )
        if isinstance(language, str) and language:
            found.setdefault("language", language)
    authors = about.get("authors")
    if isinstance(authors, list):
        names = [each.get("name") for each in authors if isinstance(each, dict)]
        if shown := ", ".join(each for each in names if isinstance(each, str)):
            found["author"] = shown
    return (title.strip() or None if isinstance(title, str) else None), found


def _write(writing: Writing, cell: _Json, number: int) -> bool:
    """Append a cell; whether its outputs were shortened."""
    place = ("cell", str(number))
    source = _joined(cell.get("source", cell.get("input"))).strip("\n")
    kind = cell.get("cell_type")
    if kind == "code":
        writing.add(source.rstrip(), fence=True, place=place)
        output = "\n".join(_outputs(cell)).strip("\n").rstrip()
        writing.add(output[:_LONGEST_OUTPUT], fence=True, place=place)
        return len(output) > _LONGEST_OUTPUT
    if kind == "heading":
        level = cell.get("level")
        writing.add(
            source, level=level if isinstance(level, int) and 0 < level < 7 else 1, place=place
        )
    elif kind == "markdown":
        writing.include(read_markdown(source.encode("utf-8", "replace"), ""), place)
    else:
        writing.add(source, place=place)
    return False


def _joined(value: object) -> str:
    """Text that a notebook keeps as a string or as a list of lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _outputs(cell: _Json) -> Iterator[str]:
    found = cell.get("outputs")
    for output in found if isinstance(found, list) else ():
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        if isinstance(output.get("ename"), str):  # the trace of an error is full of escape codes
            yield f"{output['ename']}: {output.get('evalue', '')}"
        elif isinstance(data, dict):
            yield _joined(data.get("text/plain", data.get("text/markdown")))
        else:
            yield _joined(output.get("text"))
