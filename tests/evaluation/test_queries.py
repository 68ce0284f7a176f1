"""Files of queries: one a line, or BEIR rows."""

import pytest

from ragkit.errors import UsageError
from ragkit.evaluation.queries import read_queries


def test_each_line_is_a_query_with_its_number_as_id(tmp_path):
    (tmp_path / "q.txt").write_text("\ufefffirst\n\n  third \r\n")
    assert read_queries(tmp_path / "q.txt") == {"1": "first", "3": "third"}


def test_beir_queries_keep_their_ids(tmp_path):
    (tmp_path / "q.jsonl").write_text(
        '{"_id": "a", "text": "x", "metadata": {}}\n{"_id":7,"text":"y"}'
    )
    assert read_queries(tmp_path / "q.jsonl") == {"a": "x", "7": "y"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.txt", b"\n \n", "contains no query"),
        ("q.txt", b"\xff", "is not UTF-8"),
        ("q.jsonl", b"{", "q.jsonl:1 is not JSON"),
        ("q.jsonl", b'{"_id": "a", "text": " "}', "q.jsonl:1 is"),
        ("q.jsonl", b'{"_id": "a", "text": "x"}\n' * 2, "q.jsonl:2: the _id 'a' occurs twice"),
        ("q.jsonl", b"[1]", "q.jsonl:1 is '.1.'; expected"),
    ],
)
def test_an_invalid_line_is_an_error_with_its_line_number(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_queries(tmp_path / name)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot read "):
        read_queries(tmp_path / "gone")
