"""Counts of documents by type, folder, year and tag."""

import os

import pytest

from ragkit.errors import UsageError


@pytest.fixture
def indexed(collection, folder):
    (folder / "sub" / "dogs.html").write_text(
        '<html><head><meta name="keywords" content="pets, dogs"></head><body><p>Dogs bark.</p>'
    )
    (folder / "[odd] * name").mkdir()
    (folder / "[odd] * name" / "a.txt").write_text("Something odd.\n")
    for path in folder.rglob("*.*"):
        os.utime(path, (1.7e9, 1.7e9))  # 2023
    os.utime(folder / "leave.txt", (1.5e9, 1.5e9))  # 2017
    collection.index(folder)
    return collection


def counts(facets):
    return {name: {value.label: value.documents for value in facets[name]} for name in facets}


def test_every_facet_counts_documents(indexed):
    assert counts(indexed.facets()) == {
        "type": {"txt": 3, "html": 1, "md": 1},
        "folder": {"sub": 2, "[odd] * name": 1},
        "date": {"2023": 4, "2017": 1},
        "tag": {"dogs": 1, "pets": 1},
    }


def test_each_value_has_the_filter_that_selects_its_documents(indexed):
    for facet in indexed.facets().values():
        for value in facet:
            hits = indexed.search("dogs cats keys home odd", k=50, where=value.where)
            assert len({hit.path for hit in hits}) == value.documents, value


def test_a_choice_limits_the_other_facets_and_not_its_own(indexed):
    found = indexed.facets(chosen={"folder": ['path ~ "sub/**"']})
    assert counts(found)["folder"] == {"sub": 2, "[odd] * name": 1}
    assert counts(found)["type"] == {"html": 1, "txt": 1}
    both = indexed.facets(chosen={"type": ["type = txt", "type = md"]})
    assert counts(both)["date"] == {"2023": 3, "2017": 1}
    assert counts(both)["type"]["html"] == 1


def test_a_typed_filter_limits_all_of_them_and_errors_are_told(indexed):
    assert counts(indexed.facets("mtime = 2017"))["type"] == {"txt": 1}
    assert counts(indexed.facets("page > 3"))["type"] == {}
    with pytest.raises(UsageError, match="expected a value"):
        indexed.facets("type =")
