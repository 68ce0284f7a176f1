"""Newer versions of documents: found by `index`, said by hits, preferred on request."""

import os
import time
from itertools import pairwise

import pytest

from ragkit import Collection, Settings, UsageError
from ragkit.storage.sqlite import documents

LEAVE = (
    "Parents stay at home for {} weeks after the birth of a child, on full pay, if they tell "
    "their manager in writing two months before, and return to the same desk.\n"
)
DAY = 86_400


@pytest.fixture
def notes(tmp_path, encoder):
    """Opens a collection of files: name → text; `age` in days by name."""
    opened = []

    def make(files, **ages):
        root = tmp_path / "notes"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            if (age := ages.get(path.stem)) is not None:
                then = time.time() - age * DAY
                os.utime(path, (then, then))
        if not opened:
            settings = Settings(passage_tokens=60, overlap=0.0)
            opened.append(Collection(tmp_path / "kit", settings=settings, encoder=encoder))
        opened[0].index(root)
        return opened[0]

    yield make
    for collection in opened:
        collection.close()


def newer(collection, query="parents stay at home", **options):
    hits = collection.search(query, k=20, **options)
    return {hit.path: hit.newer_version and hit.newer_version.path for hit in hits}


def test_a_hit_names_the_newest_version_of_its_document(notes):
    files = {f"leave-{year}.txt": LEAVE.format(year - 2000) for year in (2023, 2024, 2025)}
    files["chapter-1.txt"] = "Owls hunt at night in the old forest.\n"
    files["chapter-2.txt"] = "A saw cuts wooden planks in the workshop.\n"  # nothing in common
    collection = notes(files)
    assert newer(collection) == {
        "leave-2023.txt": "leave-2025.txt", "leave-2024.txt": "leave-2025.txt",
        "leave-2025.txt": None, "chapter-1.txt": None, "chapter-2.txt": None,
    }  # fmt: skip
    hit = next(h for h in collection.search("parents", k=9) if h.path == "leave-2023.txt")
    fields = hit.to_dict()["newer_version"]
    assert fields["path"] == "leave-2025.txt"
    (other,) = {
        h.document_id for h in collection.search("parents", k=9) if h.path == "leave-2025.txt"
    }
    assert fields["document_id"] == other


def test_versions_follow_changes_of_the_collection(notes, tmp_path):
    root = tmp_path / "notes"
    collection = notes({"leave-2023.txt": LEAVE.format(23), "leave-2024.txt": LEAVE.format(24)})
    notes({"leave-2025.txt": LEAVE.format(25)})
    assert newer(collection)["leave-2023.txt"] == "leave-2025.txt"
    (root / "leave-2025.txt").unlink()
    collection.index()
    assert newer(collection) == {"leave-2023.txt": "leave-2024.txt", "leave-2024.txt": None}
    (root / "leave-2024.txt").rename(root / "leave-2022.txt")  # the same text under another name
    collection.index()
    assert newer(collection) == {"leave-2022.txt": "leave-2023.txt", "leave-2023.txt": None}
    notes({"leave-2023.txt": "The kitchen has a new oven and two sinks for the cooks.\n"})
    assert newer(collection) == {"leave-2022.txt": None, "leave-2023.txt": None}


def test_duplicates_finds_the_versions_of_an_imported_collection(notes, tmp_path, encoder):
    collection = notes({"leave-2023.txt": LEAVE.format(23), "leave-2024.txt": LEAVE.format(24)})
    collection.export(tmp_path / "export")
    Collection.import_export(tmp_path / "export", tmp_path / "copy")
    with Collection(tmp_path / "copy", encoder=encoder) as copy:
        assert set(newer(copy).values()) == {None}
        copy.duplicates()
        assert newer(copy) == {"leave-2023.txt": "leave-2024.txt", "leave-2024.txt": None}


def test_copies_are_no_versions_and_times_decide_where_names_are_equal(notes):
    copy = {"a/plan.txt": LEAVE.format(5), "b/plan.txt": LEAVE.format(5)}
    collection = notes(copy)
    assert set(newer(collection).values()) == {None}
    notes({"c/roster.txt": LEAVE.format(7)}, roster=9)
    notes({"d/roster.txt": LEAVE.format(8)}, roster=1)
    found = newer(collection)
    assert (found["c/roster.txt"], found["d/roster.txt"]) == ("d/roster.txt", None)


