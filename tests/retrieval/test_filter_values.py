"""Values of filters, by field and by form."""

import datetime

import pytest

from ragkit.errors import UsageError
from ragkit.retrieval.filter_values import convert_value, parse_value
from ragkit.storage.sqlite.filters import Date

UTC = datetime.UTC


def day(*parts):
    return datetime.datetime(*parts)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2024", day(2024, 1, 1), day(2025, 1, 1)),
        ("2024-02", day(2024, 2, 1), day(2024, 3, 1)),
        ("2024-12", day(2024, 12, 1), day(2025, 1, 1)),
        ("2024-02-29", day(2024, 2, 29), day(2024, 3, 1)),
        ("2024-03-05T10:30", day(2024, 3, 5, 10, 30), day(2024, 3, 5, 10, 31)),
        ("2024-03-05 10:30:59Z", day(2024, 3, 5, 10, 30, 59), day(2024, 3, 5, 10, 31)),
    ],
)
def test_a_date_is_an_interval_as_precise_as_it_is_written(text, start, end):
    date = parse_value("mtime", ">=", text, quoted=False)
    assert (date.start, date.end) == (start, end)


@pytest.mark.parametrize("text", ["2023-02-29", "0000", "9999-12-31T24:00", "yesterday"])
def test_invalid_dates_are_refused_for_time_fields(text):
    with pytest.raises(UsageError, match="expected a date"):
        parse_value("mtime", "=", text, quoted=False)


@pytest.mark.parametrize(
    ("field", "text", "quoted", "expected"),
    [
        ("page", "7", False, 7.0),
        ("size", "1.5", True, 1.5),
        ("author", "7", False, 7.0),
        ("author", "7", True, "7"),
        ("author", "Bob", False, "Bob"),
        ("path", "2024", False, "2024"),
        ("type", "PDF", False, "application/pdf"),
        ("type", ".pdf", False, "application/pdf"),
        ("type", "text/html", False, "text/html"),
    ],
)
def test_the_field_and_then_the_form_decide_the_type(field, text, quoted, expected):
    assert parse_value(field, "=", text, quoted=quoted) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (3, 3.0),
        ("7", "7"),
        (datetime.date(2024, 2, 1), Date("2024-02-01", day(2024, 2, 1), day(2024, 2, 2))),
        ("2024-02-01", Date("2024-02-01", day(2024, 2, 1), day(2024, 2, 2))),
    ],
)
def test_values_from_json_are_accepted(value, expected):
    assert convert_value("author", "=", value) == expected


def test_a_time_with_a_zone_is_compared_in_utc():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    value = datetime.datetime(2024, 1, 1, 1, 30, tzinfo=zone)
    assert convert_value("mtime", "=", value).start == day(2023, 12, 31, 23, 30)
    assert convert_value("mtime", "=", value.timestamp()).start == day(2023, 12, 31, 23, 30)


@pytest.mark.parametrize("value", [None, [], float("nan"), float("inf"), {}])
def test_values_that_cannot_match_are_refused(value):
    with pytest.raises(UsageError, match="expected a text, a number or a date"):
        convert_value("author", "=", value)
