"""Quoted phrases and excluded words in a query; all other text is plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.analysis.query_syntax import MAX_CONDITIONS, ParsedQuery, parse_query


@pytest.mark.parametrize(
    ("query", "text", "required", "excluded"),
    [
        ('"signing keys" rotate', '"signing keys" rotate', ("signing keys",), ()),
        ("python -snake", "python", (), ("snake",)),
        ('keys -"signing keys" now', "keys now", (), ("signing keys",)),
        ("“curly quotes”", "“curly quotes”", ("curly quotes",), ()),
    ],
)
def test_quotes_and_minus_are_operators(query, text, required, excluded):
    assert parse_query(query) == ParsedQuery(query, text, required, excluded)


@pytest.mark.parametrize(
    "query",
    [
        'a lone " quote', '5" and 6" pipes', "--", "-", "a - b", "- word", "--force", "ls -a",
        "-5 degrees", "state-of-the-art", "well-known", '""', '"?!"', "-?!", "-only -this",
        "why does the -wal file grow", 'not -"this one"',
        'x"y z"w', "[a TO b]", "text:word^3", "'; DROP TABLE passages; --",
    ],
)  # fmt: skip
def test_every_other_character_is_text(query):
    assert parse_query(query) == ParsedQuery(query, query)


def test_conditions_beyond_the_maximum_are_ignored():
    query = " ".join(f'"phrase {n}"' for n in range(MAX_CONDITIONS + 5))
    assert len(parse_query(query).required) == MAX_CONDITIONS


@given(st.text(st.characters() | st.sampled_from('"-“” a\x00\ud800')))
def test_any_query_is_parsed(query):
    parsed = parse_query(query)
    parsed.text.encode()
    assert len(parsed.required) + len(parsed.excluded) <= MAX_CONDITIONS
