"""Rankings of answers, and evaluations of a small collection."""

import types

import pytest

from ragkit.errors import UsageError
from ragkit.evaluation import self_run
from ragkit.evaluation.self_run import judged_queries, rank_parts

pytest.importorskip("ir_measures", reason='needs pip install "ragkit-search[eval]"')
ROOMS = ("kitchen", "cellar", "attic", "garden", "stable", "tower", "library", "bakery")


def hit(path, start, end, *copies):
    own = types.SimpleNamespace(path=path, start=start, end=end, passage_id=f"{path}:{start}")
    own.locations = (own, *copies)
    return own


def test_each_answer_counts_once_and_the_question_s_own_text_not_at_all():
    hits = [
        hit("a", 0, 50),  # the source
        hit("a", 400, 500),  # far from the answer
        hit("a", 90, 200),  # covers more than half of itself
        hit("a", 100, 300),  # the same answer again
        hit("b", 100, 200),  # another document
        hit("a", 600, 5000),  # contains the second answer
    ]
    ranking = rank_parts(hits, [("a", 100, 350), ("a", 700, 800)], ("a", 0, 60))
    assert ranking == ["a:400", "answer 0", "b:100", "answer 1"]


def test_an_answer_counts_where_a_hit_names_it_as_another_location():
    hits = [hit("a", 0, 50, hit("copy", 0, 50)), hit("copy", 60, 90)]
    assert rank_parts(hits, [("copy", 0, 50)], None) == ["answer 0", "copy:60"]


@pytest.fixture
def house(collection, tmp_path):
    """A collection of rooms, each with a question that shares no rare word with its answer."""
    (tmp_path / "house").mkdir()
    for number, room in enumerate(ROOMS):
        text = (
            f"# The {room} of the house\n\nOpen from {number} in the morning.\n\n"
            f"Who may enter this place number{number}?\n\n"
            f"Guests with a ticket of the colour shade{number} may do so.\n"
        )
        (tmp_path / "house" / f"{room}.md").write_text(text)
    collection.index(tmp_path / "house")
    return collection


def test_a_collection_is_measured_on_its_own_questions(house):
    found = house.evaluate_self()
    assert [result.mode for result in found.results] == ["dense", "lexical", "hybrid"]
    assert len(found.measured) == sum(found.kinds.values()) > 0
    assert all(question.is_held_out for question in found.measured)
    lexical = found.results[1]
    assert 0 < lexical.measures["nDCG@10"] <= 1
    assert lexical.by_query["nDCG@10"].keys() == {question.id for question in found.measured}
    assert lexical.by_kind.keys() == found.kinds.keys()
    again = house.evaluate_self(["lexical"])
    assert again.results[0] == lexical


def test_judgements_are_measured_too(house):
    (best, second, *_) = house.search("place number3", k=3, mode="lexical")
    house.judge("place number3", str(best.passage_id), relevant=True)
    house.judge("place number3", str(second.passage_id), relevant=False)
    house.judge("gone", "tower.md", relevant=True)
    house.remove("tower.md")
    found = house.evaluate_self(["lexical"])
    (result,) = found.results
    assert (found.judged_queries, found.missing_judgements) == (1, 1)
    assert result.judged["MRR@10"] == 1.0
    assert result.rejected == 1


def test_a_judged_copy_is_found_with_the_first_one(collection, folder):
    (folder / "copy.txt").write_text((folder / "leave.txt").read_text())
    collection.index(folder)
    (hit,) = collection.search("parents at home", k=1)
    (other,) = hit.also_at
    collection.judge("parents at home", other.citation, relevant=True)
    (result,) = collection.evaluate_self(["dense"]).results
    assert result.judged["MRR@10"] == 1.0


def test_a_judgement_of_an_unknown_document_is_counted():
    judgement = types.SimpleNamespace(document_id=None, span=None, query="q", relevant=True)
    assert judged_queries([judgement], {}) == ([], 1)


def test_a_collection_without_structure_says_what_is_missing(collection, tmp_path):
    (tmp_path / "a.txt").write_text("Cats sleep.")
    collection.index(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="no question can be made"):
        collection.evaluate_self()


def test_modes_are_those_of_a_search():
    assert self_run.MODES == ("dense", "lexical", "hybrid")
