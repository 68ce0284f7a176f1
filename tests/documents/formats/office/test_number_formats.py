"""Number formats: what a cell's number looks like, by the rules of ECMA-376 part 1, 18.8.30/31."""

import pytest

from ragkit.documents.formats.office.number_formats import (
    BUILT_IN_FORMATS,
    GENERAL,
    NumberFormat,
    format_number,
    parse_format,
)


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        ("General", 3.0, "3"),
        ("General", 0.1 + 0.2, "0.3"),
        ("General", 1e20, "1e+20"),
        ("0%", 0.125, "13%"),
        ("#,##0.00", 1234.5, "1234.50"),
        ('"$"#,##0.00_);[Red]\\("$"#,##0.00\\)', -1234.5, "-$1234.50"),
        ("#,##0.00 [$€-407]", 5.0, "5.00 €"),
        ("[$€-407] #,##0.00", 5.0, "€ 5.00"),
        ("yyyy-mm-dd", 45323.0, "2024-02-01"),
        ("m/d/yy h:mm", 45323.5, "2024-02-01 12:00"),
        ("h:mm:ss AM/PM", 0.25, "06:00"),
        ("[h]:mm:ss", 1.5, "36:00:00"),
        ("d. mmmm", 1.0, "1900-01-01"),
        ("d. mmmm", 61.0, "1900-03-01"),
        ("0.00E+00", 12345.6, "12345.6"),
        ("# ?/?", 0.5, "0.5"),
        ("@", 5.0, "5"),
        ("yyyy", -1.0, "-1"),
        ("yyyy", 1e300, "1e+300"),
        ("0.00", float("inf"), ""),
    ],
)
def test_numbers_by_format_code(code, value, text):
    assert format_number(value, parse_format(code)) == text


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("general", GENERAL),
        ("0.0##", NumberFormat("number", 3)),
        ("0.00,", NumberFormat("number", 2)),  # a comma after the digits scales, and is no digit
        ('0" kg"', NumberFormat("number", 0, "", " kg")),
        ("\\~0%", NumberFormat("percent", 0, "~")),
        (
            "0;[Red]-0.00",
            NumberFormat("number", 0),
        ),  # the first section is that of positive numbers
        ("[mm]:ss", NumberFormat("elapsed")),
        ("ge.m.d", NumberFormat("date")),  # Japanese era
        ("0." + "0" * 30, NumberFormat("number", 15)),
        ("", GENERAL),
    ],
)
def test_parsed_format_codes(code, expected):
    assert parse_format(code) == expected


@pytest.mark.parametrize(
    ("number_id", "value", "text"),
    [
        (1, 2.5, "3"),  # 0
        (10, 0.12345, "12.35%"),  # 0.00%
        (14, 36526.0, "2000-01-01"),  # mm-dd-yy
        (20, 0.75, "18:00"),  # h:mm
        (22, 36526.75, "2000-01-01 18:00"),  # m/d/yy h:mm
        (46, 1.0625, "25:30:00"),  # [h]:mm:ss
    ],
)
def test_built_in_formats(number_id, value, text):
    assert format_number(value, parse_format(BUILT_IN_FORMATS[number_id])) == text


def test_dates_count_from_1904_in_workbooks_that_say_so():
    # ECMA-376 part 1, 18.17.4.1: day 0 is 1904-01-01.
    date = parse_format("yyyy-mm-dd")
    assert format_number(1.0, date, use_1904_epoch=True) == "1904-01-02"
    assert format_number(0.0, date) == "00:00"  # no day: a time
    # Excel counts 1900-02-29 as day 60, so day 59 is 28 February and day 61 is 1 March.
    assert format_number(59.0, date) == "1900-02-28"


def test_half_is_rounded_up_on_the_decimal_digits():
    two = NumberFormat("number", 2)
    assert format_number(2.675, two) == "2.68"  # the nearest binary fraction is below 2.675
    assert format_number(-0.005, two) == "-0.01"
