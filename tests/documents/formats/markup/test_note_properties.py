"""Properties of note programs in Markdown become metadata; lines keep their numbers."""

import pytest

from ragkit.documents.read import read

ID = "0123456789abcdef0123456789abcdef"


def test_notion_properties_are_metadata():
    fields = "Status: Done\nTags: home, work\nCreated: March 12, 2024\nAssignee: Max"
    text = f"# Task\n\n{fields}\n\nDo: it.\n"
    document = read(text.encode(), f"Task {ID}.md")
    assert document.metadata == {
        "status": "Done", "tags": "home, work", "created": "March 12, 2024", "assignee": "Max",
        "date": "March 12, 2024", "from": "Max",
    }  # fmt: skip
    assert (document.title, document.text.split("\n")[7]) == ("Task", "Do: it.")
    assert "Status" not in document.text
    assert read(text.encode(), "Task.md").metadata == {}


def test_a_paragraph_in_notion_is_no_property():
    text = "# Task\n\nNote: this is text\nthat goes on.\n"
    assert read(text.encode(), f"Task {ID}.md").metadata == {}


@pytest.mark.parametrize("mark", ["", "- "])
def test_logseq_properties_are_metadata(mark):
    document = read(f"{mark}tags:: [[bird]], #tree\ntype:: note\n\n- A: b\n".encode(), "a.md")
    assert document.metadata == {"tags": "bird, tree", "type": "note"}
    assert document.text.strip() == "- A: b"
    assert document.text.split("\n")[3] == "- A: b"


def test_joplin_fields_are_metadata():
    text = (
        "Shopping\n\nMilk\n\nid: 1\nparent_id: 2\ncreated_time: 2024-03-12T10:00:00.000Z\n"
        "author: Jane\nsource_url: \ntype_: 1"
    )
    document = read(text.encode(), "abc.md")
    assert document.metadata == {"date": "2024-03-12T10:00:00.000Z", "from": "Jane"}
    assert document.text.strip() == "Shopping\n\nMilk"


def test_plain_markdown_stays_as_it_is():
    text = "# A\n\nName: value\n\ntype_: 1\n"
    document = read(text.encode(), "a.md")
    assert (document.text, document.metadata) == (text, {})


def test_long_values_stay_in_the_text_and_repeated_ones_are_joined():
    summary = "summary:: " + "word " * 200 + "end"
    document = read(f"tags:: a\ntags:: b\n{summary}\n\nText".encode(), "a.md")
    assert document.metadata == {"tags": "a, b"}
    assert document.text == f"\n\n{summary}\n\nText"


def test_a_name_with_two_colons_is_no_property():
    text = "std::vector is a container\n\nText"
    document = read(text.encode(), "a.md")
    assert (document.text, document.metadata) == (text, {})
