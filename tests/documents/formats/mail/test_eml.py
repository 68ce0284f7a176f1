"""E-mail: one document for each message, headers as metadata, attachments as further records."""

import quopri
from email.message import EmailMessage

import pytest

from ragkit.documents.detect import detect
from ragkit.documents.read import read, read_all
from ragkit.documents.unpacking import limits
from tests.documents.files import PNG, make_pdf
from tests.documents.mail_files import make_message


def test_headers_become_metadata_and_open_the_text():
    data = (
        b"From: =?utf-8?q?Ann_M=C3=BCller?= <ann@example.org>\r\n"
        b'To: "Berg, Bo" <bo@example.org>,\r\n cy@example.org\r\n'
        b"Cc: =?iso-8859-1?q?Ren=E9?= <rene@example.org>\r\n"
        b"Date: Tue, 01 Oct 2024 12:34:56 -0500\r\nMessage-ID: <1@example.org>\r\n"
        b"Subject: =?utf-8?b?R3LDvMOfZQ==?= from\r\n =?utf-8?q?_home?=\r\n\r\nHello.\r\n"
    )
    document = read(data, "a.eml")
    assert document.text == (
        "From: Ann Müller <ann@example.org>\n"
        "To: Berg, Bo <bo@example.org>, cy@example.org\n"
        "Date: 2024-10-01T12:34:56-05:00\n\nHello.\n"
    ).rstrip("\n")
    assert document.title == "Grüße from home"
    assert document.metadata == {
        "from": "Ann Müller <ann@example.org>",
        "to": "Berg, Bo <bo@example.org>, cy@example.org",
        "cc": "René <rene@example.org>",
        "date": "2024-10-01T12:34:56-05:00",
        "message_id": "<1@example.org>",
    }


def body_of(data):
    return read(data, "a.eml").text.split("\n\n", 1)[-1]


def test_the_plain_part_is_preferred_to_the_html_part():
    both = make_message("Plain words.")
    both.add_alternative("<p>Rich <b>words</b>.</p>", subtype="html")
    assert body_of(both.as_bytes()) == "Plain words."
    page = EmailMessage()
    page.set_content("<h1>News</h1><p>Rich <b>words</b>.</p>", subtype="html")
    document = read(page.as_bytes(), "a.eml")
    assert document.text == "News\n\nRich words."
    assert document.text[document.headings[0].start : document.headings[0].end] == "News"


@pytest.mark.parametrize(
    ("header", "content", "text"),
    [
        (b"charset=utf-8", quopri.encodestring("Käse".encode()), "Käse"),
        (b"charset=windows-1252", quopri.encodestring("“Käse”".encode("cp1252")), "“Käse”"),
        (b"charset=koi8-r", quopri.encodestring("Привет".encode("koi8-r")), "Привет"),
        (b"charset=no-such", quopri.encodestring("Käse".encode()), "Käse"),
        (b"charset=punycode", b"abc-", "abc-"),
        (
            b"",
            quopri.encodestring("Käse und Brot, schön".encode("latin-1")),
            "Käse und Brot, schön",
        ),
    ],
)
def test_declared_undeclared_and_wrong_charsets(header, content, text):
    head = b"Subject: x\nContent-Type: text/plain; %s\nContent-Transfer-Encoding: quoted-printable"
    assert body_of(head % header + b"\n\n" + content) == text


def test_format_flowed_paragraphs_are_one_line():
    head = b"Subject: x\nContent-Type: text/plain; format=flowed\n\n"
    assert body_of(head + b"One line \ngoes on.\n> quoted \n> here\n-- \nAnn\n") == (
        "One line goes on.\n> quoted here\n-- \nAnn"
    )


def test_attachments_are_records_of_their_own():
    mail = make_message("See the report.")
    mail.add_attachment(make_pdf(["Page one."]), "application", "pdf", filename="re/port.pdf")
    mail.add_attachment(b"a,b\n1,2\n", "text", "csv", filename="t.csv")
    mail.add_attachment(PNG, "image", "png", cid="<1>", filename="logo.png")
    mail.add_attachment(make_message("Inner words.", Date="Mon, 7 Oct 2024 09:00:00 +0000"))
    records = {record.name: record for record in read_all(mail.as_bytes(), "a.eml")}
    assert list(records) == ["", "re_port.pdf", "t.csv", "logo.png", "Plans.eml"]
    assert records[""].document.title == "Plans"
    assert "Page one." in records["re_port.pdf"].document.text
    assert records["t.csv"].document.text == "a | b\n1 | 2"
    assert records["logo.png"].reason == "image shown in the message"
    assert records["Plans.eml"].document.text.endswith("Inner words.")


