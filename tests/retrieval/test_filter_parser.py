"""Filters: their syntax, and the passages that they match. Expected values worked by hand."""

import datetime
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import UsageError
from ragkit.retrieval.filter_parser import parse_filter
from ragkit.storage.sqlite.filters import AllOf, AnyOf, Comparison, Not, path_matches


def test_and_binds_closer_than_or_and_not_closest():
    a, b, c = (Comparison(name, "=", (1.0,)) for name in "abc")
    assert parse_filter("a = 1 or b = 1 and not c = 1") == AnyOf((a, AllOf((b, Not(c)))))
    assert parse_filter("(a == 1 OR b = 1) AND c = 1") == AllOf((AnyOf((a, b)), c))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("author = Bob", Comparison("author", "=", ("Bob",))),
        ("author='O\\'Neil \"x\"'", Comparison("author", "=", ('O\'Neil "x"',))),
        ('"my key" != "7"', Comparison("my key", "!=", ("7",))),
        ("page in (1, 2,3)", Comparison("page", "in", (1.0, 2.0, 3.0))),
        ("tag not in (a)", Comparison("tag", "not in", ("a",))),
        ("type = PDF", Comparison("type", "=", ("application/pdf",))),
        ("type = text/html", Comparison("type", "=", ("text/html",))),
        ("path ~ hr/**", Comparison("path", "~", ("hr/**",))),
        ("n<-2.5", Comparison("n", "<", (-2.5,))),
    ],
)
def test_comparisons_are_parsed(where, expected):
    assert parse_filter(where) == expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", "at character 1: it ends; expected a field"),
        ("page", "at character 5: it ends; expected one of = !="),
        ("page >", "at character 7: it ends; expected a value"),
        ("page > x", "at character 8: page is 'x'; expected a number"),
        ("page ~ 3", "page cannot be compared with ~"),
        ("mtime > soon", "at character 9: mtime is 'soon'; expected a date"),
        ("mtime > 2024-02-30", "expected a date"),
        ("type = nonsense", "type is 'nonsense'; expected pdf"),
        ("type > pdf", "type cannot be compared with >"),
        ("a = 1 b = 2", "at character 7: 'b'; expected and, or, or the end"),
        ("(a = 1", "at character 7: it ends; expected '\\)'"),
        ("a in 1", "at character 6: '1'; expected '\\('"),
        ("a in ()", "at character 7: '\\)'; expected a value"),
        ("a = 1 and", "at character 10: it ends; expected a field"),
        ('a = "x', "at character 5: '\"'; expected a value"),
        ("a = 1; DROP TABLE files", "at character 5: '1;'|expected and"),
        ("not " * 40 + "a = 1", "at most 30 parentheses"),
        ("(" * 40 + "a = 1" + ")" * 40, "at most 30 parentheses"),
        (" or ".join(["a = 1"] * 501), "compares 501 values; expected 500"),
        (f"a in ({','.join('1' * 501)})", "compares 501 values; expected 500"),
        ({"a": list(range(501))}, "compares 501 values; expected 500"),
        ("a = " + "x" * 10_000, "has 10,004 characters"),
        ("a = '\0'", "contains a NUL"),
        ("{", "the filter is not JSON"),
        ('{"type": "near", "key": "a", "value": 1}', "type is 'near'; expected one of eq"),
        ('{"type": "and", "filters": []}', r"filters are \[\]; expected an array"),
        ('{"type": "eq", "key": "a", "value": null}', "a is None; expected a text"),
        ('{"type": "in", "key": "a", "value": 1}', "expected an array for in"),
        ('{"type": "eq", "key": "a", "value": 1, "x": 2}', "has 'x'; expected only"),
        ({}, "empty object"),
        ({"a": {"like": 1}}, r"has \['like'\]; expected ="),
        ({"a": float("nan")}, "a is nan; expected"),
        ({"": 1}, "key is ''"),
    ],
)
def test_a_syntax_error_is_reported_with_its_position(where, message):
    with pytest.raises(UsageError, match=message):
        parse_filter(where)


@settings(max_examples=400)
@given(st.text(alphabet="ab=<>~!(),'\"\\ \t\0{}[]:-*orandnti1.é", max_size=40))
def test_any_text_is_parsed_or_a_usage_error(where):
    try:
        parse_filter(where)
    except UsageError as error:
        assert str(error).startswith("the filter")


def test_openai_and_short_dicts_are_the_same_filter():
    expected = parse_filter('author = "Bob" and (page >= 3 or tag in ("x", "y"))')
    openai = {
        "type": "and",
        "filters": [
            {"type": "eq", "key": "author", "value": "Bob"},
            {
                "type": "or",
                "filters": [
                    {"type": "gte", "key": "page", "value": 3},
                    {"type": "in", "key": "tag", "value": ["x", "y"]},
                ],
            },
        ],
    }
    assert expected == parse_filter(openai) == parse_filter(json.dumps(openai))
    short = parse_filter({"author": "Bob", "page": {">": 2, "<=": 9}, "tag": ["x", "y"]})
    assert short == parse_filter('author="Bob" and page>2 and page<=9 and tag in ("x","y")')
    day = parse_filter({"mtime": {">=": datetime.date(2024, 3, 5)}})
    assert day == AllOf((parse_filter("mtime >= 2024-03-05"),))


