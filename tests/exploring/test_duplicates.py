"""Near-duplicates of a folder: which passages and documents, and what differs."""

from __future__ import annotations

import pytest

from ragkit import UsageError

TEXT = (
    "Parents of newborn children may stay at home for up to 26 weeks in the first two years, on "
    "full pay, if they tell their manager in writing before the birth of the child."
)


@pytest.fixture
def filled(collection, folder):
    (folder / "rules-2023.md").write_text(f"{TEXT}\n")
    (folder / "rules-2024.md").write_text(f"{TEXT.replace('26', '24')}\n")
    (folder / "no.md").write_text(f"{TEXT.replace('may stay', 'may not stay')}\n")
    (folder / "sub" / "copy.md").write_text(f"{TEXT}\n")
    collection.index(folder)
    return collection


def test_groups_name_what_differs(filled, encoder):
    report = filled.duplicates(0.9)
    assert (report.group_count, report.passages) == (1, 3 + 4)  # the copy counts once
    (group,) = report.groups
    first, *others = group
    assert first.difference is None
    by_path = {member.passage.path: member for member in group}
    assert set(by_path) == {"rules-2023.md", "rules-2024.md", "no.md"}
    assert [place.path for place in by_path["rules-2023.md"].passage.also_at] == ["sub/copy.md"]
    for member in others:
        a, b = encoder.encode_passages([first.passage.text, member.passage.text])
        assert member.passage.score == pytest.approx(float(a @ b), abs=1e-5)
    changes = {path: m.difference.changes for path, m in by_path.items() if m.difference}
    lead = first.passage.path
    assert changes == {
        "rules-2023.md": {"rules-2024.md": ("numbers",), "no.md": ("negation",)},
        "rules-2024.md": {"rules-2023.md": ("numbers",), "no.md": ("numbers", "negation")},
        "no.md": {"rules-2023.md": ("negation",), "rules-2024.md": ("numbers", "negation")},
    }[lead] or changes == {p: c for p, c in changes.items() if p != lead}
    assert all(change for change in changes.values())  # none is declared equal


def test_documents_that_share_their_passages(filled):
    pairs = {(p.path, p.other_path): p for p in filled.duplicates(0.9).documents}
    assert pairs["rules-2023.md", "rules-2024.md"].relation == "version"
    assert pairs["rules-2023.md", "sub/copy.md"].relation == "identical"
    assert {p.relation for names, p in pairs.items() if "no.md" in names} == {"similar"}
    assert not any("leave.txt" in names for names in pairs)


def test_a_higher_bound_finds_less_and_only_copies_at_the_end(filled):
    report = filled.duplicates(1.0)
    assert [[m.passage.path for m in group] for group in report.groups] == [["rules-2023.md"]]
    assert report.groups[0][0].passage.copies == 1


def test_a_document_contained_in_another(collection, folder):
    def part(word):  # one passage each
        return " ".join(f"{word}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz") + ".\n\n"

    (folder / "short.txt").write_text("".join(map(part, ("lake", "hill", "road"))))
    (folder / "long.txt").write_text("".join(map(part, ("lake", "hill", "road", "tree", "sky"))))
    collection.index(folder)
    (pair,) = collection.duplicates(0.97).documents
    assert (pair.path, pair.other_path, pair.relation) == ("short.txt", "long.txt", "contained")
    assert (pair.shared, pair.other_shared) == (1, 0.6)


def test_an_empty_collection_and_values_out_of_range(collection):
    assert collection.duplicates().groups == ()
    with pytest.raises(UsageError, match="min_score is 2"):
        collection.duplicates(2)
    with pytest.raises(UsageError, match="limit is 0"):
        collection.duplicates(limit=0)


def test_documents_of_the_same_path_in_two_roots_are_told_apart(collection, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rules.md").write_text(f"{TEXT}\n")
    collection.index([tmp_path / "first", tmp_path / "second"])
    with collection._store.writing() as connection:
        connection.execute("UPDATE files SET mtime_ns = NULL WHERE id = 1")  # read again next time
    (pair,) = collection.duplicates().documents
    assert {pair.path, pair.other_path} == {"first/rules.md", "second/rules.md"}
    assert pair.relation == "identical"
