"""Speakers of transcripts: lines with a name and a time."""

from ragkit.documents.formats.office.docx import read_docx
from ragkit.documents.layout.speakers import find_speakers
from tests.documents.files import make_docx

SPOKEN = (
    ("Ann Roe", "0:03", "Shall we begin?"),
    ("Bo O’Neill-Smith", "0:07", "Yes. The dues are late."),
    ("Ann Roe", "1:02:15", "Then we stop here."),
)


def test_a_transcript_of_teams_in_docx_has_its_speakers():
    body = "".join(
        f'<w:p><w:r><w:t xml:space="preserve">{name}   </w:t></w:r><w:r><w:t>{time}</w:t><w:br/>'
        f"<w:t>{words}</w:t></w:r></w:p>"
        for name, time, words in SPOKEN
    )
    document = read_docx(make_docx(body), "Meeting.docx")
    assert document.metadata == {"from": "Ann Roe, Bo O’Neill-Smith"}
    assert "Yes. The dues are late." in document.text


def test_a_text_with_times_is_no_transcript():
    assert find_speakers("Opening 9:00\nLunch 12:30\n") == []
    agenda = "Opening 9:00\nLunch 12:30\nTalks 14:00\n" + "One more line of the text.\n" * 30
    assert find_speakers(agenda) == []
    assert find_speakers("at 10:15 we met\n" * 5) == []
