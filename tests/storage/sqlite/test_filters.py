"""Filters as SQL conditions."""

import datetime

import pytest

from ragkit.storage.sqlite import filters
from ragkit.storage.sqlite.filters import AllOf, AnyOf, Comparison, Date, Not

MARCH = Date("2024-03", datetime.datetime(2024, 3, 1), datetime.datetime(2024, 4, 1))
YEAR_9999 = Date("9999", datetime.datetime(9999, 1, 1), datetime.datetime(9999, 12, 31))
IN_MARCH_NS = 1_710_000_000 * 10**9  # 2024-03-09 16:00 UTC


@pytest.fixture
def filled(store, add):
    """Return a store of passages 1 (a PDF page), 2 (German mail), 3 (a note without metadata)."""
    add("hr/leave.pdf", "Parents may stay", media_type="application/pdf", title="Leave", size=900)
    add("mail.eml", "Hallo", mtime_ns=IN_MARCH_NS, metadata={"language": "de-AT", "version": "7"})
    metadata = {"created": "2024-03-05 10:00:00", "copies": 19991231, "topic": 2024}
    add("notes.txt", "Cats sleep", size=10, metadata=metadata)
    with store.writing() as connection:
        connection.execute("UPDATE passages SET page = 7 WHERE id = 1")
    return store


def test_fields_are_named_once_and_those_of_the_metadata_are_found(filled):
    tree = AllOf((Comparison("a", "=", (1.0,)), Not(AnyOf((Comparison("b", "=", ("x",)),) * 2))))
    assert filters.field_names(tree) == ["a", "b"]
    with filled.reading() as connection:
        assert filters.has_field(connection, "version")
        assert filters.has_field(connection, "mtime")
        assert not filters.has_field(connection, "a")
        assert filters.known_fields(connection)[-3:] == ["copies", "created", "version"]


def select(store, tree):
    with store.reading() as connection:
        where = filters.compile_filter(tree)
        ids = filters.small_id_set(connection, where, 99).tolist()
        assert filters.matching(connection, where, range(10)) == set(ids)
    return ids


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("path", "=", "notes.txt", [3]),
        ("path", "~", "hr/", [1]),
        ("path", "~", "*.txt", [3]),
        ("title", "~", "LEA*", [1]),
        ("type", "=", "application/pdf", [1]),
        ("page", ">=", 7.0, [1]),
        ("size", "<", 100.0, [2, 3]),
        ("language", "=", "de", [2]),
        ("language", "=", "DE_at", [2]),
        ("language", "=", "d", []),
        ("version", ">", 6.5, [2]),
        ("version", "=", "7", [2]),
        ("copies", "<", 2000.0, []),  # a number, not a day of 1999
        ("copies", ">", 2000.0, [3]),
        ("topic", "=", 2024.0, [3]),
        ("topic", "=", "2024", [3]),
        ("mtime", "=", MARCH, [2]),
        ("mtime", ">", MARCH, []),
        ("mtime", ">", YEAR_9999, []),  # beyond the nanoseconds that SQLite stores
        ("mtime", "<", YEAR_9999, [2]),
        ("created", "=", MARCH, [3]),
        ("created", "<", MARCH, []),
        ("nothing", "=", "x", []),
    ],
)
def test_one_comparison(filled, field, operator, value, expected):
    test = Comparison(field, operator, (value,))
    assert select(filled, test) == expected
    assert select(filled, Not(test)) == [n for n in (1, 2, 3) if n not in expected]


def test_a_negated_operator_is_the_opposite_also_of_missing_fields(filled):
    assert select(filled, Comparison("version", "!=", ("7",))) == [1, 3]
    assert select(filled, Comparison("page", "not in", (7.0, 8.0))) == [2, 3]
    assert select(filled, Comparison("title", "!~", ("Le*",))) == [2, 3]


def test_in_matches_any_of_its_values(filled):
    assert select(filled, Comparison("path", "in", ("notes.txt", "mail.eml"))) == [2, 3]
    assert select(filled, Comparison("path", "in", ())) == []


def test_parts_are_joined_by_and_and_or(filled):
    small = Comparison("size", "<", (100.0,))
    note = Comparison("path", "=", ("notes.txt",))
    pdf = Comparison("page", "=", (7.0,))
    assert select(filled, AllOf((small, note))) == [3]
    assert select(filled, AnyOf((pdf, note))) == [1, 3]
    assert select(filled, AnyOf((pdf, AllOf((small, Not(note)))))) == [1, 2]
    assert select(filled, AllOf(())) == [1, 2, 3]
    assert select(filled, AnyOf(())) == []


def test_more_than_the_limit_is_none(filled):
    with filled.reading() as connection:
        everything = filters.compile_filter(AllOf(()))
        assert filters.small_id_set(connection, everything, 2) is None
        assert filters.small_id_set(connection, everything, 3).tolist() == [1, 2, 3]


def test_values_are_bound_and_never_part_of_the_statement(filled):
    hostile = "x'; DROP TABLE passages; --"
    condition = filters.compile_filter(Comparison(hostile, "=", (hostile,)))
    assert hostile not in condition.sql
    assert condition.values == (hostile, hostile)
    assert select(filled, Comparison("path", "=", (hostile,))) == []


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [  # as .gitignore's documentation has it
        ("*.md", "docs/deep/a.md", True),
        ("docs/*.md", "docs/a.md", True),
        ("docs/*.md", "docs/deep/a.md", False),
        ("docs/**/*.md", "docs/deep/er/a.md", True),
        ("docs/", "old/docs/a.md", True),
        ("/docs/", "old/docs/a.md", False),
        ("?.txt", "ab.txt", False),
    ],
)
def test_globs_over_paths(pattern, path, expected):
    assert filters.path_matches(pattern, path) is expected
