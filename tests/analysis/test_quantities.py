"""Quantities have the same terms whatever way they are written."""

import time

import pytest

from ragkit.analysis.quantities import quantities


def terms(text, language):
    return {term for quantity in quantities(text, language) for term in quantity.terms}


@pytest.mark.parametrize(
    ("language", "text", "term"),
    [
        ("en", "25,000 books", "25000"),
        ("de", "25.000 Bücher", "25000"),
        ("fr", "25 000 livres", "25000"),
        ("en", "2.5 million", "2500000"),
        ("de", "3,25 Liter", "#3.25"),
        ("en", "$2,000", "#2000usd"),
        ("en", "2000 USD", "#2000usd"),
        ("de", "7. Mai 2023", "#2023-05-07"),
        ("de", "07.05.2023", "#2023-05-07"),
        ("en", "May 7, 2023", "#2023-05-07"),
        ("es", "7 de mayo de 2023", "#2023-05-07"),
        ("ru", "7 мая 2023", "#2023-05-07"),
        ("ja", "2023年5月7日", "#2023-05-07"),
        ("az", "İYUL 7, 2023", "#2023-07-07"),
        ("en", "September 3rd, 2023", "#2023-09-03"),
        ("de", "am 3.Mai 2023", "#2023-05-03"),
        ("en", "from 9 to 10 million", "10000000"),
        ("en", "EUR 1,000.50", "#1000.5eur"),
        ("fa", "۲٬۵۰۰", "2500"),
        ("en", "9 p.m.", "#21:00"),
        ("zh", "第二十一条", "#21条"),
        ("en", "the 4th floor", "fourth"),
        ("en", "7 kilometers", "7km"),
    ],
)
def test_a_quantity_has_the_term_of_its_value(language, text, term):
    assert term in terms(text, language)


@pytest.mark.parametrize("text", ["no numbers here", "version 2 of 3", "32.13.2024"])
def test_other_text_has_no_dates(text):
    assert not any(term.startswith("#20") for term in terms(text, "de"))


def test_a_number_of_decimals_is_not_a_group():
    assert "1500" not in terms("1.500 m", "en")
    assert "1500" in terms("1.500 m", "de")


def test_the_time_is_proportional_to_a_text_without_spaces():
    def seconds(count):
        start = time.process_time()
        assert quantities("a2024" * count, "en") == []
        return time.process_time() - start

    assert seconds(8_000) < 4 * 8 * max(seconds(1_000), 0.005)  # 64 times if it were quadratic


@pytest.mark.parametrize(
    ("language", "text", "amounts"),
    [
        ("en", "EUR 100 EUR 200 EUR 300", {"#100eur", "#200eur", "#300eur"}),
        ("de", "100 EUR 200 EUR 300 EUR", {"#100eur", "#200eur", "#300eur"}),
        ("en", "$5 $10 $15", {"#5usd", "#10usd", "#15usd"}),
        ("en", "USD 5 million USD 6 million", {"#5000000usd", "#6000000usd"}),
        ("de", "CHF 1'000 CHF 2'000", {"#1000chf", "#2000chf"}),
        ("sv", "SEK100 NOK200", {"#100sek", "#200nok"}),
        ("en", "$100 USD, \u00a35", {"#100usd", "#5gbp"}),
        ("ja", "10円 20円", {"#10jpy", "#20jpy"}),
        ("ru", "5 рублей 6 рублей", {"#5rub", "#6rub"}),
    ],
)
def test_each_amount_in_a_row_has_its_currency(language, text, amounts):
    assert {term for term in terms(text, language) if term[-1].isalpha()} == amounts


@pytest.mark.parametrize(
    ("language", "text", "amounts"),
    [
        ("en", "USD 15\u201330", {"#15usd", "#30usd"}),
        ("de", "40 - 60 EUR", {"#40eur", "#60eur"}),
        ("en", "\u00a33-4 million", {"#3000000gbp", "#4000000gbp"}),
        ("en", "$3-$4 million", {"#3000000usd", "#4000000usd"}),
        ("fr", "de 2 à 3 kilogrammes", set()),
        ("de", "2 bis 3 Kilogramm", {"2kg", "3kg"}),
        ("en", "1,500 to 2,500 kilometers", {"1500km", "2500km"}),
        ("de", "1.500\u20132.500 Euro", {"#1500eur", "#2500eur"}),
        ("en", "EUR 1.5\u20132.5", {"#1.5eur", "#2.5eur"}),
        ("pl", "od 20 do 30 zł", {"#20pln", "#30pln"}),
        ("ja", "5\u301c6ユーロ", {"#5eur", "#6eur"}),
        ("zh", "20至30万元", {"#200000cny", "#300000cny"}),
        ("en", "EUR 3\u2013EUR 4", {"#3eur", "#4eur"}),
        # What does not ascend is no range.
        ("en", "2023-15 kilometers", {"15km"}),
        ("en", "600-3 million dollars", {"#3000000usd"}),
        # A date is none, nor is an amount after the number of what costs it.
        ("en", "2024-03-15 USD", {"#15usd"}),
        ("en", "2024-03-15 million dollars", {"#15000000usd"}),
        ("en", "Item 5 - $12", {"#12usd"}),
        ("en", "Room 2 - EUR 80", {"#80eur"}),
    ],
)
def test_both_ends_of_a_range_have_its_unit(language, text, amounts):
    assert {term for term in terms(text, language) if term[-1].isalpha()} == amounts


@pytest.mark.parametrize("text", ["1990-2000", "pages 5\u201310", "call 555-0100", "ISO 9001-2"])
def test_a_range_without_a_unit_has_no_other_terms(text):
    assert all(term.isdigit() for term in terms(text, "en"))


@pytest.mark.parametrize(
    ("language", "text", "term"),
    [
        ("zh", "价格为350元左右", "#350cny"),
        ("ja", "費用は4億円です", "#400000000jpy"),
        ("ko", "비용은 7만원입니다", "#70000krw"),
        ("th", "ราคา450บาท", "#450thb"),
        ("zh", "四十二辆卡车", "42"),
    ],
)
def test_a_number_between_letters_of_an_unspaced_script(language, text, term):
    assert term in terms(text, language)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlite3 utf8 x86_64 v2", set()),  # digits inside words
        ("EUR100", {"#100eur"}),
        ("xEUR100", set()),
        ("in 5. 6", set()),
        ("am 7. 5. 2023", {"#2023-05-07"}),
        ("Version 5.", set()),
        ("9.30 Uhr", {"#9.3", "#09:30"}),
        ("a 9:30", {"#09:30"}),
    ],
)
def test_numbers_are_quantities_only_where_what_is_beside_them_says_so(text, expected):
    assert terms(text, "de") == expected
