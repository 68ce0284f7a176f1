from ragkit.documents.decoding import Decoded
from ragkit.documents.formats.markup.line_documents import make_document
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Heading


def test_a_document_has_the_headings_of_its_lines_and_what_decoding_found():
    lines = Lines()
    lines.add_heading("= Leave", 1, "Leave")
    lines.add("Stay at home.")
    decoded = Decoded("", "cp1252", ("guessed",), "guessed")
    document = make_document(lines, "text/asciidoc", decoded, metadata={"lang": "en"})
    assert (document.text, document.title) == ("= Leave\nStay at home.", "Leave")
    assert document.headings == (Heading(0, 7, 1, "Leave"),)
    assert (document.encoding, document.encoding_by) == ("cp1252", "guessed")
    assert (document.warnings, document.metadata) == (("guessed",), {"lang": "en"})
    assert make_document(lines, "text/x-org", decoded, title="Home").title == "Home"
