"""Subtitles (SubRip, WebVTT): the spoken text, with the time of each cue."""

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


def test_cues_are_joined_until_a_pause():
    document = read(SRT.replace("\n", "\r\n").encode(), "a.srt")
    assert document.text == "The zebra lives in the savanna.\n\nIt runs."
    assert document.locators == (
        Locator(0, "time", "00:00:01.000-00:00:03.500"),
        Locator(23, "time", "00:00:03.500-00:00:05.000"),
        Locator(33, "time", "00:01:02.500-00:01:04.000"),
    )


def test_webvtt_speakers_notes_and_short_timestamps():
    document = read(VTT.encode(), "a.vtt")
    assert document.text == "Ann: Good morning & hello.\n\nBye."
    assert document.title == "A talk"
    assert [locator.value for locator in document.locators] == [
        "00:00:01.000-00:00:02.000",
        "01:00:00.000-01:00:01.000",
    ]


def test_a_repeated_cue_is_written_once():
    text = "00:01.000 --> 00:02.000\nOn.\n\n00:02.000 --> 00:03.000\nOn.\n"
    assert read(text.encode(), "a.vtt").text == "On."


def test_a_file_without_cues_is_refused():
    with pytest.raises(DocumentError, match="no subtitle in it"):
        read(b"just words", "a.srt")


def test_dashes_and_the_end_of_a_long_paragraph_begin_a_new_one():
    dialogue = "00:01.000 --> 00:02.000\nOne.\n\n00:02.000 --> 00:03.000\n- Two.\n"
    assert read(dialogue.encode(), "a.vtt").text == "One.\n\n- Two."
    sentence = "x" * 400 + "."
    cues = "".join(
        f"00:0{second}.000 --> 00:0{second + 1}.000\n{sentence}{second}.\n\n" for second in range(3)
    )
    # The second cue ends a sentence after more than 600 characters.
    paragraphs = read(cues.encode(), "a.vtt").text.split("\n\n")
    assert [len(paragraph) for paragraph in paragraphs] == [403 + 1 + 403, 403]


def test_captions_that_roll_up_are_read_once():
    lines = [
        ("00:00:00.160", "00:00:02.150", " \nhello and welcome to"),
        ("00:00:02.150", "00:00:02.160", "hello and welcome to\n "),
        ("00:00:02.160", "00:00:04.150", "hello and welcome to\nthe course please"),
        ("00:00:04.150", "00:00:06.000", "the course please\nsit down"),
    ]
    cues = "".join(f"{start} --> {end}\n{text}\n\n" for start, end, text in lines)
    document = read(f"WEBVTT\n\n{cues}".encode(), "a.vtt")
    assert document.text == "hello and welcome to the course please sit down"
    assert document.locators[0].value == "00:00:00.160-00:00:02.150"


def test_two_cues_of_one_line_may_say_the_same():
    cues = "00:01.000 --> 00:02.000\nNo.\nNever.\n\n00:05.000 --> 00:06.000\nNever.\n"
    assert read(f"WEBVTT\n\n{cues}".encode(), "a.vtt").text == "No. Never.\n\nNever."


@pytest.mark.parametrize(
    ("lines", "speakers"),
    [
        (("<v Jane Roe>Shall we start?</v>", "<v Max>Yes.</v>", "<v Jane Roe>Good.</v>"),
         "Jane Roe, Max"),  # Teams
        (("Jane Roe: Shall we start?", "Max: Yes.", "and go on"), "Jane Roe, Max"),  # Zoom
        (("One thing: it works.", "It does.", "So it does."), None),
    ],
)  # fmt: skip
def test_the_speakers_of_a_transcript_are_metadata(lines, speakers):
    cues = "".join(f"00:0{n}.000 --> 00:0{n}.900\n{line}\n\n" for n, line in enumerate(lines))
    document = read(f"WEBVTT\n\n{cues}".encode(), "meeting.vtt")
    assert document.metadata.get("from") == speakers
