"""Rankings of answers, and evaluations of a small collection."""

import types

import pytest

from ragkit import Collection
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


def test_equal_paths_below_two_roots_are_two_documents(collection, tmp_path):
    for root in ("first", "second"):
        (tmp_path / root).mkdir()
        (tmp_path / root / "note.md").write_text(
            f"# Keys of the {root} house\n\nThey are {root}.\n"
        )
        collection.index(tmp_path / root)
    hits = collection.search("keys of the house", k=2)
    judged = next(hit for hit in hits if hit.root.endswith("second"))
    collection.judge("keys of the first house", str(judged.passage_id), relevant=True)
    (result,) = collection.evaluate_self(["dense"]).results
    first = collection.search("keys of the first house", k=1)[0]
    assert first.root.endswith("first")  # has the same path and span, and is not the judged one
    assert result.judged["MRR@10"] == 0.5
    for question in collection.self_questions().questions:
        assert question.root in {str(tmp_path / "first"), str(tmp_path / "second")}


def test_questions_about_a_folder_that_is_copied_elsewhere_are_about_the_same_paths(
    house, tmp_path, encoder
):
    questions = house.self_questions()
    (tmp_path / "elsewhere").mkdir()
    for file in (tmp_path / "house").iterdir():
        (tmp_path / "elsewhere" / file.name).write_text(file.read_text())
    with Collection(tmp_path / "other", settings=house.settings, encoder=encoder) as other:
        other.index(tmp_path / "elsewhere")
        there = other.evaluate_self(["lexical"], questions=questions)
    here = house.evaluate_self(["lexical"])
    assert there.results[0].measures == here.results[0].measures


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
