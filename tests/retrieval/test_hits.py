"""Hits: merged spans, citations, and files that have changed."""

import zipfile

import pytest

from ragkit.records.hits import hit_fields


@pytest.fixture
def parts(collection, tmp_path):
    """Return the passage rows of a document of ten passages, and one of another document."""
    folder = tmp_path / "parts"
    folder.mkdir()
    paragraphs = [f"# Part {n}\n\nWord{n} stands here. Nothing else does." for n in range(10)]
    (folder / "parts.md").write_text("\n\n".join(paragraphs))
    (folder / "other.txt").write_text("Word3 again.")
    collection.index(folder)
    return collection


def test_extended_spans_that_touch_are_one_hit_with_the_best_scores(parts):
    plain = parts.search("word3 word4", k=3, mode="lexical", where="path = parts.md")
    assert [hit.heading for hit in plain] == [("Part 4",), ("Part 3",)]
    (hit,) = parts.search("word3 word4", k=3, mode="lexical", where="path = parts.md", context=1)
    assert (hit.passage_id, hit.scores) == (plain[0].passage_id, plain[0].scores)
    document = parts.get("parts.md").text
    assert hit.text == document[hit.start : hit.end]
    assert hit.text.startswith("# Part 2") and "Word5" in hit.text and "Word6" not in hit.text
    assert parts.get(hit.citation).text.strip() == hit.text.strip()


def test_distant_spans_and_other_documents_stay_separate(parts):
    hits = parts.search("word1 word8 word3", k=4, mode="lexical", context=1)
    assert [hit.rank for hit in hits] == [1, 2, 3]
    texts = {hit.path: [] for hit in hits}
    for hit in hits:
        texts[hit.path].append(hit.text)
    assert len(texts["other.txt"]) == 1
    low, high = sorted(texts["parts.md"])  # 0 to 2 and 2 to 4 are joined, 7 to 9 is apart
    assert "Word0" in low and "Word4" in low and "Word5" not in low
    assert "Word7" in high and "Word9" in high


@pytest.fixture
def copies(collection, tmp_path):
    """Return a collection in which three files and a member of an archive have one text."""
    folder = tmp_path / "copies"
    (folder / "old").mkdir(parents=True)
    text = "# Leave\n\nParents may stay at home for 26 weeks."
    for name in ("leave.md", "old/leave.md", "old/copy.md"):
        (folder / name).write_text(text)
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("leave.md", text)
    (folder / "other.md").write_text("# Travel\n\nParents travel for weeks.")
    collection.index(folder)
    return collection


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_the_same_text_in_several_files_is_one_hit_with_several_locations(copies, mode):
    hits = copies.search("parents weeks", k=2, mode=mode)
    assert len({hit.text for hit in hits}) == 2
    (leave,) = [hit for hit in hits if "stay" in hit.text]
    places = (leave, *leave.also_at)
    names = ["all.zip/leave.md", "leave.md", "old/copy.md", "old/leave.md"]
    assert sorted(place.path for place in places) == names
    assert leave.copies == 3
    for place in places:
        assert copies.get(place.citation).text == leave.text
    (travel,) = [hit for hit in hits if hit is not leave]
    assert (travel.also_at, travel.copies) == ((), 0)


def test_a_filter_applies_to_each_location(copies):
    (hit,) = copies.search("parents weeks", where="path ~ 'old/**'")
    assert {hit.path, *(place.path for place in hit.also_at)} == {"old/copy.md", "old/leave.md"}
    (alone,) = copies.search("parents weeks", where="path = leave.md")
    assert (alone.path, alone.also_at, alone.copies) == ("leave.md", (), 0)


def test_each_location_says_whether_its_file_has_changed(copies, tmp_path):
    (tmp_path / "copies/old/copy.md").unlink()
    hit = copies.search("stay home", k=1)[0]
    stale = {place.path: place.stale for place in (hit, *hit.also_at)}
    assert [path for path, is_stale in stale.items() if is_stale] == ["old/copy.md"]


def test_locations_in_json_name_no_folder_for_callers_over_http(copies):
    hit = copies.search("stay home", k=1)[0]
    assert {place["root"] for place in hit.to_dict()["also_at"]} == {hit.root}
    fields = hit_fields(hit, with_root=False)
    assert [set(place) & {"root", "citation"} for place in fields["also_at"]] == 3 * [{"citation"}]


def test_copies_take_no_place_of_other_hits(collection, tmp_path):
    for number in range(30):
        (tmp_path / f"{number}.txt").write_text("A licence of weeks.")
    (tmp_path / "other.txt").write_text("The weeks of a year, and much that is not about it.")
    collection.index(sorted(tmp_path.glob("*.txt")))
    hits = collection.search("licence weeks", k=2)
    assert [hit.copies for hit in hits] == [29, 0]
