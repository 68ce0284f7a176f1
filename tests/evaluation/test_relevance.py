"""Probabilities of cosines: fitted, measured, stored."""

import math

import numpy as np
import pytest

from ragkit.evaluation import relevance
from ragkit.evaluation.relevance import expected_calibration_error, fit
from ragkit.evaluation.self_questions import make_questions
from ragkit.storage.sqlite import passages
from ragkit.storage.sqlite.question_sources import sample_documents


def test_the_fit_finds_the_function_that_drew_the_answers():
    generator = np.random.default_rng(0)
    cosines = generator.uniform(0, 1, 20_000)
    true = 1 / (1 + np.exp(-(8 * cosines - 4)))
    answers = generator.random(20_000) < true
    slope, offset = fit(cosines, answers)
    assert (slope, offset) == (pytest.approx(8, rel=0.05), pytest.approx(-4, rel=0.05))
    fitted = 1 / (1 + np.exp(-(slope * cosines + offset)))
    assert expected_calibration_error(fitted, answers) < 0.02


def test_separable_and_one_sided_answers_have_a_finite_fit():
    for answers in ([False] * 5 + [True] * 5, [True] * 10, [False] * 10):
        slope, offset = fit(np.linspace(0.1, 0.9, 10), np.array(answers))
        assert math.isfinite(slope)
        assert math.isfinite(offset)


def test_the_error_is_the_one_worked_by_hand():
    # Bin 0: mean .05, none answers. Bin 9: mean .95, one of two answers. (.05 · 2 + .45 · 2) / 4
    probabilities = np.array([0.05, 0.05, 0.9, 1.0])
    answers = np.array([False, False, True, False])
    assert expected_calibration_error(probabilities, answers) == pytest.approx(0.25)
    assert expected_calibration_error(np.array([]), np.array([], dtype=bool)) == 0


def test_the_bins_of_the_diagram_are_those_worked_by_hand():
    probabilities = np.array([0.05, 0.05, 0.9, 1.0])
    low, high = relevance.reliability(probabilities, np.array([False, False, True, False]))
    assert (low.low, low.high, low.count, low.answered) == (0.0, 0.1, 2, 0.0)
    assert (high.count, high.probability, high.answered) == (2, pytest.approx(0.95), 0.5)


def write_sections(folder, count):
    """Notes whose first sentence shares half of its words with the rest, none with others."""
    folder.mkdir()
    for number in range(count):
        words = [f"word{number}x{index}" for index in range(9)]
        (folder / f"{number}.txt").write_text(
            f"There are {' '.join(words)} in here.\n\n"
            f"Then come {' '.join(words[:5])} again, and with them some more of what all of these "
            "notes have in common.\n"
        )
    return folder


def test_a_collection_is_calibrated_on_its_own_text(open_collection, tmp_path, monkeypatch):
    monkeypatch.setattr(relevance, "MIN_QUESTIONS", 8)
    collection = open_collection()
    collection.index(write_sections(tmp_path / "notes", 40))
    assert collection.relevance() is None
    found = collection.calibrate_relevance()
    assert found == collection.relevance()
    assert found.slope > 0
    assert found.error < 0.2
    assert found.questions == 40  # each of them unseen where it was measured
    assert sum(each.count for each in found.bins) == 80  # asked with and without its document
    shares = [(each.without_answer, each.with_answer) for each in found.abstentions]
    assert shares == sorted(shares)  # a higher bound declines more
    assert all(without >= own for without, own in shares)
    question = "word3x1 word3x2 word3x3 word3x4"
    (best,) = collection.search(question, k=1)
    (other,) = collection.search("nothing like this at all", k=1)
    assert best.path == "3.txt"
    assert found.probability(best.score) > 0.5 > found.probability(other.score)


def test_without_other_documents_near_no_share_is_given(open_collection, tmp_path, monkeypatch):
    monkeypatch.setattr(relevance, "MIN_QUESTIONS", 8)
    monkeypatch.setattr(relevance, "_DEPTH", 1)  # as if each document had more passages than that
    collection = open_collection()
    collection.index(write_sections(tmp_path / "notes", 40))
    found = collection.calibrate_relevance()
    assert (found.questions, found.abstentions) == (40, ())


def test_cosines_that_tell_nothing_about_answers_fit_nothing(collection, tmp_path, monkeypatch):
    monkeypatch.setattr(relevance, "MIN_QUESTIONS", 8)
    folder = tmp_path / "notes"
    folder.mkdir()
    for n in range(40):  # the first sentence has more words of all others than of its own note
        (folder / f"{n}.txt").write_text(
            f"There are alpha{n} beta{n} gamma{n} delta{n} epsilon{n} in here.\n\n"
            f"Then come alpha{n} beta{n} gamma{n} again, and with them some more of what all of "
            "these notes have in common now.\n"
        )
    collection.index(folder)
    assert collection.calibrate_relevance() is None
    assert collection.relevance() is None


def test_too_few_questions_fit_nothing(collection, folder):
    collection.index(folder)
    assert collection.calibrate_relevance() is None
    assert collection.relevance() is None


def test_a_document_with_many_questions_is_read_once(collection, encoder, tmp_path):
    folder = tmp_path / "book"
    folder.mkdir()
    sections = (
        f"# Part{n}\n\nIn part{n} the word{n} and place{n} and year{n} are shown.\n\n"
        f"Much is said about word{n} and place{n} there, and about much else that people ask for.\n"
        for n in range(6)
    )
    (folder / "book.md").write_text("\n".join(sections))
    collection.index(folder)
    read = []
    with collection._store.reading() as connection:
        documents = sample_documents(connection, 100)
        questions = make_questions(documents, cloze=True).questions
        assert len(questions) > 3
        model_id = passages.model(connection)["id"]
        connection.set_trace_callback(read.append)
        cosines, _ = relevance._pairs(connection, model_id, encoder, questions)
        connection.set_trace_callback(None)
    assert len(cosines) >= len(questions)
    assert sum("SELECT id, header" in statement for statement in read) == 1
