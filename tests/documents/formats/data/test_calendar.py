"""iCalendar and vCard: one document per entry, with its values as people write them."""

from ragkit.documents.read import read_all

EVENTS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Budget re\r\n view\r\n"
    "DTSTART;TZID=Europe/Berlin:20240314T190000\r\nDTEND:20240314T200000Z\r\n"
    "DESCRIPTION:Agenda:\\n1. Cloud costs\\, esp. egress\r\nLOCATION:Library caf\r\n é\r\n"
    'ATTENDEE;CN="Roe, Jane":mailto:jane@example.org\r\n'
    "BEGIN:VALARM\r\nDESCRIPTION:alarm\r\nEND:VALARM\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20240401\r\nSUMMARY:Closed\r\nEND:VEVENT\r\n"
    "END:VCALENDAR\r\n"
)
CARD = (
    "BEGIN:VCARD\nVERSION:3.0\nFN:Jane Roe\nN:Roe;Jane;;;\nitem1.TEL;TYPE=CELL:+420 123\n"
    "ADR;TYPE=HOME:;;Main 1;Brno;;602 00;Czechia\nPHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRg\n"
    "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:caf=C3=A9 =\nat noon\nEND:VCARD\n"
)


def test_each_event_is_a_document():
    first, second = read_all(EVENTS.encode(), "a.ics")
    assert (first.name, first.document.title) == ("1", "Budget review")
    assert first.document.text == (
        "Budget review\nStart: 2024-03-14T19:00\nEnd: 2024-03-14T20:00Z\n"
        "Description: Agenda:\n1. Cloud costs, esp. egress\nLocation: Library café\n"
        "Attendee: Roe, Jane <jane@example.org>"
    )
    assert first.document.metadata["date"] == "2024-03-14T19:00"
    assert (second.name, second.document.text) == ("2", "Closed\nStart: 2024-04-01")


def test_a_fold_may_lie_inside_of_a_letter():
    summary = "SUMMARY:é tail words".encode()
    folded = summary.replace("é".encode(), "é".encode()[:1] + b"\r\n " + "é".encode()[1:])
    data = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + folded + b"\r\nEND:VEVENT\r\nEND:VCALENDAR"
    (record,) = read_all(data, "a.ics")
    assert record.document.title == "é tail words"


def test_a_card_has_no_encoded_photo():
    (record,) = read_all(CARD.encode(), "a.vcf")
    assert (record.name, record.document.title) == ("", "Jane Roe")
    assert record.document.text == (
        "Jane Roe\nPhone: +420 123\nAddress: Main 1, Brno, 602 00, Czechia\nNote: café at noon"
    )


def test_a_file_without_entries_is_empty():
    (record,) = read_all(b"BEGIN:VCALENDAR\nEND:VCALENDAR", "a.ics")
    assert record.document.text == ""
