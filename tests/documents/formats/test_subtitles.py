"""Subtitles: what is said, with the time of each cue."""

import pytest

from ragkit.documents.read import read
from ragkit.errors import DocumentError
from ragkit.records.documents import Locator

SRT = """1
00:00:01,000 --> 00:00:03,500
<i>The zebra lives</i>
in the

2
00:00:03,500 --> 00:00:05,000 X1:10
savanna.

3
00:01:02,500 --> 00:01:04,000
{\\an8}It runs.
"""
VTT = """WEBVTT - A talk

NOTE not said

intro
00:01.000 --> 00:02.000 align:start
<v Ann>Good <c.x>morning</c> &amp; hello.

01:00:00.000 --> 01:00:01.000
Bye.
"""


def test_cues_run_on_until_a_pause():
    document = read(SRT.replace("\n", "\r\n").encode(), "a.srt")
    assert document.text == "The zebra lives in the savanna.\n\nIt runs."
    assert document.locators == (
        Locator(0, "time", "00:00:01.000-00:00:03.500"),
        Locator(23, "time", "00:00:03.500-00:00:05.000"),
        Locator(33, "time", "00:01:02.500-00:01:04.000"),
    )


def test_webvtt_with_speakers_notes_and_short_times():
    document = read(VTT.encode(), "a.vtt")
    assert document.text == "Ann: Good morning & hello.\n\nBye."
    assert document.title == "A talk"
    assert [each.value for each in document.locators] == [
        "00:00:01.000-00:00:02.000",
        "01:00:00.000-01:00:01.000",
    ]


def test_a_cue_shown_on_is_said_once():
    text = "00:01.000 --> 00:02.000\nOn.\n\n00:02.000 --> 00:03.000\nOn.\n"
    assert read(text.encode(), "a.vtt").text == "On."


def test_what_has_no_cue_is_refused():
    with pytest.raises(DocumentError, match="no subtitle in it"):
        read(b"just words", "a.srt")