def test_a_message_without_text_gets_a_subject_line():
    document = read(b"Subject: Lunch?\nFrom: a@b.c\n\n", "a.eml")
    assert document.text == "From: a@b.c\nSubject: Lunch?"


MBOX_MESSAGE = b"From a@b.c Tue Mar 12 10:00:00 2024\nFrom: a@b.c\nSubject: Note %d\n\nWords.\n\n"
MBOX = (
    b"From ann@example.org Tue Oct  1 12:34:56 2024\nSubject: One\nFrom: a@b.c\n\n"
    b"First.\n>From there on.\n\nFrom here is no new message.\n\n"
    b"From bo@example.org Tue Oct  1 12:35:56 2024\nSubject: Two\nFrom: b@b.c\n\nSecond.\n"
)


def test_each_message_of_an_mbox_is_a_document():
    records = list(read_all(MBOX, "archive"))
    assert [(record.name, record.document.title) for record in records] == [
        ("1", "One"),
        ("2", "Two"),
    ]
    assert records[0].document.text == (
        "From: a@b.c\n\nFirst.\nFrom there on.\n\nFrom here is no new message."
    )


def test_an_attachment_in_an_mbox_is_named_below_its_message():
    mail = make_message("See it.")
    mail.add_attachment(b"words", "text", "plain", filename="note.txt")
    data = b"From x Tue Oct  1 12:34:56 2024\n" + mail.as_bytes()
    assert [record.name for record in read_all(data, "m.mbox")] == ["1", "1/note.txt"]


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (MBOX, "Inbox", "application/mbox"),
        (MBOX.split(b"\n", 1)[1] + b"x", "1700.M1P2.host:2,S", "text/plain"),
        (
            b"Return-Path: <a@b.c>\nFrom: a@b.c\nDate: x\nTo: y\n\nx",
            "1700.M1:2,S",
            "message/rfc822",
        ),
        (b"From the desk of\nAnn: a letter", "a.txt", "text/plain"),
        (b"Subject: notes\n\nFrom: here to there", "notes.txt", "text/plain"),
        (b"no mail at all", "a.mbox", "text/plain"),
        (b"Date: x\nFrom: y\nTo: z\n\n", "a.py", "text/x-python"),
    ],
)
def test_mail_is_detected_by_its_first_lines(data, name, expected):
    assert detect(data, name).media_type == expected


def test_too_many_nested_multiparts_are_refused():
    data = b"Subject: x\n"
    for number in range(300):
        data += b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (number, number)
    (record,) = read_all(data, "a.eml")
    assert record.reason == "more than 200 multipart parts"


def test_too_many_parts_are_refused():
    data = b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 20_001
    (record,) = read_all(data, "a.eml")
    assert record.reason == "more than 20,000 parts"


def test_real_mail(real_files):
    document = read((real_files / "misc" / "fake-email.eml").read_bytes(), "fake-email.eml")
    assert document.title == "Test Email"
    assert document.metadata["date"] == "2022-12-16T17:04:16-05:00"
    assert document.text.count("Roses are red") == 1
    other = read((real_files / "misc" / "mime-different-plain-html.eml").read_bytes(), "a.eml")
    assert "This is the text/plain part." in other.text
    assert "networked email" not in other.text


def test_signatures_are_skipped_and_delivery_reports_are_text():
    signed = (
        b'Subject: x\nContent-Type: multipart/signed; boundary="b"\n\n'
        b"--b\nContent-Type: text/plain\n\nWords.\n"
        b"--b\nContent-Type: application/pgp-signature\n\nabc\n--b--\n"
    )
    own, signature = read_all(signed, "a.eml")
    assert own.document.text == "Words."
    assert (signature.name, signature.reason) == ("unnamed.pgp-signature", "signature")
    report = (  # RFC 3464: groups of fields, parted by an empty line
        b'Subject: x\nContent-Type: multipart/report; boundary="b"\n\n'
        b"--b\nContent-Type: text/plain\n\nNot delivered.\n"
        b"--b\nContent-Type: message/delivery-status\n\n"
        b"Reporting-MTA: dns; example.org\n\nAction: failed\nStatus: 5.1.1\n--b--\n"
    )
    own, status = read_all(report, "a.eml")
    assert own.document.text == "Not delivered."
    assert status.name == "delivery-status.txt"
    assert "Action: failed\nStatus: 5.1.1" in status.document.text