def test_the_newest_version_is_preferred_and_what_only_an_older_one_has_is_kept(notes):
    extra = "The canteen serves soup on Fridays to all the staff of the house.\n"
    collection = notes(
        {
            "leave-2023.md": "# Leave\n\n" + LEAVE.format(23) + "\n# Canteen\n\n" + extra,
            "leave-2024.md": "# Leave\n\n" + LEAVE.format(24),
            "leave-2025.md": "# Leave\n\n" + LEAVE.format(24),  # the same text: one hit
            "other.txt": "Parents meet the teachers of their child at home.\n",
        }
    )
    question = "parents stay at home after the birth of a child"
    plain = collection.search(question, k=4)
    assert {hit.path for hit in plain} == {"leave-2023.md", "leave-2024.md", "other.txt"}
    for mode in ("dense", "hybrid", "lexical"):
        found = collection.search(question, k=4, mode=mode, prefer_new=True)
        assert found[0].path == "leave-2025.md" and found[0].newer_version is None
        assert [place.path for place in found[0].also_at] == ["leave-2024.md"]
    soup = collection.search("soup in the canteen on fridays", k=1, prefer_new=True)
    assert (soup[0].path, soup[0].newer_version.path) == ("leave-2023.md", "leave-2025.md")
    where = collection.search(question, k=4, where='path = "leave-2024.md"', prefer_new=True)
    assert [hit.path for hit in where] == ["leave-2024.md"]  # the filter comes first


def test_the_limit_per_document_counts_what_moved_to_a_newer_version(notes):
    sick = "Parents who look after a sick child stay at home on full pay for ten days.\n"
    collection = notes(
        {
            "leave-2023.md": "# Leave\n\n" + LEAVE.format(23),
            "leave-2024.md": "# Leave\n\n" + LEAVE.format(23) + "\n# Sick\n\n" + sick,
        }
    )
    question = "parents stay at home on full pay"
    assert len(collection.search(question, k=4, prefer_new=True)) == 2
    one = collection.search(question, k=4, per_document=1, prefer_new=True)
    assert [hit.path for hit in one] == ["leave-2024.md"]


def test_a_half_life_prefers_newer_files_and_never_decides_over_relevance(notes):
    text = "The gate opens at six and the guard checks every {}.\n"
    collection = notes(
        {"old.txt": text.format("lorry"), "new.txt": text.format("coach"),
         "far.txt": "Owls hunt at night in the old forest.\n"},
        old=1_000, new=1, far=0,
    )  # fmt: skip
    question = "The gate opens at six and the guard checks every lorry"
    assert [hit.path for hit in collection.search(question, k=3)][:2] == ["old.txt", "new.txt"]
    tied = "the gate opens at six"
    for mode in ("dense", "hybrid"):
        aged = collection.search(tied, k=3, mode=mode, half_life=30)
        assert [hit.path for hit in aged][:2] == ["new.txt", "old.txt"]
    exact = collection.search(question, k=3, half_life=30)
    assert [hit.path for hit in exact] == ["old.txt", "new.txt", "far.txt"]
    assert [hit.score for hit in exact] == sorted((h.score for h in exact), reverse=True)
    for days in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="half_life"):
            collection.search(question, half_life=days)


def test_chains_and_circles_of_versions_end(notes):
    collection = notes({f"memo-{n}.txt": f"{n}{n}{n} words about {n}.\n" for n in range(2, 7)})
    with collection._store.writing() as rows:
        ids = documents.all_ids(rows)
        chain = [*pairwise(ids), (ids[3], ids[1])]  # a damaged table
        documents.save_newer_versions(rows, chain, None)
    with collection._store.reading() as rows:
        found = documents.newer_versions(rows, ids)
    assert found[ids[0]] == ids[1:]
    assert ids[4] not in found and set(found[ids[2]]) == {ids[1], ids[3], ids[4]}
