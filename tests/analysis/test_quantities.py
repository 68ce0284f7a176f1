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
