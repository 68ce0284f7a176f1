"""Server-sent events."""

from __future__ import annotations

import io

import pytest

from ragkit.network.sse import event_data


def read(text):
    return list(event_data(io.BytesIO(text)))


def test_the_lines_of_an_event_are_joined():
    text = (
        b": hello\n\nevent: x\nid: 7\ndata: {}\n\ndata:a\r\ndata:  b\r\n\r\n\n\ndata: [DONE]\n\nx"
    )
    assert read(text) == [b"{}", b"a\n b"]


def test_a_stream_may_end_without_done():
    assert read(b"data: 1\n\n") == [b"1"]
    assert read(b"data: 1\n\ndata: [DONE]") == [b"1"]


@pytest.mark.parametrize(
    ("text", "is_done"),
    [(b"data: 1\n\n", False), (b"data: [DONE]", True), (b"data: [DONE]\n\nx", True), (b"", False)],
)
def test_it_is_known_whether_a_stream_ended_with_done(text, is_done):
    events = event_data(io.BytesIO(text))
    with pytest.raises(StopIteration) as end:
        while True:
            next(events)
    assert end.value.value is is_done


@pytest.mark.parametrize("text", [b"data: {", b"data: " + b"x" * 1_000_001])
def test_an_incomplete_or_endless_event_is_an_error(text):
    with pytest.raises(ValueError, match=r"middle of an event|more than"):
        read(text)
