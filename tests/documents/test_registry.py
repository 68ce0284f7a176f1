"""The table of formats: complete, without contradictions, and the only place to add a format."""

import inspect
import sys
from collections import Counter
from dataclasses import replace
from types import ModuleType

import pytest

from ragkit.documents import detect, registry
from ragkit.documents.read import read, read_all
from ragkit.documents.registry import BY_EXTENSION, FORMATS, Format, load
from ragkit.records import media_types
from ragkit.records.documents import Document
from tests.documents.formats_table import PAGE, formats_table, generated_part

ROWS = list(FORMATS.values())
REFERENCES = [
    (row.media_type, kind, reference)
    for row in ROWS
    for kind in ("reader", "members", "records", "decompressor", "decryptor")
    if (reference := getattr(row, kind))
]


def test_the_table_in_the_documentation_is_that_of_the_registry():
    documented = generated_part(PAGE.read_text(encoding="utf-8"))
    assert documented == formats_table(), "run: python -m tests.documents.formats_table"


@pytest.mark.parametrize(("media_type", "kind", "reference"), REFERENCES)
def test_every_reference_names_a_function_with_the_expected_parameters(media_type, kind, reference):
    parameters = len(inspect.signature(load(reference)).parameters)
    row = FORMATS[media_type]
    counts = {"reader": 2 + row.paged + bool(row.beside), "decompressor": 1, "decryptor": 2}
    expected = counts.get(kind, 3) + (kind == "members" and row.takes_passwords)
    assert parameters == expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.media_type)
def test_every_format_is_read_or_has_a_reason_and_never_both(row):
    is_read = bool(row.reader or row.members or row.decompressor)
    assert is_read != bool(row.reason)
    assert is_read == bool(row.content)  # described in docs/formats.md
    assert len(row.ole2_streams) <= 2  # `detect` looks at two


def test_no_extension_file_name_or_media_type_is_in_two_rows():
    assert len(ROWS) == len(registry._ROWS)
    for field in ("extensions", "file_names", "ole2_extensions", "zip_mimetypes", "zip_members"):
        values = Counter(
            value
            for row in ROWS
            for value in (
                getattr(row, field).split()
                if isinstance(getattr(row, field), str)
                else getattr(row, field)
            )
        )
        assert [value for value, count in values.items() if count > 1] == []


def test_no_magic_begins_with_another_so_their_order_does_not_matter():
    magics = [magic for row in ROWS for magic in row.magic]
    assert [(a, b) for a in magics for b in magics if a != b and a.startswith(b)] == []


def test_every_media_type_that_code_names_has_a_row():
    constants = [value for name, value in vars(media_types).items() if name.isupper()]
    names = {value for value in constants if isinstance(value, str)} | media_types.IMAGES.keys()
    assert names <= FORMATS.keys()


@pytest.mark.parametrize(
    ("extension", "media_type"),
    [
        ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("csv", "text/csv"),  # RFC 7111
        ("ipynb", "application/x-ipynb+json"),
        ("eml", "message/rfc822"),  # RFC 5322
    ],
)
def test_extensions_have_their_registered_media_types(extension, media_type):
    assert BY_EXTENSION[extension].media_type == media_type


def test_a_new_format_is_one_reader_and_one_row(monkeypatch):
    """The format is recognised by its magic bytes and read by a new module, also in an archive."""
    module = ModuleType("ragkit.documents.formats.toy")
    module.read_toy = lambda data, name: Document(data[4:].decode().upper(), "x")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    row = Format(
        media_type="application/x-toy",
        name="toy",
        label="toy",
        extensions="toy",
        magic=(b"TOY!",),
        reader="ragkit.documents.formats.toy:read_toy",
    )
    monkeypatch.setitem(FORMATS, row.media_type, row)
    monkeypatch.setitem(BY_EXTENSION, "toy", row)
    monkeypatch.setattr(detect, "_MAGIC", {**detect._MAGIC, b"TOY!": row.media_type})
    document = read(b"TOY!words", "a.toy")
    assert (document.text, document.media_type) == ("WORDS", "application/x-toy")
    assert read(b"TOY!words", "a.txt").warnings == ("the name says text, the content is toy",)
    (record,) = read_all(b"TOY!words", "a.toy")
    assert record.document == document


def test_a_format_without_a_reader_is_skipped_with_its_reason(monkeypatch):
    row = replace(FORMATS["text/markdown"], reader="", reason="Markdown is not read here")
    monkeypatch.setitem(FORMATS, row.media_type, row)
    (record,) = read_all(b"# x", "a.md")
    assert (record.reason, record.kind, record.skipped) == (row.reason, "no_document", True)
