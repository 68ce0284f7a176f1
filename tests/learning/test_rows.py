"""Files of pairs to rows."""

import pytest

from ragkit.errors import UsageError
from ragkit.learning import rows
from ragkit.learning.rows import LeftOut, Row


def read(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return rows.read(path)


@pytest.mark.parametrize(
    ("first", "second"),
    [("sentence1", "sentence2"), ("Question", "Passage"), ("anchor", "positive"),
     ("text1", "text2"), ("premise", "hypothesis"), ("query", "answer")],
)  # fmt: skip
def test_columns_go_by_any_of_their_usual_names(tmp_path, first, second):
    found = read(tmp_path, "p.csv", f"{first},{second}\na,b\n")
    assert found.rows == (Row(2, "a", "b"),)
    assert found.unused == ()


def test_jsonl_with_a_byte_order_mark_blank_lines_and_columns_nobody_reads(tmp_path):
    text = (
        '\ufeff{"sentence1": " a ", "sentence2": "b", "score": 3, "id": 1}\r\n'
        "\r\n"
        '{"sentence1": "c", "sentence2": "d", "score": "0.5"}'
    )
    found = read(tmp_path, "p.jsonl", text)
    assert found.rows == (Row(1, "a", "b", 3), Row(3, "c", "d", "0.5"))
    assert found.unused == ("id",)


def test_csv_quotes_and_a_row_of_several_lines_keeps_the_first_one_s_number(tmp_path):
    text = 'question,passage\r\n"one\r\ntwo","say ""hi"", please"\r\nthree,four\r\n'
    found = read(tmp_path, "p.csv", text)
    assert found.rows == (
        Row(2, "one\r\ntwo", 'say "hi", please'),
        Row(4, "three", "four"),
    )


def test_tsv_quotes_nothing(tmp_path):
    """As in the STS benchmark, where quotes are often left open."""
    found = read(tmp_path, "p.tsv", 'score\tsentence1\tsentence2\n2.5\t"Yes, he said\tb\n')
    assert found.rows == (Row(2, '"Yes, he said', "b", "2.5"),)


def test_the_format_is_told_by_content_where_the_name_says_nothing(tmp_path):
    assert read(tmp_path, "a.txt", "text1\ttext2\na\tb, c\n").rows == (Row(2, "a", "b, c"),)
    assert read(tmp_path, "b.txt", "text1;text2\na;b\n").rows == (Row(2, "a", "b"),)
    assert read(tmp_path, "c", '{"text1": "a", "text2": "b"}\n').rows == (Row(1, "a", "b"),)


def test_what_is_no_pair_is_listed_with_its_line(tmp_path):
    text = (
        '{"sentence1": "a", "sentence2": "b"}\n'
        '{"sentence1": "a"\n'
        '["a", "b"]\n'
        '{"sentence1": "a"}\n'
        '{"sentence1": 5, "sentence2": "b"}\n'
        '{"sentence1": "  ", "sentence2": "b"}\n'
    )
    found = read(tmp_path, "p.jsonl", text)
    assert len(found.rows) == 1
    assert found.left_out[0].line == 2
    assert found.left_out[0].reason.startswith("no JSON (")
    assert found.left_out[1:] == (
        LeftOut(3, "a JSON list, expected an object"),
        LeftOut(4, "no sentence2"),
        LeftOut(5, "sentence1 is a int, expected text"),
        LeftOut(6, "sentence1 is empty"),
    )


def test_a_line_of_another_length_is_listed(tmp_path):
    found = read(tmp_path, "p.csv", "text1,text2\na,b\na,b,c\n\nd,e\n")
    assert [row.line for row in found.rows] == [2, 5]
    assert found.left_out == (LeftOut(3, "3 fields, the first line names 2"),)


def test_a_lone_surrogate_is_replaced(tmp_path):
    found = read(tmp_path, "p.jsonl", '{"text1": "a\\ud800", "text2": "b"}')
    assert found.rows[0].first == "a\ufffd"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", "a,b\n1,2\n", "names a, b; expected the columns sentence1 and sentence2"),
        ("p.csv", "", "names nothing"),
        ("p.csv", "x" * 1_000_000, "names x{59}…; expected"),
        ("p.jsonl", '{"text1":' + "[" * 100_000, "no pair of sentences; line 1: no JSON"),
        ("p.jsonl", '{"a": 1}', "no pair of sentences; line 1: no sentence1"),
        ("p.json", '[{"text1": "a"}]', r"one JSON array; expected one JSON object a line"),
        ("p.csv", b"text1,text2\n\xe9,b\n", r"no UTF-8 text \(byte 12\)"),
        ("p.csv", 'text1,text2\n"a,b\n', "line 2: unexpected end of data"),
    ],
)
def test_files_that_hold_no_pairs(tmp_path, name, content, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, name, content)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*none\.csv: No such file"):
        rows.read(tmp_path / "none.csv")