def test_an_encrypted_message_has_a_warning():
    data = b"Subject: x\nContent-Type: application/pkcs7-mime\n\nabc"
    document = read(data, "a.eml")
    assert document.text == "Subject: x"
    assert document.warnings == ("encrypted: its text is not read",)


HEAD = "From: a@b.c\nSubject: s\nDate: Tue, 5 Mar 2024 10:00:00 +0100\nMIME-Version: 1.0\n"


def part(kind, text, more=""):
    return f"--{{0}}\nContent-Type: {kind}{more}\n\n{text}\n"


def multipart(kind, *parts, boundary="b", more=""):
    body = "".join(parts).replace("{0}", boundary)
    return f"multipart/{kind}; boundary={boundary}{more}\n\n{body}--{boundary}--\n"


def inline_text(content_type_and_body):
    message = f"{HEAD}Content-Type: {content_type_and_body}"
    return read(message.encode(), "a.eml").text.partition("\n\n")[2]


def test_lines_of_one_quotation_are_joined_in_flowed_text():
    flowed = "> one \n> quotation\n>> another \n>> one\n-- \nAnn\n From here"
    assert inline_text(f"text/plain; format=flowed\n\n{flowed}") == (
        "> one quotation\n>> another one\n-- \nAnn\nFrom here"
    )


def test_lines_of_flowed_text_are_joined_with_or_without_their_blank():
    flowed = "The keeper wa \ntches the har \nbour."
    assert inline_text(f"text/plain; format=flowed; delsp=yes\n\n{flowed}") == (
        "The keeper watches the harbour."
    )
    assert (
        inline_text(f"text/plain; format=flowed\n\n{flowed}") == "The keeper wa tches the har bour."
    )


def test_a_text_that_only_announces_the_page_gives_way_to_it():
    stub = part("text/plain", "This message is in HTML.")
    page = part("text/html", "<p>The ferry leaves from pier 4.</p>")
    assert inline_text(multipart("alternative", stub, page)) == "The ferry leaves from pier 4."
    text = part("text/plain", "The ferry leaves from pier 4, said Ann.")
    assert (
        inline_text(multipart("alternative", text, page))
        == "The ferry leaves from pier 4, said Ann."
    )


def test_all_parts_of_the_text_are_read_in_order():
    page = part("text/html", "<p>First half.</p>")
    assert inline_text(multipart("mixed", page, part("text/html", "<p>Second half.</p>"))) == (
        "First half.\n\nSecond half."
    )


def test_the_root_of_related_parts_is_the_one_that_start_names():
    other = part("text/html", "<p>frame</p>", "\nContent-ID: <x>")
    root = part("text/html", "<p>page</p>", "\nContent-ID: <y>")
    assert inline_text(multipart("related", other, root, more='; start="<y>"')) == "page"
    assert inline_text(multipart("related", other, root)) == "frame"


def test_messages_of_apple_mail():
    message = f"{HEAD}\nThe harbour café.".encode()
    data = b"%d      \n" % len(message) + message + b"<?xml version='1.0'?><plist></plist>"
    (record,) = read_all(data, "a.emlx")
    assert record.document.text.endswith("\n\nThe harbour café.")
    assert record.document.title == "s"


def test_no_message_of_an_mbox_is_lost_to_their_number(monkeypatch):
    monkeypatch.setattr(limits, "MAX_MEMBERS", 5)
    data = b"".join(MBOX_MESSAGE % number for number in range(30))
    records = list(read_all(data, "a.mbox"))
    assert [record.name for record in records] == [str(number) for number in range(1, 31)]
    assert records[-1].document.title == "Note 29"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_the_name_of_an_attachment_in_raw_letters(encoding):
    """Many programs write names beyond ASCII without the encoding that RFC 2231 asks for."""
    data = (
        "From: a@example.org\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\nHello.\n--q\n"
        'Content-Type: text/plain; name="Счёт за март.txt"\n'
        'Content-Disposition: attachment; filename="Счёт за март.txt"\n\nTea.\n--q--\n'
    ).encode(encoding)
    assert [record.name for record in read_all(data, "a.eml")] == ["", "Счёт за март.txt"]
