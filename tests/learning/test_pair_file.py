"""Reading files of pairs."""

import pytest

from ragkit.errors import UsageError
from ragkit.learning.pair_file import PairRow, SkippedLine, read_pair_file


def read(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_pair_file(path)


@pytest.mark.parametrize(
    ("first", "second"),
    [("sentence1", "sentence2"), ("Question", "Passage"), ("anchor", "positive"),
     ("text1", "text2"), ("premise", "hypothesis"), ("query", "answer")],
)  # fmt: skip
def test_columns_may_have_any_of_the_usual_names(tmp_path, first, second):
    file = read(tmp_path, "p.csv", f"{first},{second}\na,b\n")
    assert file.rows == (PairRow(2, "a", "b"),)
    assert file.unused_columns == ()


def test_jsonl_with_byte_order_mark_blank_lines_and_unused_columns(tmp_path):
    text = (
        '\ufeff{"sentence1": " a ", "sentence2": "b", "score": 3, "id": 1}\r\n'
        "\r\n"
        '{"sentence1": "c", "sentence2": "d", "score": "0.5"}'
    )
    file = read(tmp_path, "p.jsonl", text)
    assert file.rows == (PairRow(1, "a", "b", 3), PairRow(3, "c", "d", "0.5"))
    assert file.unused_columns == ("id",)


def test_a_quoted_csv_row_of_several_lines_has_the_number_of_its_first_line(tmp_path):
    text = 'question,passage\r\n"one\r\ntwo","say ""hi"", please"\r\nthree,four\r\n'
    file = read(tmp_path, "p.csv", text)
    assert file.rows == (
        PairRow(2, "one\r\ntwo", 'say "hi", please'),
        PairRow(4, "three", "four"),
    )


def test_quotes_in_tsv_are_text(tmp_path):
    """STS-B has quotation marks that are not closed."""
    file = read(tmp_path, "p.tsv", 'score\tsentence1\tsentence2\n2.5\t"Yes, he said\tb\n')
    assert file.rows == (PairRow(2, '"Yes, he said', "b", "2.5"),)


def test_an_unknown_extension_leaves_the_format_to_the_content(tmp_path):
    assert read(tmp_path, "a.txt", "text1\ttext2\na\tb, c\n").rows == (PairRow(2, "a", "b, c"),)
    assert read(tmp_path, "b.txt", "text1;text2\na;b\n").rows == (PairRow(2, "a", "b"),)
    assert read(tmp_path, "c", '{"text1": "a", "text2": "b"}\n').rows == (PairRow(1, "a", "b"),)


def test_lines_that_are_not_pairs_are_skipped_with_a_reason(tmp_path):
    text = (
        '{"sentence1": "a", "sentence2": "b"}\n'
        '{"sentence1": "a"\n'
        '["a", "b"]\n'
        '{"sentence1": "a"}\n'
        '{"sentence1": 5, "sentence2": "b"}\n'
        '{"sentence1": "  ", "sentence2": "b"}\n'
    )
    file = read(tmp_path, "p.jsonl", text)
    assert len(file.rows) == 1
    assert file.skipped[0].line == 2
    assert file.skipped[0].reason.startswith("not JSON (")
    assert file.skipped[1:] == (
        SkippedLine(3, "a JSON list, expected an object"),
        SkippedLine(4, "no sentence2"),
        SkippedLine(5, "sentence1 is a int, expected text"),
        SkippedLine(6, "sentence1 is empty"),
    )


def test_a_csv_line_with_another_number_of_fields_is_skipped(tmp_path):
    file = read(tmp_path, "p.csv", "text1,text2\na,b\na,b,c\n\nd,e\n")
    assert [row.line for row in file.rows] == [2, 5]
    assert file.skipped == (SkippedLine(3, "3 fields, the first line names 2"),)


def test_a_lone_surrogate_is_replaced(tmp_path):
    file = read(tmp_path, "p.jsonl", '{"text1": "a\\ud800", "text2": "b"}')
    assert file.rows[0].first == "a\ufffd"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", "a,b\n1,2\n", "names a, b; expected the columns sentence1 and sentence2"),
        ("p.csv", "", "names nothing"),
        ("p.csv", "x" * 1_000_000, "names x{59}…; expected"),
        ("p.jsonl", '{"text1":' + "[" * 100_000, "no pair of sentences; line 1: not JSON"),
        ("p.jsonl", '{"a": 1}', "no pair of sentences; line 1: no sentence1"),
        ("p.json", '[{"text1": "a"}]', r"one JSON array; expected one JSON object per line"),
        ("p.csv", b"text1,text2\n\xe9,b\n", r"not UTF-8 text \(byte 12\)"),
        ("p.csv", 'text1,text2\n"a,b\n', "line 2: unexpected end of data"),
    ],
)
def test_a_file_without_pairs_is_an_error(tmp_path, name, content, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, name, content)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*none\.csv: No such file"):
        read_pair_file(tmp_path / "none.csv")
