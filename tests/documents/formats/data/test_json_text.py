"""JSON as the words of its data; lines stay the file's own where it has some."""

import pytest

from ragkit.documents.read import read, read_all


def test_a_file_laid_out_keeps_its_lines():
    data = b'{\n  "title": "Guide",\n  "tags": ["a", "b"],\n  "on": true,\n'
    data += b'  "in": {\n    "x": 1.5\n  }\n}\n'
    document = read(data, "a.json")
    assert document.text.split("\n") == [
        "", "  title: Guide", "  tags: a, b", "  on: true", "  in:", "    x: 1.5", "", "", "",
    ]  # fmt: skip
    assert (document.title, document.lines) == ("Guide", True)


def test_a_file_in_one_line_is_laid_out():
    document = read(b'{"a":"x","b":[1,{"c":null,"d":"y\\n\\u00e9"}],"e":{}}', "a.json")
    assert document.text == "a: x\nb\n  1\n    c: null\n    d: y é\ne\n"
    assert not document.lines


def test_a_line_of_jsonl_is_a_line():
    document = read(b'{"id": 3, "x": [1, 2]}\n\n{"id": 4, "t": "a\\nb"}\n', "a.jsonl")
    assert document.text == "id: 3, x: 1, 2\n\nid: 4, t: a b\n"
    assert document.lines


@pytest.mark.parametrize("text", ['{"a": "unclosed', "{'single': 1}", "[1, 2,,", "}{", '"\\q"'])
def test_what_is_not_quite_json_is_read_as_well_as_it_goes(text):
    assert read(text.encode(), "a.json").warnings == ()


def test_each_element_a_document():
    data = b'{"count": 2, "items": [{"id": 7, "name": "Tea", "in": {"x": 1}}, "bare"]}'
    first, second = read_all(data, "a.json", records=True)
    assert (first.name, first.document.title) == ("1", "Tea")
    assert first.document.text == "id: 7\nname: Tea\nin: x: 1"
    assert (second.name, second.document.text) == ("2", "bare")


def test_each_line_a_document():
    records = list(read_all(b'{"id": 1}\n\nbroken\n{"id": 2}\n', "a.jsonl", records=True))
    assert [(record.name, record.document is None) for record in records] == [
        ("1", False),
        ("3", True),
        ("4", False),
    ]
    assert records[1].reason.startswith("not JSON: ")


def test_an_object_without_a_list_stays_whole():
    (record,) = read_all(b'{"a": 1}', "a.json", records=True)
    assert (record.name, record.document.text) == ("", "a: 1\n")


def test_real_json(real_files):
    data = (real_files / "misc" / "spring-weather.html.json").read_bytes()
    document = read(data, "spring-weather.html.json")
    line = document.text.count("\n", 0, document.text.index("text: National Program"))
    assert data.split(b"\n")[line].strip() == b'"text": "National Program",'
    small = read((real_files / "office" / "test.json").read_bytes(), "test.json")
    assert "    key2: 1234" in small.text.split("\n")
