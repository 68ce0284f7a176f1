"""Jupyter notebooks (nbformat 3 and 4): a locator per cell, headings, fences and short outputs."""

import json

import pytest

from ragkit.documents.formats.data.notebook import read_notebook
from ragkit.documents.read import read
from ragkit.errors import DocumentError
from ragkit.records.documents import Locator


def notebook(*cells, **metadata):
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}).encode()


def code(source, *outputs):
    return {"cell_type": "code", "source": source, "outputs": outputs}


def test_each_cell_has_a_locator():
    document = read(
        notebook(
            {"cell_type": "markdown", "source": ["# Tea\n", "\n", "## Green\n", "Leaves."]},
            code("x = 1\nprint(x)", {"output_type": "stream", "text": ["1\n"]}),
            {"cell_type": "raw", "source": "As it is."},
            language_info={"name": "python"},
        ),
        "a.ipynb",
    )
    assert document.text == ("# Tea\n\n## Green\nLeaves.\n\nx = 1\nprint(x)\n\n1\n\nAs it is.")
    assert [document.text[a:b] for a, b in document.fences] == ["x = 1\nprint(x)", "1"]
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "Tea"),
        (2, "Green"),
    ]
    assert document.locators == (
        Locator(0, "cell", "1"),
        Locator(25, "cell", "2"),
        Locator(44, "cell", "3"),
    )
    assert (document.title, document.metadata) == ("Tea", {"language": "python"})


def test_outputs_are_text_up_to_a_limit():
    document = read(
        notebook(
            code("a", {"data": {"image/png": "iVBOR", "text/plain": ["<Figure>"]}}),
            code("b", {"ename": "KeyError", "evalue": "'x'", "traceback": ["\x1b[31m…"]}),
            code("c", {"output_type": "stream", "text": "9" * 5000}),
        ),
        "a.ipynb",
    )
    assert document.text.startswith("a\n\nb\n\nKeyError: 'x'\n\nc\n\n999")
    assert document.text.count("9") == 2000
    assert document.warnings == ("long outputs of 1 cells shortened",)


def test_the_worksheets_of_format_3():
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Old"]},
        {"cell_type": "code", "input": ["y = 2"]},
    ]
    document = read(json.dumps({"worksheets": [{"cells": cells}]}).encode(), "a.ipynb")
    assert document.text == "Old\n\ny = 2"
    assert document.headings[0].level == 2


def test_lines_of_format_2_are_stored_without_line_breaks():
    """Expected: `nbformat.v2.rwbase.rejoin_lines` joins them by line breaks."""
    cells = [
        {"cell_type": "markdown", "source": ["# Tea", "", "Green leaves", "are dried."]},
        {"cell_type": "code", "input": ["x = 1", "x"],
         "outputs": [{"output_type": "stream", "text": ["1", "2"]}]},
        {"cell_type": "markdown", "source": ["a\n", "b"]},
    ]  # fmt: skip
    data = json.dumps({"nbformat": 2, "worksheets": [{"cells": cells}]}).encode()
    document = read(data, "a.ipynb")
    assert document.text == "# Tea\n\nGreen leaves\nare dried.\n\nx = 1\nx\n\n1\n2\n\na\nb"
    assert document.title == "Tea"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"cells": [', "damaged notebook: Expecting value"),
        (b'{"a": 1}', "JSON, but not a notebook: it has no cells"),
        (b"[]", "JSON, but not a notebook"),
    ],
)
def test_other_files_are_refused(data, reason):
    with pytest.raises(DocumentError, match=reason):
        read(data, "a.ipynb")


def test_malformed_cells_are_skipped():
    assert read(notebook(None, 3, {}, {"source": 7}, code("x", None, 4)), "a.ipynb").text == "x"


def test_a_real_notebook(real_files):
    document = read((real_files / "office" / "test_notebook.ipynb").read_bytes(), "n.ipynb")
    at = document.text.index("# comment in code")
    assert [locator.value for locator in document.locators if locator.start <= at][-1] == "4"
    assert document.title == "Test Notebook Title"


def test_title_language_and_authors_are_metadata():
    document = read_notebook(
        notebook(
            code("x"),
            title=" Tea ",
            kernelspec={"language": "julia", "name": "julia-1.10"},
            authors=[{"name": "Ann"}, {"name": "Bo"}, "nobody"],
        ),
        "a.ipynb",
    )
    assert document.title == "Tea"
    assert document.metadata == {"language": "julia", "author": "Ann, Bo"}


def output_text(*outputs):
    cell = {"cell_type": "code", "source": "", "outputs": list(outputs)}
    return read_notebook(json.dumps({"cells": [cell]}).encode(), "a.ipynb").text


def display(**forms):
    return {"data": {key.replace("_", "/"): value for key, value in forms.items()}}


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (display(text_plain="<IPython.core.display.Markdown object>", text_markdown="md"), "md"),
        (display(text_plain="<IPython.core.display.HTML object>", text_html="<b>a</b>"), "a"),
        (display(text_plain="   a  b", text_html="<table><tr><td>a</table>"), "   a  b"),
        (display(text_plain="<Figure size 640x480 with 1 Axes>"), ""),
        ({"data": {"text/plain": "HBox()", "application/vnd.jupyter.widget-view+json": {}}}, ""),
        ({"text": "10%\r50%\r100% done\nend"}, "100% done\nend"),
        ({"text": "\u001b[31mred\u001b[0m"}, "red"),
    ],
)
def test_the_form_of_an_output_that_says_most(output, text):
    assert output_text(output) == text
