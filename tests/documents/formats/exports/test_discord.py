"""Discord channels, in the form that DiscordChatExporter writes."""

import json

from ragkit.documents.read import read_all

JANE = {"id": "1", "name": "jane", "nickname": "Jane Roe", "isBot": False}
EXPORT = {
    "guild": {"id": "0", "name": "Makers", "iconUrl": "x"},
    "channel": {"id": "9", "type": "GuildTextChat", "category": "Text", "name": "general"},
    "dateRange": {"after": None, "before": None},
    "messages": [
        {"id": "1", "type": "Default", "timestamp": "2024-03-12T10:00:00+00:00", "author": JANE,
         "content": "Is <@2> here? <a:wave:123>", "attachments": [{"fileName": "plan.pdf"}],
         "embeds": [{"title": "A page", "description": "About it"}],
         "mentions": [{"id": "2", "name": "max", "nickname": "Max"}]},
        {"id": "2", "type": "ChannelPinnedMessage", "timestamp": "2024-03-12T10:01:00+00:00",
         "author": JANE, "content": "Pinned a message.", "attachments": [], "embeds": []},
        {"id": "3", "type": "Reply", "timestamp": "2024-03-13T10:00:00+00:00",
         "author": {"id": "2", "name": "max"}, "content": "Yes", "attachments": []},
    ],
    "messageCount": 3,
}  # fmt: skip


def test_a_channel_is_a_document_per_day():
    days = {
        record.name: record.document
        for record in read_all(json.dumps(EXPORT).encode(), "Makers - general.json")
    }
    assert set(days) == {"2024-03-12", "2024-03-13"}
    first = days["2024-03-12"]
    assert first.text == "Jane Roe: Is @Max here? :wave:\nA page\nAbout it\nplan.pdf"
    assert first.title == "Makers #general, 2024-03-12"
    assert first.metadata["from"] == "Jane Roe"
    assert days["2024-03-13"].text == "Max: Yes"


def test_other_json_is_read_as_json():
    data = b'{"guild": {"id": "1"}, "channel": {"id": "2"}}'
    (record,) = read_all(data, "a.json")
    assert "guild" in record.document.text


def test_embeds_are_read_with_their_fields():
    embed = {"author": {"name": "CI"}, "title": "Build", "footer": {"text": "took a minute"},
             "fields": [{"name": "Version", "value": "8.1"}]}  # fmt: skip
    message = {**EXPORT["messages"][0], "content": "", "attachments": [], "embeds": [embed]}
    (record,) = read_all(json.dumps({**EXPORT, "messages": [message]}).encode(), "a.json")
    assert record.document.text == "Jane Roe: CI\nBuild\nVersion: 8.1\ntook a minute"
