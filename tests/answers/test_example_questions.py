"""Questions made from headings."""

import pytest

from ragkit.answers.example_questions import make_questions

TEXT = "The parents may stay at home for up to half a year, and it is paid for by the company."
GERMAN = "Die Eltern können bis zu einem halben Jahr zu Hause bleiben, und das Gehalt wird bezahlt."


@pytest.mark.parametrize(
    ("title", "heading", "text", "question"),
    [
        ("Leave policy", "3.1 Parental leave", TEXT,
         "What does “Leave policy” say about parental leave?"),
        ("Leave policy", "How do I apply for leave?", TEXT, "How do I apply for leave?"),
        ("Urlaub", "Elternzeit und Gehalt", GERMAN,
         "Was steht in „Urlaub“ über Elternzeit und Gehalt?"),
        ("Guide", "WAL mode", TEXT, "What does “Guide” say about WAL mode?"),
        ("Guide", "**Signing** keys", TEXT, "What does “Guide” say about signing keys?"),
    ],
)  # fmt: skip
def test_a_heading_becomes_a_question_in_the_language_of_its_text(title, heading, text, question):
    assert make_questions([[(title, heading, text)]]) == (question,)


@pytest.mark.parametrize("heading", ["", "Introduction", "2.", "See also", "Leave", "x" * 200])
def test_headings_that_say_nothing_are_passed_over(heading):
    good = ("Leave policy", "Parental rights", TEXT)
    (question,) = make_questions([[("Leave policy", heading, TEXT), good]])
    assert question.endswith("about parental rights?")


def test_each_question_is_about_another_document_and_there_are_three_at_most():
    documents = [[(f"Book {number}", "Signing keys", TEXT)] * 2 for number in range(5)]
    questions = make_questions(documents)
    assert len(questions) == 3 and len(set(questions)) == 3
    assert make_questions([]) == ()
