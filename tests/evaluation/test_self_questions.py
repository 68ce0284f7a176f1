"""Questions made from small documents, worked by hand."""

from zlib import crc32

import pytest

from ragkit.evaluation.self_questions import make_questions
from ragkit.storage.sqlite.question_sources import PassageSpan, SourceDocument

LEAVE = (
    "Parental leave for families\n\n"
    "Mothers and fathers may be absent for half a year.\n\n"
    "Who pays the salary meanwhile?\n\n"
    "The public insurance transfers two thirds of it every month.\n\n"
    "An insurance is a contract about risks."
)


def document(path, text, *, cuts=(), heading=(), title="", media_type="text/markdown", id_=None):
    """A document whose passages are cut before the texts `cuts`."""
    starts = [0, *(text.index(cut) for cut in cuts)]
    spans = zip(starts, [*starts[1:], len(text)], strict=True)
    number = crc32(path.encode()) % 10**6 if id_ is None else id_
    return SourceDocument(
        number, path, media_type, title, None, text,
        tuple(PassageSpan(1000 * number + start, start, end, heading) for start, end in spans),
    )  # fmt: skip


def others(count):
    """Documents that make the words of LEAVE usual ones."""
    texts = [f"Insurance number{n}: parental leave, families, salary, pays." for n in range(count)]
    return [document(f"other{n}.md", text, id_=n + 10) for n, text in enumerate(texts)]


def asked(made, path="leave.md"):
    return {
        (question.kind, question.text): question
        for question in made.questions
        if question.path == path
    }


def test_each_kind_of_question_has_its_answer():
    leave = document(
        "leave.md", LEAVE, cuts=["Who pays"], heading=("Parental leave for families",),
        title="Leave of absence", id_=1,
    )  # fmt: skip
    made = asked(make_questions([leave, *others(3)]))
    answers = {
        key: [LEAVE[slice(*target)].strip() for target in question.targets]
        for key, question in made.items()
    }
    assert answers["heading", "Parental leave for families"] == [LEAVE.partition("\n\n")[2]]
    assert answers["faq", "Who pays the salary meanwhile?"][0].startswith("The public insurance")
    assert answers["definition", "What is insurance?"] == [
        "An insurance is a contract about risks."
    ]
    sentence = made["sentence", "Mothers and fathers may be absent for half a year."]
    assert LEAVE[slice(*sentence.source)] == sentence.text
    assert LEAVE[slice(*sentence.targets[0])].startswith("Who pays")
    assert answers["title", "Leave of absence"] == [LEAVE]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Q1: May cats sleep here?\nA: They may sleep on every sofa.", "May cats sleep here?"),
        ("**May cats sleep here?**\n\nThey may, on every sofa.", "May cats sleep here?"),
        ("7. May cats sleep here?\n\nThey may, on every sofa.", "May cats sleep here?"),
        ("Dürfen Katzen hier schlafen?\n\nJa, auf allen Sofas.", "Dürfen Katzen hier schlafen?"),
        ("Why? Is it so? What?\n\nNobody can tell for sure.", None),
        ("May cats sleep here?\n\nYes.", None),
    ],
)
def test_questions_in_a_text_are_recognised(text, question):
    made = make_questions([document("faq.md", text)])
    found = [each.text for each in made.questions if each.kind == "faq"]
    assert found == ([question] if question else [])


def test_a_question_that_copies_rare_words_of_its_answer_is_left_out():
    heading = ("Quokka feeding",)
    text = "Quokka feeding\n\nFor quokka feeding take leaves."
    made = make_questions([document("q.md", text, heading=heading)])
    assert asked(made, "q.md") == {}
    assert made.left_out == {"copies rare words of its answer": 1}
    common = [document(f"{n}.md", "A quokka needs feeding.", id_=n) for n in range(2)]
    made = make_questions([document("q.md", text, heading=heading, id_=9), *common])
    assert ("heading", "Quokka feeding") in asked(made, "q.md")


def test_near_duplicates_are_left_out():
    body = "\n\nTake the seven steps below.\n\n"
    same = ("How to rotate the signing keys",)
    documents = [
        document(f"{name}.md", f"{same[0]}{body}", heading=same) for name in ("a", "b")
    ]  # fmt: skip
    made = make_questions(documents)
    assert made.questions == ()  # either document would answer it
    assert made.left_out == {"near-duplicate": 2}


def test_a_question_of_many_documents_is_left_out_and_one_of_one_document_is_asked_once():
    answer = "\n\nIt is behind the door of the hall.\n\n"
    shared = [
        document(f"{n}.md", f"Where do we keep the signing keys?{answer}", id_=n) for n in range(5)
    ]
    own = (
        f"Which colour has the garden gate?{answer}Which colour has the gate of the garden?{answer}"
    )
    made = make_questions([*shared, document("own.md", own, id_=9)])
    assert [question.path for question in made.questions] == ["own.md"]
    assert made.left_out == {"near-duplicate": 6}


def test_code_and_headings_of_one_word_ask_nothing():
    code = document(
        "a.py", "Is this a question?\n\nNo, it is a comment.", media_type="text/x-python"
    )
    one_word = document("b.md", "Storage\n\nKeep it in a vault.", heading=("Storage",))
    made = make_questions([code, one_word])
    assert made.questions == ()
    named = document("c.md", "Storage\n\nKeep it in a vault.", heading=("Signing keys", "Storage"))
    assert ("heading", "Signing keys Storage") in asked(make_questions([named]), "c.md")


def test_documents_are_split_by_their_path_alone():
    def faq(n):
        text = f"Where is room number{n} of the house?\n\nIt is behind the door of the hall."
        return document(f"{n}.md", text, id_=n)

    documents = [faq(n) for n in range(60)]
    made = make_questions(documents)
    sides = {question.path: question.is_held_out for question in made.questions}
    assert 15 < sum(sides.values()) < 45
    fewer = make_questions(reversed(documents[:40]))
    assert {question.path: question.is_held_out for question in fewer.questions}.items() <= (
        sides.items()
    )
    other = make_questions(documents, seed=1)
    assert {question.path: question.is_held_out for question in other.questions} != sides
    assert len(make_questions(documents, limit=5).part(held_out=True)) == 5
