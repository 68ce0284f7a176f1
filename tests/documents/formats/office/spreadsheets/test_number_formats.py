"""Number formats: what a cell's number looks like, by the rules of ECMA-376 part 1, 18.8.30/31."""

import pytest

from ragkit.documents.formats.office.spreadsheets.number_formats import (
    BUILT_IN_FORMATS,
    format_number,
    format_text,
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
        # What Excel and LibreOffice show:
        ("00000", 1234.0, "01234"),
        ('"Lot "000', 42.0, "Lot 042"),
        ("000-0000", 5551234.0, "555-1234"),
        ("000-00-0000", 123456789.0, "123-45-6789"),
        ("(000) 000-0000", 4205551234.0, "(420) 555-1234"),
        ('0.0,,"M"', 12345678.0, "12.3M"),
        ("#,##0,", 1234567.0, "1235"),
        ("# ?/?", 0.5, "1/2"),
        ("# ?/?", 2.25, "2 1/4"),
        ("# ??/??", 3.0, "3"),
        ("# ?/8", 0.25, "2/8"),
        ('"yes";"no";"none"', 1.0, "yes"),
        ('"yes";"no";"none"', -1.0, "no"),
        ('"yes";"no";"none"', 0.0, "none"),
        ("0.0 kg", 12.5, "12.5 kg"),
        ('0.0" °C"', -3.25, "-3.3 °C"),
        ("0.0##", 1.5, "1.5"),
        ("#.##", 0.5, ".5"),
        ("0;[Red]0.00", -2.0, "-2.00"),
        ("0;[Red]-0.00", -2.0, "-2.00"),
        ('[<1]0.0%;[>=1000]0.0,"k";0', 0.5, "50.0%"),
        ('[<1]0.0%;[>=1000]0.0,"k";0', 2500.0, "2.5k"),
        ('[<1]0.0%;[>=1000]0.0,"k";0', 12.0, "12"),
        ('General" kg"', 12.5, "12.5 kg"),
        ("# ??/16", 0.1875, "3/16"),
        ("# ??/100", 2.25, "2 25/100"),
        ("# ?/16", -1.5, "-1 8/16"),
        ('000"/"0000', 1232024.0, "123/2024"),
        ('"("0")"', 5.0, "(5)"),
        ("mm:ss.0", 8.64 / 86400, "00:00:08.6"),
        ("[h]:mm:ss.00", 3661.25 / 86400, "1:01:01.25"),
        (";;;", 77.0, "77"),  # hidden; the stored value is not lost
        ("0", 0.0, "0"),
        ("#", 0.0, "0"),
        ("@", 5.0, "5"),
        ("yyyy", -1.0, "-1"),
        ("yyyy", 1e300, "1e+300"),
        ("0.00", float("inf"), ""),
    ],
)
def test_numbers_by_format_code(code, value, text):
    assert format_number(value, parse_format(code)) == text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ('"Code "@', "Code abc"),
        ('0;-0;0;"Code "@', "Code abc"),
        ("0.00", "abc"),
        ("General", "abc"),
        ("yyyy-mm-dd", "abc"),
    ],
)
def test_text_by_format_code(code, text):
    assert format_text("abc", parse_format(code)) == text


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("[mm]:ss", "elapsed"),
        ("ge.m.d", "date"),  # Japanese era
        ("mm:ss.00", "date"),
        ("0." + "0" * 30, "number"),
        ("", "general"),
        ('"', "literal"),
    ],
)
def test_kinds_of_format_codes(code, kind):
    assert parse_format(code).sections[0].kind == kind


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
    two = parse_format("0.00")
    assert format_number(2.675, two) == "2.68"  # the nearest binary fraction is below 2.675
    assert format_number(-0.005, two) == "-0.01"
