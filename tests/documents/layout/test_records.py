"""Documents of records: lines, titles, metadata."""

import pytest

from ragkit.documents.layout.records import record_document


def test_fields_are_lines_and_short_values_metadata():
    document = record_document(
        [("name", "Ada"), ("note", "x" * 201), ("", "plain"), ("empty", " ")], "text/csv"
    )
    assert document.text == f"name: Ada\nnote: {'x' * 201}\nplain"
    assert (document.title, document.metadata) == ("Ada", {"name": "Ada"})


@pytest.mark.parametrize(
    ("pairs", "title"),
    [
        ([("id", "7"), ("Title", "Keys")], "Keys"),  # `title` comes before `id`
        ([("id", "7"), ("title", "x" * 201)], "7"),
        ([("title", "a"), ("title", "b")], "a"),
        ([("price", "7")], None),
    ],
)
def test_the_title_is_the_best_of_the_fields_that_name_a_record(pairs, title):
    assert record_document(pairs, "text/csv").title == title


def test_at_most_fifty_fields_are_metadata():
    pairs = [(f"field{number}", "x") for number in range(60)]
    assert len(record_document(pairs, "text/csv").metadata) == 50


def test_names_are_one_line_and_values_keep_their_lines():
    assert record_document([("a\nb", "c\r\nd\re")], "x").text == "a b: c\nd\ne"
