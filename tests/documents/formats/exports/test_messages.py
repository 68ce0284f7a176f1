"""Messages become one document per day."""

from ragkit.documents.formats.exports.messages import ChatMessage, chat_members, clean_name
from ragkit.documents.unpacking.limits import Budget


def test_each_day_is_a_document():
    messages = [
        ChatMessage("Jane  Roe", "2024-03-12T10:00", "One"),
        ChatMessage("", "2024-03-12T11:00", "Two"),
        ChatMessage("Jane Roe", "2024-03-13", "  "),
        ChatMessage("Max", "", "Three"),
    ]
    one, two = chat_members("Team", messages, "text/x-test", Budget(), "team")
    assert (one.name, one.document.text) == ("team/2024-03-12", "Jane Roe: One\n\nunknown: Two")
    assert one.document.title == "Team, 2024-03-12"
    assert one.document.metadata == {
        "from": "Jane Roe, unknown", "date": "2024-03-12", "channel": "Team",
    }  # fmt: skip
    assert (two.name, two.document.title) == ("team/undated", "Team")


def test_a_name_is_one_short_line():
    assert clean_name(" a\n b ") == "a b"
    assert clean_name(7) == ""
