"""Follow-up questions: how they are detected, and the words that are added."""

from __future__ import annotations

import re

import pytest

from ragkit.answers.followup import (
    covered_share,
    is_followup,
    rewrite_followup,
    subject_terms,
)
from ragkit.records.answers import Turn

IDF = {"wal": 5.0, "mode": 2.0, "signing": 5.0, "keys": 4.0, "rotated": 5.0, "parents": 5.0,
        "leave": 4.5, "": 7.0, "flurbl": 7.0}  # fmt: skip


def rewrite(question, *earlier_questions):
    history = [Turn(earlier, "…") for earlier in earlier_questions]
    terms = lambda text: [w for w in re.findall(r"\w+", text.lower()) if w != "what"]  # noqa: E731
    return rewrite_followup(question, history, terms, lambda word: IDF.get(word.lower(), 0.5))


@pytest.mark.parametrize(
    ("earlier", "question", "standalone"),
    [
        ("What is WAL mode?", "Is it faster?", "Is it faster? (WAL)"),
        ("How often are signing keys rotated?", "And who does that?",
         "And who does that? (signing keys rotated)"),
        ("How long is the leave for parents?", "Why?", "Why? (leave parents)"),
        ("Wie lange gilt leave für parents?", "Und warum das?", "Und warum das? (leave parents)"),
        ("What is WAL mode?", "How do I shrink a file after deleting rows?",
         "How do I shrink a file after deleting rows?"),
        ("What is WAL mode?", "Does WAL need shared memory?", "Does WAL need shared memory?"),
        ("What is a flurbl?", "Is it faster?", "Is it faster?"),  # no document contains it
        ("What is WAL mode in flurbl?", "Is it faster?", "Is it faster? (WAL)"),
    ],
)  # fmt: skip
def test_the_rarest_words_of_the_earlier_question_are_added(earlier, question, standalone):
    assert rewrite(question, earlier) == standalone


def test_an_earlier_question_without_specific_words_is_skipped():
    assert rewrite("And how?", "What is WAL mode?", "Is it?") == "And how? (WAL)"


def test_without_a_history_the_question_is_not_changed():
    assert rewrite("Is it faster?") == "Is it faster?"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Is it faster than the other one?", True),
        ("What about a network drive?", True),
        ("Et pourquoi ?", True),
        ("¿Y eso?", True),
        ("Can readers and a writer work at the same time?", False),
        ("Do two files with the same name overwrite each other?", False),
        ("Can a full backup of the server do the same?", True),
        ("Is the same for big tables also a good idea?", True),
        ("How many rows can a table have at most?", False),
        ("How many kinds of index are there for text?", False),
        ("Is there a limit to the size of a table?", False),
        ("Gibt es eine Grenze für die Größe von Tabellen?", False),
        ("Y a-t-il une limite pour la taille des tables ?", False),
        ("Who of the two offices works there on Mondays?", True),
        ("Which index helps a query with two conditions?", False),
    ],
)
def test_a_followup_is_short_continues_or_has_a_reference(question, expected):
    assert is_followup(question) is expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Signing keys?", {"signing", "keys"}),
        ("What about leave?", {"leave"}),
        ("Is there a leave?", {"leave"}),
        ("And who rotated them?", set()),  # a reference
        ("For parents?", set()),
        ("And in WAL mode?", set()),
        ("Und für parents?", set()),
        ("What about the same for leave?", set()),
        ("Flurbl?", set()),  # no document contains it
        ("Why?", set()),
    ],
)
def test_a_short_question_may_name_a_subject_of_its_own(question, expected):
    terms = lambda text: re.findall(r"\w+", text.lower())  # noqa: E731
    found = subject_terms(question, terms, lambda term: IDF.get(term, IDF[""]))
    assert set(found) == expected
    assert all(found[term] == IDF[term] for term in expected)


def test_the_share_of_a_subject_is_by_idf():
    assert covered_share({"sick": 3.0, "leave": 1.0}, {"leave", "parents"}) == 0.25
    assert covered_share({}, {"leave"}) == 0
