"""Several collections in one query: over real collections with the fake encoder."""

import pytest

from ragkit import Collection, CollectionGroup, Settings, UsageError, search_collections
from ragkit.records.answers import last_answer

QUESTION = "who may stay at home?"


class OtherEncoder:
    """The fake encoder under another fingerprint."""

    def __init__(self, encoder):
        self._encoder = encoder
        self.fingerprint = "0" * 64

    def __getattr__(self, name):
        return getattr(self._encoder, name)


@pytest.fixture
def make_group(tmp_path, encoder):
    opened = []

    def make(texts, encoders=None):
        """name → {file: text}"""
        collections = {}
        for name, files in texts.items():
            folder = tmp_path / f"{name}-files"
            folder.mkdir()
            for path, text in files.items():
                (folder / path).write_text(text)
            settings = Settings(passage_tokens=40, overlap=0.0)
            used = (encoders or {}).get(name, encoder)
            collection = Collection(tmp_path / name, settings=settings, encoder=used)
            opened.append(collection)
            if files:
                collection.index(folder)
            collections[name] = collection
        return CollectionGroup(collections)

    yield make
    for collection in opened:
        collection.close()


TEXTS = {
    "hr": {"faq.txt": "Parents may stay at home for half a year.\n"},
    "vet": {"faq.txt": "Cats stay at home and sleep.\n", "dogs.txt": "Dogs bark.\n"},
}


def test_equal_paths_have_different_citations_that_get_accepts(make_group):
    group = make_group(TEXTS)
    found = group.search(QUESTION, {"k": 2})
    assert [hit.citation for hit in found.hits] == ["hr:faq.txt#L1", "vet:faq.txt#L1"]
    assert found.merged_by == "score"
    texts = [group.get(hit.citation).text for hit in found.hits]
    assert texts == [hit.text for hit in found.hits]
    assert group.get(found.hits[1].citation).citation == "vet:faq.txt#L1"


def test_the_ranking_is_that_of_one_collection_with_all_documents(make_group, tmp_path, encoder):
    group = make_group(TEXTS)
    together = Collection(tmp_path / "all", encoder=encoder, settings=group.first.settings)
    together.index([tmp_path / "hr-files", tmp_path / "vet-files"])
    found = group.search(QUESTION, {})
    expected = [(hit.text, hit.score) for hit in together.search(QUESTION)]
    assert [(hit.text, hit.score) for hit in found.hits] == expected
    together.close()


def test_different_encoders_are_interleaved_and_the_result_says_so(make_group, encoder):
    group = make_group(TEXTS, {"vet": OtherEncoder(encoder)})
    found = search_collections(group.collections, QUESTION, k=3)
    assert [hit.collection for hit in found.hits] == ["hr", "vet", "vet"]
    assert found.merged_by == "rank"


def test_filters_apply_to_every_collection(make_group):
    found = make_group(TEXTS).search(QUESTION, {"where": "path = dogs.txt"})
    assert [hit.citation for hit in found.hits] == ["vet:dogs.txt#L1"]


def test_a_reference_without_a_name_is_found_where_there_is_only_one(make_group):
    group = make_group(TEXTS)
    assert group.get("dogs.txt").citation == "vet:dogs.txt#L1"
    with pytest.raises(UsageError, match=r"expected hr:faq\.txt or vet:faq\.txt"):
        group.get("faq.txt")
    with pytest.raises(UsageError, match=r"no document horses.txt .*; searched hr, vet"):
        group.get("horses.txt")
    with pytest.raises(UsageError, match=r"no document horses\.txt"):
        group.get("vet:horses.txt")


def test_a_part_of_the_group_keeps_the_names(make_group):
    group = make_group(TEXTS)
    assert group.select(["vet"]).search(QUESTION, {"k": 1}).hits[0].citation == "vet:faq.txt#L1"
    with pytest.raises(UsageError, match="no collection is called 'x'; expected one of hr, vet"):
        group.select(["x"])


def test_a_group_of_one_is_like_the_collection(make_group):
    group = make_group({"hr": TEXTS["hr"]})
    hits = group.search(QUESTION, {}).hits
    assert list(hits) == group.first.search(QUESTION)
    assert hits[0].collection is None


def test_an_empty_collection_among_others_is_no_error(make_group):
    group = make_group({"none": {}, **TEXTS})
    found = group.search(QUESTION, {"k": 1})
    assert (found.hits[0].citation, found.merged_by) == ("hr:faq.txt#L1", "score")


def test_an_answer_cites_sources_of_all_collections(make_group):
    answer = last_answer(make_group(TEXTS).ask("How long may parents stay at home?", {}, llm=False))
    assert {hit.collection for hit in answer.hits} == {"hr", "vet"}
    assert answer.citations[0].citation == "hr:faq.txt#L1"


def test_names_that_a_citation_cannot_begin_with_are_refused(collection):
    with pytest.raises(UsageError, match="'a:b' is no name"):
        CollectionGroup({"a:b": collection})
    with pytest.raises(UsageError, match="expected one or more"):
        CollectionGroup({})
