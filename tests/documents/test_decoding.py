"""Decoding: the encodings of real files."""

import charset_normalizer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.documents.decoding import decode, read_text


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-32-le", b"\xff\xfe\0\0"),
        ("utf-32-be", b"\0\0\xfe\xff"),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-32-le", b""),
        ("utf-32-be", b""),
    ],
)
def test_unicode_is_recognised_with_and_without_a_mark(encoding, mark):
    assert decode(mark + "Größe: 10 m\nWeight".encode(encoding)) == (
        "Größe: 10 m\nWeight",
        encoding,
        (),
        "bom" if mark else "valid" if encoding == "utf-8" else "zeros",
    )


@pytest.mark.parametrize(
    ("text", "encoding", "read"),
    [
        ("Le café est déjà fermé à l'heure où les élèves arrivent.", "latin-1", "latin-1"),
        ("Die Straße ist für Fußgänger gesperrt.", "latin-1", "latin-1"),
        ("café", "latin-1", "latin-1"),
        ("It’s the “best” – really. 10 €", "cp1252", "cp1252"),
        ("Все люди рождаются свободными и равными в своем достоинстве.", "cp1251", "cp1251"),
        ("Все люди рождаются свободными и равными в своем достоинстве.", "koi8-r", "koi8_r"),
        ("Zażółć gęślą jaźń. Wszyscy ludzie rodzą się wolni i równi.", "cp1250", "cp1250"),
        ("すべての人間は、生まれながらにして自由であり、かつ、平等である。", "cp932", "cp932"),
    ],
)
def test_legacy_encodings_are_guessed_and_the_guess_is_recorded(text, encoding, read):
    warnings = (f"encoding guessed: read as {read}",)
    assert decode(text.encode(encoding)) == (text, read, warnings, "guessed")


def test_a_few_invalid_bytes_are_still_utf8():
    text, *outcome = decode("déjà vu, été, Größe, naïveté, ça".encode() * 3 + b"\xff")
    assert outcome == ["utf-8", ("1 characters are not UTF-8",), "partly"]
    assert text.startswith("déjà vu") and text.endswith("\ufffd")


def test_a_declared_encoding_counts_unless_the_text_is_utf8():
    assert decode("Привет".encode("koi8-r"), "koi8-r") == ("Привет", "koi8-r", (), "declared")
    assert decode("Привет".encode(), "koi8-r").text == "Привет"
    assert decode(b"\x93yes\x94", "iso-8859-1").text == "“yes”"
    assert decode("déjà".encode("latin-1"), "no-such-codec").text == "déjà"


def test_newlines_are_normalised_and_line_numbers_stay():
    document = read_text(b"one\r\ntwo\rthree\nfour", "a.txt")
    assert document.text == "one\ntwo\nthree\nfour"
    assert document.lines


def test_nul_characters_are_removed_with_a_warning():
    assert decode(b"a" * 9000 + b"\0b") == (
        "a" * 9000 + "b",
        "utf-8",
        ("1 NUL or surrogate characters removed",),
        "valid",
    )


@given(st.binary() | st.text().map(lambda text: text.encode("utf-16", "surrogatepass")))
def test_decoding_never_raises_and_gives_valid_text(data):
    text = decode(data).text
    assert "\0" not in text
    assert "\r" not in text
    text.encode("utf-8")  # fails on lone surrogates


@pytest.mark.parametrize("piece", [b"x", b"\xe9", b"caf\xe9 ", b"\x81", b"\xc3\xa9\xff"])
def test_the_guess_is_made_on_a_sample_of_bounded_size(piece, monkeypatch):
    """The time of charset-normalizer grows with its input."""
    guess, sizes = charset_normalizer.from_bytes, []

    def counted(data, **options):
        sizes.append(len(data))
        return guess(data, **options)

    monkeypatch.setattr(charset_normalizer, "from_bytes", counted)
    decode(piece * (1_000_000 // len(piece)))
    assert all(size <= 65_536 for size in sizes)


CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy. Vždy se vrátí do Žďáru, šest dní v týdnu."
POLISH = "Zażółć gęślą jaźń. Pompa jest gwarantowana przez dwa lata, później już nie."
RUSSIAN = "Привет, мир! Насос гарантирован на три года с даты покупки."
GERMAN = "Größe der Tür: süß und schön, für alle Fälle. Ärger, Öl, Übung."
BALTIC = (
    "Siurblys turi būti sutepamas kas tris mėnesius, žiūrėkite šeštą skyrių.",
    "Iekārtas apkopi veic tikai apmācīti darbinieki, skatiet sesto nodaļu. Ģimene, šķūnis, žagars.",
    "Seadme hooldust teevad ainult väljaõppinud töötajad, šokolaad, žürii.",
)
JAPANESE = "東京へ行く。ポンプの保証は三年間です。"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((CZECH, encoding) for encoding in ("cp1250", "iso8859_2", "cp852")),
        *((POLISH, encoding) for encoding in ("cp1250", "iso8859_2", "cp852")),
        *((RUSSIAN, encoding) for encoding in ("cp1251", "koi8_r", "cp866")),
        *((GERMAN, encoding) for encoding in ("cp1252", "mac_roman", "cp850")),
        *((JAPANESE, encoding) for encoding in ("cp932", "euc_jp", "iso2022_jp")),
        ("Čišćenje pumpe: šalica žita, đak, ćevapi.", "iso8859_2"),
        (RUSSIAN, "iso8859_5"),
        (CZECH, "mac_latin2"),
        *((text, "mac_cyrillic") for text in (RUSSIAN, "Гарантия на насос", "ВНИМАНИЕ: Горячая")),
        *((text, "cp1257") for text in BALTIC),
        ("Prix : 12 €, une œuvre d'art, à Noël", "iso8859_15"),
        ("การรับประกันปั๊มสามปีนับจากวันที่ซื้อ", "cp874"),
        ("水泵的保修期为自购买之日起三年。请保留收据。", "gb18030"),
    ],
)
def test_legacy_encodings_are_guessed_by_how_letters_stand_in_words(text, encoding):
    assert decode(text.encode(encoding)).text == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("öðrum að virðingu", "cp1252"),
        ("în demnitate şi în drepturi. Ele sînt înzestrate", "cp1250"),
    ],
)
def test_short_texts_of_other_languages_are_not_those_of_the_baltic(text, encoding):
    assert decode(text.encode(encoding)).encoding != "cp1257"
