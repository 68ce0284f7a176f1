"""`ragkit judge` as people and scripts meet it."""

import json

import pytest


def test_judgements_are_stored_listed_and_forgotten(run, collection_folder):
    assert run("judge", "who sleeps?", "sub/cats.txt", "--relevant")[0] == 0
    code, out, _ = run("judge", "who sleeps?", "keys.md#L1-L3", "--not-relevant")
    assert code == 0
    assert out == (
        "who sleeps?\n  + sub/cats.txt: the whole document\n"
        "  - keys.md: # Keys Rotate the signing keys every ninety days.\n"
    )
    assert run("judge")[1] == out
    rows = json.loads(run("judge", "--json")[1])
    assert [(row["query"], row["path"], row["relevant"]) for row in rows] == [
        ("who sleeps?", "sub/cats.txt", True),
        ("who sleeps?", "keys.md", False),
    ]
    assert run("judge", "who sleeps?", "keys.md#L1", "--forget")[1].count("\n") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["who?", "keys.md"], "expected --relevant, --not-relevant or --forget"),
        (["--relevant"], "expected a query and passages"),
        (["who?", "--relevant"], "no passage is named"),
        (["who?", "kyes.md", "--relevant"], "keys.md"),
    ],
)
def test_what_is_missing_is_named(run, collection_folder, arguments, message):
    code, _, error = run("judge", *arguments)
    assert code == 2
    assert message in error
