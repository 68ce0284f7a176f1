"""Judgements follow their text: it may move in its document, and the document may be replaced."""

import pytest

from ragkit.errors import UsageError
from ragkit.storage.sqlite.judgements import find_quote


@pytest.mark.parametrize(
    ("text", "quote", "start", "span"),
    [
        ("one two one", "one", 0, (0, 3)),
        ("one two one", "one", 8, (8, 11)),
        ("one two one", "one", 6, (8, 11)),
        ("one two one", "one", 2, (0, 3)),
        ("a cat sat", "cat", 90, (2, 5)),
        ("a cat sat", "dog", 2, None),
        ("a cat sat", "", 5, (0, 9)),
    ],
)
def test_a_quote_is_found_where_it_is_now(text, quote, start, span):
    assert find_quote(text, quote, start) == span


def verdicts(collection):
    return [(each.query, each.path, each.quote, each.relevant) for each in collection.judgements()]


def test_judgements_are_replaced_and_forgotten(collection, folder):
    collection.index(folder)
    keys, vault = collection.search("rotate keys vault", k=2)
    collection.judge(" rotate keys ", [str(keys.passage_id), vault.citation], relevant=True)
    found = collection.judge("rotate keys", vault.citation, relevant=False)
    assert [(each.quote, each.relevant) for each in found] == [
        (keys.text, True),
        (vault.text, False),
    ]
    collection.judge("other", "leave.txt", relevant=True)
    assert verdicts(collection)[2] == ("other", "leave.txt", "", True)
    collection.judge("rotate keys", str(keys.passage_id), relevant=None)
    assert len(verdicts(collection)) == 2


def test_a_judgement_outlives_a_change_of_the_file_and_of_the_passages(
    open_collection, collection, folder
):
    collection.index(folder)
    (hit,) = collection.search("private vault", k=1)
    collection.judge("where is it kept?", hit.citation, relevant=True)
    (folder / "keys.md").write_text(f"# Keys\n\nA new paragraph.\n\n{hit.text}\n")
    collection.index(folder)
    (judgement,) = collection.judgements()
    text = collection.document(judgement.document_id)[1]
    assert text[slice(*judgement.span)] == hit.text
    assert judgement.document_id == hit.document_id


def test_a_judgement_waits_for_a_document_that_was_removed(collection, folder):
    collection.index(folder)
    collection.judge("who sleeps?", "sub/cats.txt#L1", relevant=True)
    collection.remove(folder / "sub")
    (judgement,) = collection.judgements()
    assert (judgement.document_id, judgement.span) == (None, None)
    collection.index(folder)
    (judgement,) = collection.judgements()
    assert collection.document(judgement.document_id)[1][slice(*judgement.span)].startswith("Cats")


def test_a_judgement_follows_a_file_that_moves(collection, folder):
    collection.index(folder)
    collection.judge("who sleeps?", "sub/cats.txt#L1", relevant=True)
    (folder / "sub/cats.txt").rename(folder / "sub/animals.txt")
    collection.index(folder)
    (judgement,) = collection.judgements()
    entry, _ = collection.document(judgement.document_id)
    assert entry.path == "sub/animals.txt"


def test_nothing_is_stored_if_one_reference_names_nothing(collection, folder):
    collection.index(folder)
    with pytest.raises(UsageError, match="no passage has the id 99999"):
        collection.judge("keys", ["keys.md", "99999"], relevant=True)
    assert collection.judgements() == []
    for query, references in (("  ", "keys.md"), ("keys", [])):
        with pytest.raises(UsageError, match=r"empty|no passage is named"):
            collection.judge(query, references, relevant=True)


def test_documents_of_the_same_path_in_two_roots_have_judgements_of_their_own(collection, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "faq.md").write_text("Fruit grows on trees.\n")
    collection.index(tmp_path / "first")
    collection.judge("fruit", "faq.md", relevant=True)  # when there is one root
    collection.index(tmp_path / "second")
    collection.judge("fruit", "second/faq.md", relevant=False)
    collection.judge("fruit", "first/faq.md", relevant=True)
    expected = {("first/faq.md", True), ("second/faq.md", False)}
    assert {(each.path, each.relevant) for each in collection.judgements()} == expected
    collection.remove("second/faq.md")
    collection.index(tmp_path / "second")
    places = {each.path: each.document_id for each in collection.judgements()}
    assert None not in places.values()
    assert len(set(places.values())) == 2
    collection.judge("fruit", "second/faq.md", relevant=None)
    assert [each.path for each in collection.judgements()] == ["first/faq.md"]
