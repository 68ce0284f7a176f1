"""Malicious files: each is read within the limits, or refused with a reason."""

import gzip
import io
import zipfile

import pytest

from ragkit.documents.read import read, read_all
from ragkit.documents.unpacking.limits import MAX_DEPTH
from ragkit.errors import DocumentError
from tests.documents.files import make_zip

DEEP = 100_000


def packed(content, name="a.txt"):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return data.getvalue()


def test_a_zip_bomb_is_refused():
    (record,) = read_all(packed(bytes(50_000_000)), "a.zip")
    assert record.reason == "a.txt inflates to over 200 times its size"


def test_a_gzip_bomb_is_refused():
    with pytest.raises(DocumentError, match=r"^a.txt inflates to over 200 times its size$"):
        read(gzip.compress(bytes(50_000_000)), "a.txt.gz")


def test_zips_nested_in_zips_are_read_to_the_maximum_depth():
    data = b"x"
    for _ in range(MAX_DEPTH + 2):
        data = make_zip({f"{number}.zip": data for number in range(2)})
    records = list(read_all(data, "42.zip"))
    assert {record.reason for record in records} == {f"nested more than {MAX_DEPTH} files deep"}
    assert len(records) == 2**MAX_DEPTH


def test_gzip_nested_too_deep_is_refused():
    data = b"x"
    for _ in range(50):
        data = gzip.compress(data)
    (record,) = read_all(data, "a.gz")
    assert record.reason == f"compressed more than {MAX_DEPTH} times over"


def test_entities_that_expand_exponentially_are_refused():
    entities = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    data = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "ha">{entities}]><l>&a9;</l>'
    with pytest.raises(DocumentError, match="entities that refer to others"):
        read(data.encode(), "a.xml")


def test_a_long_entity_repeated_many_times_is_refused():
    data = f'<!DOCTYPE l [<!ENTITY a "{"x" * 900}">]><l>{"&a;" * 5000}</l>'
    with pytest.raises(DocumentError, match="its entities add too much text"):
        read(data.encode(), "a.xml")


def test_external_entities_are_not_loaded(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    data = f'<!DOCTYPE l [<!ENTITY x SYSTEM "{secret.as_uri()}">]><l>It says &x; here.</l>'
    assert read(data.encode(), "a.xml").text == "It says &x; here."


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"[" * DEEP + b"1" + b"]" * DEEP, "a.json"),
        (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "a.json"),
        (b"<a>" * DEEP + b"1" + b"</a>" * DEEP, "a.xml"),
        (b"<r>" + b"<a>1" * DEEP + b"</a>2" * DEEP + b"</r>", "a.xml"),
        (b"<r>" + b"<row>1<li>" * DEEP + b"</li></row>" * DEEP + b"</r>", "a.xml"),
    ],
)
def test_deeply_nested_text_is_read(data, name):
    assert "1" in read(data, name).text


def test_deeply_nested_records_are_refused():
    (record,) = read_all(b"[" * DEEP + b"]" * DEEP, "a.json", records=True)
    assert record.reason == "nested too deep to be read by records"
    (record,) = read_all(b'{"cells":' * DEEP, "a.ipynb")
    assert record.reason.startswith("damaged notebook")


@pytest.mark.parametrize(
    "name", ["a.csv", "a.json", "a.jsonl", "a.1", "a.org", "a.adoc", "a.tex", "a.srt", "a.eml"]
)
def test_a_line_of_one_megabyte_is_read_or_refused(name):
    for unit in (b"a", b'"', b'"a",', b"\\", b"[[", b"{", b"`", b"%"):
        data = unit * (1_000_000 // len(unit))
        try:
            assert len(read(data, name).text) <= 10 * len(data)
        except DocumentError as error:
            assert 0 < len(str(error)) < 200


def test_a_line_of_50_mb_is_read():
    data = b'{"text": "' + b"word " * 10_000_000 + b'"}'
    document = read(data, "a.json")
    assert len(document.text.rstrip()) == len("text: ") + 5 * 10_000_000 - 1


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.xml", "a.eml", "a.srt", "a.tex", "a.zip"])
def test_nul_bytes_are_not_text(name):
    (record,) = read_all(b"a,b\0c\n\0\0", name)
    assert (record.reason, record.skipped) == ("binary file", True)
