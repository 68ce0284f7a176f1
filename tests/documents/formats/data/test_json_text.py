"""JSON (RFC 8259) and JSON Lines: names and values without punctuation, line by line."""

import pytest

from ragkit.documents.formats.data.json_text import json_records, read_json, read_jsonl
from ragkit.documents.read import read, read_all
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError
from tests.documents.formats.work import growth


def test_a_file_that_is_laid_out_keeps_its_lines():
    data = b'{\n  "title": "Guide",\n  "tags": ["a", "b"],\n  "on": true,\n'
    data += b'  "in": {\n    "x": 1.5\n  }\n}\n'
    document = read(data, "a.json")
    assert document.text.split("\n") == [
        "", "  title: Guide", "  tags: a, b", "  on: true", "  in:", "    x: 1.5", "", "", "",
    ]  # fmt: skip
    assert (document.title, document.lines) == ("Guide", True)


def test_a_file_of_one_line_gets_a_line_per_value():
    document = read(b'{"a":"x","b":[1,{"c":null,"d":"y\\n\\u00e9"}],"e":{}}', "a.json")
    assert document.text == "a: x\nb\n  1\n    c: null\n    d: y é\ne\n"
    assert not document.lines


def test_each_line_of_jsonl_is_a_line_of_text():
    document = read(b'{"id": 3, "x": [1, 2]}\n\n{"id": 4, "t": "a\\nb"}\n', "a.jsonl")
    assert document.text == "id: 3, x: 1, 2\n\nid: 4, t: a b\n"
    assert document.lines


@pytest.mark.parametrize("text", ['{"a": "unclosed', "{'single': 1}", "[1, 2,,", "}{", '"\\q"'])
def test_text_that_is_not_valid_json_is_read_without_a_warning(text):
    assert read(text.encode(), "a.json").warnings == ()


def test_each_element_of_the_only_array_is_a_record():
    data = b'{"count": 2, "items": [{"id": 7, "name": "Tea", "in": {"x": 1}}, "bare"]}'
    first, second = read_all(data, "a.json", records=True)
    assert (first.name, first.document.title) == ("1", "Tea")
    assert first.document.text == "id: 7\nname: Tea\nin: x: 1"
    assert (second.name, second.document.text) == ("2", "bare")


def test_each_line_is_a_record():
    records = list(read_all(b'{"id": 1}\n\nbroken\n{"id": 2}\n', "a.jsonl", records=True))
    assert [(record.name, record.document is None) for record in records] == [
        ("1", False),
        ("3", True),
        ("4", False),
    ]
    assert records[1].reason.startswith("not JSON: ")


def test_an_object_without_an_array_is_one_record():
    (record,) = read_all(b'{"a": 1}', "a.json", records=True)
    assert (record.name, record.document.text) == ("", "a: 1\n")


def test_real_json(real_files):
    data = (real_files / "misc" / "spring-weather.html.json").read_bytes()
    document = read(data, "spring-weather.html.json")
    line = document.text.count("\n", 0, document.text.index("text: National Program"))
    assert data.split(b"\n")[line].strip() == b'"text": "National Program",'
    small = read((real_files / "office" / "test.json").read_bytes(), "test.json")
    assert "    key2: 1234" in small.text.split("\n")


@pytest.mark.parametrize(
    ("string", "text"),
    [
        (r'"\u00e9\u20ac"', "é€"),
        (r'"\ud834\udd1e"', "𝄞"),  # the surrogate pair of RFC 8259, section 7
        (r'"a\"b\\c\/d"', 'a"b\\c/d'),
        (r'"tab\tand\nline"', "tab and line"),
        (r'"\ud834"', ""),  # a lone surrogate is no character
        (r'"\x"', r"\x"),  # not an escape of JSON
    ],
)
def test_escapes_in_strings(string, text):
    assert read_jsonl(string.encode(), "a.jsonl").text == text


@pytest.mark.parametrize("source", ["[" * 100_000, '{"a":' * 100_000, "]" * 100_000])
def test_deep_nesting_is_read(source):
    assert set(read_json(source.encode(), "a.json").text.split()) <= {"a"}


def test_nesting_too_deep_for_records_is_an_error():
    with pytest.raises(DocumentError, match="nested too deep to be read by records") as error:
        list(json_records(b"[" * 200_000, "a.json", Budget()))
    assert error.value.kind == "limit"


@pytest.mark.parametrize("piece", ['{"a":', '"a",', "[1,", '\\"', "\n"])
def test_reading_takes_linear_time(piece):
    assert growth(lambda text: read_json(text.encode(), "a.json"), lambda n: piece * n, 500) < 5