def test_a_dict_may_contain_expressions_and_not():
    both = {"type": "and", "filters": ['author = "Bob"', {"page": {">": 2}}]}
    assert parse_filter(both) == AllOf(
        (parse_filter('author = "Bob"'), parse_filter({"page": {">": 2}}))
    )
    negated = parse_filter({"type": "not", "filters": ["page > 2", "page < 9"]})
    assert negated == Not(AllOf((parse_filter("page > 2"), parse_filter("page < 9"))))


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("hr/**", "hr/leave/a.pdf", True),
        ("hr/**", "other/hr/a.pdf", False),
        ("**/hr/*", "other/hr/a.pdf", True),
        ("**/hr/*", "hr/a.pdf", True),
        ("hr/*", "hr/leave/a.pdf", False),
        ("hr/", "other/hr/leave/a.pdf", True),
        ("hr/leave/", "other/hr/leave/a.pdf", False),
        ("/hr", "hr", True),
        ("*.pdf", "hr/leave/a.pdf", True),
        ("?.[pq]df", "hr/a.pdf", True),
        ("*.PDF", "a.pdf", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "a/x/y/c", False),
        ("**", "a/b", True),
        ("a" + "*a" * 200 + "b", "a" * 4000, False),  # in no time
        ("**/a/" * 100 + "b", "a/" * 500 + "c", False),
    ],
)
def test_globs_over_paths(pattern, path, matches):
    assert path_matches(pattern, path) is matches


@pytest.fixture
def archive(collection, tmp_path):
    folder = tmp_path / "archive"
    (folder / "hr").mkdir(parents=True)
    texts = {
        "hr/leave.md": "---\nauthor: Bob\ncreated: 2024-03-05T10:00:00\nlanguage: en-GB\n"
        "version: 7\n---\n# Leave\n\nwords",
        "hr/pay.html": "<html lang=de><title>Pay 100%</title><body>words</body></html>",
        "notes.txt": "words",
    }
    for number, (name, text) in enumerate(texts.items()):
        (folder / name).write_text(text)
        moment = datetime.datetime(2024, 1 + number, 15, 12, tzinfo=datetime.UTC).timestamp()
        os.utime(folder / name, (moment, moment))
    collection.index(folder)
    return collection


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("type = md", "leave"),
        ("type ~ 'text/*'", "leave pay notes"),
        ("type not in (md, txt)", "pay"),
        ("path ~ 'hr/**' and not type = html", "leave"),
        ("path = notes.txt", "notes"),
        ("mtime = 2024-02", "pay"),
        ("mtime > 2024-01", "pay notes"),
        ("mtime >= 2024-02-15T12:00", "pay notes"),
        ("mtime > 2024-02-15T12:00", "notes"),
        ("mtime <= 2024-02-15", "leave pay"),
        ("mtime < 2024-02-15", "leave"),
        ("mtime < 2025", "leave pay notes"),
        ("author = Bob", "leave"),
        ("author != Bob", "pay notes"),
        ("author ~ b*", "leave"),
        ("author !~ b*", "pay notes"),
        ("created >= 2024-03", "leave"),
        ("created = 2024-03-05", "leave"),
        ("created > 2024-03-05", ""),
        ("created = 2024", "leave"),
        ("created < 2025", "leave"),
        ("created > 2023", "leave"),
        ("created > 2024", ""),
        ("created < 2024", ""),
        ("version > 6.5", "leave"),
        ("version < 10", "leave"),  # as numbers; as text "7" would be greater
        ("version = '7'", "leave"),
        ("language = en", "leave"),
        ("language = EN_gb", "leave"),
        ("language in (de, fr)", "pay"),
        ("title ~ '*100%'", "pay"),
        ("page = 1", ""),
        ("size < 10", "notes"),
        ("'x\" = 1) OR 1=1 --' = 1", ""),
        ("author = \"Bob' OR '1'='1\"", ""),
    ],
)
def test_which_passages_a_filter_matches(archive, where, names):
    hits = archive.search("words", where=where)
    paths = {hit.path.rpartition("/")[2].partition(".")[0] for hit in hits}
    assert paths == set(names.split())


@pytest.mark.parametrize(
    "where",
    [
        " or ".join(["author = Bob"] * 500),
        "(" * 30 + " and ".join(["author = Bob"] * 500) + ")" * 30,
        f"not author not in ({','.join(['Bob'] * 500)})",
        "not " * 30 + "author = Bob",
    ],
)
def test_the_largest_filters_are_within_the_limits_of_sqlite(archive, where):
    assert {hit.path for hit in archive.search("words", where=where)} == {"hr/leave.md"}
