"""Questions that lean on the one before."""

from __future__ import annotations

import re

import pytest

from ragkit.answers.followups import follows_on, whole
from ragkit.records.answers import Turn

RARE = {"wal": 5.0, "mode": 2.0, "signing": 5.0, "keys": 4.0, "rotated": 5.0, "parents": 5.0,
        "leave": 4.5, "": 7.0, "flurbl": 7.0}  # fmt: skip


def made(question, *before):
    history = [Turn(each, "…") for each in before]
    terms = lambda text: [w for w in re.findall(r"\w+", text.lower()) if w != "what"]  # noqa: E731
    return whole(question, history, terms, lambda word: RARE.get(word.lower(), 0.5))


@pytest.mark.parametrize(
    ("before", "question", "found"),
    [
        ("What is WAL mode?", "Is it faster?", "Is it faster? (WAL)"),
        ("How often are signing keys rotated?", "And who does that?",
         "And who does that? (signing keys rotated)"),
        ("How long is the leave for parents?", "Why?", "Why? (leave parents)"),
        ("Wie lange gilt leave für parents?", "Und warum das?", "Und warum das? (leave parents)"),
        ("What is WAL mode?", "How do I shrink a file after deleting rows?",
         "How do I shrink a file after deleting rows?"),
        ("What is WAL mode?", "Does WAL need shared memory?", "Does WAL need shared memory?"),
        ("What is a flurbl?", "Is it faster?", "Is it faster?"),  # no document knows it
        ("What is WAL mode in flurbl?", "Is it faster?", "Is it faster? (WAL)"),
    ],
)  # fmt: skip
def test_what_is_looked_for(before, question, found):
    assert made(question, before) == found


def test_a_question_without_words_of_its_own_is_passed_over():
    assert made("And how?", "What is WAL mode?", "Is it?") == "And how? (WAL)"


def test_nothing_was_said_before():
    assert made("Is it faster?") == "Is it faster?"


@pytest.mark.parametrize(
    ("question", "does"),
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
def test_which_questions_follow_on(question, does):
    assert follows_on(question) is does
