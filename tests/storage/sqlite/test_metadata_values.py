"""Elements of lists, and dates in any notation, in documents' metadata."""

import datetime

import pytest

from ragkit.storage.sqlite.metadata_values import has_element, has_number, instant

MIDNIGHT = datetime.datetime(2024, 3, 5, tzinfo=datetime.UTC).timestamp()
LATE = datetime.datetime(2024, 3, 6, 4, 30, tzinfo=datetime.UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    ["2024-03-05", "2024-3-5", "2024/03/05", "20240305", "05.03.2024", "5. 3. 2024", "5 March 2024",
     "5th March 2024", "Mar 5, 2024", "March 5 2024", "2024-03-05T00:00:00Z",
     "2024-03-05 00:00 UTC",
     "2024-03-05T01:00+01:00", " 2024-03-05 "],
)  # fmt: skip
def test_one_day_in_many_notations(text):
    assert instant(text) == MIDNIGHT


@pytest.mark.parametrize(
    "text",
    ["2024-03-05T23:30:00-05:00", "2024-03-06T04:30:00Z", "2024-03-06 04:30:00.000",
     "20240306T043000Z", "Tue, 05 Mar 2024 23:30:00 -0500", "2024-03-06T10:00:00+05:30"],
)  # fmt: skip
def test_one_instant_in_many_notations(text):
    assert instant(text) == LATE


@pytest.mark.parametrize(
    "text",
    ["", "soon", "03/05/2024", "2024-13-01", "2024-02-30", "v1.2.3", "12", "1.2.3", "Room 5, 2024x",
     "12:30", "99999999"],
)  # fmt: skip
def test_no_dates(text):
    assert instant(text) is None


def test_a_list_has_its_elements():
    assert has_element("water, bird", "bird")
    assert has_element("water; bird", "water")
    assert has_element("water, bird", "water, bird")
    assert not has_element("water, birds", "bird")
    assert has_number("2023, 2024", 2024.0)
    assert not has_number("2023", 2024.0)


NOTES = {
    "a.md": "---\ntags: [water, bird]\ndate: 2024-03-05\n---\nHerons nest by the lake. a",
    "b.md": "---\ntags:\n  - water\nsubject: Lakes, rivers\n---\nHerons nest by the lake. b",
    "c.md": "---\ntags: water, bird\ndate: 2024-03-05T23:30:00-05:00\n---\nHerons nest. c",
    "g.md": "---\ntags: bird\ndate: 5 March 2024\n---\nHerons nest by the lake. g",
    "none.md": "Herons nest by the lake. none",
}


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("tags = bird", "acg"),
        ("tags != water", "gn"),
        ("tags in (bird, water)", "abcg"),
        ("tags not in (bird)", "bn"),
        ("tags = birds", ""),
        ('tags = "water, bird"', "ac"),
        ("subject = rivers", ""),
        ('subject = "Lakes, rivers"', "b"),
        ("date = 2024-03-05", "ag"),
        ("date = 2024-03-06", "c"),
        ("date > 2024-03-05", "c"),
        ("date < 2024-03-06T04:30:00Z", "ag"),
        ("date >= 2024-03-05T23:30:00-05:00", "c"),
        ("date >= 2024-03", "acg"),
    ],
)
def test_filters_by_lists_and_dates(collection, tmp_path, where, names):
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, text in NOTES.items():
        (folder / name).write_text(text)
    collection.index(folder)
    hits = collection.search("herons", k=9, where=where)
    assert sorted(hit.path for hit in hits) == [name for name in NOTES if name[0] in names]
