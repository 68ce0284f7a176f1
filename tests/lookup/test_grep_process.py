"""The child process's own functions; tests/lookup/test_grep.py runs it."""

import io

import pytest

from ragkit.lookup.grep_process import compile_pattern, matches, read_frame, write_frame


def spans(pattern, text, start=0):
    expression = compile_pattern(pattern, ignore_case=False, literal=False, word=False)
    return list(matches(expression, text, start))


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a", "a a\na\n", [(0, 1), (4, 5)]),  # the first of each line
        ("a\\nb", "a\nb b\nb", [(0, 3)]),
        ("^", "a\n\n", [(0, 0), (2, 2)]),
        ("$", "a\nb", [(1, 1), (3, 3)]),
        ("x*", "", []),
        ("(?<=a)b", "ab", [(1, 2)]),
    ],
)
def test_matches_are_one_for_each_line(pattern, text, expected):
    assert spans(pattern, text) == expected


def test_matches_from_an_offset_see_what_is_before_it():
    assert spans("^b|c", "a\nb\nc", 2) == [(2, 3), (4, 5)]
    assert spans("a*", "aaa", 3) == []


def test_frames():
    stream = io.BytesIO()
    write_frame(stream, b"abc")
    write_frame(stream, b"")
    stream.seek(0)
    assert [read_frame(stream), read_frame(stream), read_frame(stream)] == [b"abc", b"", None]
    assert read_frame(io.BytesIO((5).to_bytes(8, "little") + b"ab")) is None
