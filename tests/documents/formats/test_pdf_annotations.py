"""Values of form fields, notes on pages, and files in a PDF."""

from pathlib import Path

from ragkit.documents.formats.pdf import read_pdf
from ragkit.documents.read import read_all

SAMPLES = Path(__file__).parents[1] / "samples" / "pdf"


def test_filled_fields_and_notes_are_lines_of_their_page():
    text = read_pdf((SAMPLES / "damage.pdf").read_bytes(), "a.pdf").text
    assert text.split("\n\n")[-1].split("\n") == [
        "name: Ludmila Kovar",
        "what: Water came through the skylight in the attic",
        "insured: ☒",
        "Paid by the insurer on 3 May",
        "Note p. 1: Ask the roofer for a second quote",
    ]


def test_a_comment_on_a_highlight_is_a_note():
    text = read_pdf((SAMPLES / "highlight-note.pdf").read_bytes(), "a.pdf").text
    assert text == "Contract of lease\n\nNote p. 1: Ask the landlord about this clause"


def test_attached_files_are_members():
    records = list(read_all((SAMPLES / "with-attachment.pdf").read_bytes(), "a.pdf"))
    assert [(record.name, record.document.text) for record in records] == [
        ("", "Invoice 17, see the attached list."),
        ("list.csv", "part | price\nvalve NX-200 | 12.50"),
    ]
