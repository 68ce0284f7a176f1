"""Telegram exports, in the form that Telegram Desktop writes."""

import json

from ragkit.documents.read import read_all

CHAT = {
    "name": "Hiking", "type": "private_group", "id": 1,
    "messages": [
        {"id": 1, "type": "service", "date": "2024-03-12T09:00:00", "actor": "Jane",
         "action": "create_group", "text": ""},
        {"id": 2, "type": "message", "date": "2024-03-12T10:00:00", "from": "Jane Roe",
         "from_id": "user1", "text": ["See ", {"type": "text_link", "text": "the map",
         "href": "https://example.org/map"}, {"type": "mention", "text": " @max"}]},
        {"id": 3, "type": "message", "date": "2024-03-13T10:00:00", "from": "Max", "text": "",
         "file": "files/plan.pdf", "file_name": "plan.pdf",
         "poll": {"question": "When?", "answers": [{"text": "Saturday", "voters": 1}]}},
    ],
}  # fmt: skip


def records(value):
    return {
        record.name: record.document
        for record in read_all(json.dumps(value).encode(), "result.json")
    }


def test_one_chat_is_a_document_per_day():
    days = records(CHAT)
    assert days["2024-03-12"].text == "Jane Roe: See the map (https://example.org/map) @max"
    assert days["2024-03-12"].metadata == {
        "from": "Jane Roe", "date": "2024-03-12", "channel": "Hiking",
    }  # fmt: skip
    assert days["2024-03-13"].text == "Max: When?\n- Saturday\nplan.pdf"
    assert len(days) == 2


def test_all_chats_are_in_folders_of_their_names():
    other = {**CHAT, "name": None, "type": "saved_messages", "messages": CHAT["messages"][1:2]}
    export = {"about": "Here is the data you requested. Telegram keeps …", "chats": {
        "about": "", "list": [CHAT, other]}}  # fmt: skip
    assert set(records(export)) == {
        "Hiking/2024-03-12", "Hiking/2024-03-13", "saved messages/2024-03-12",
    }  # fmt: skip


def test_other_json_is_read_as_json():
    assert records({"type": "private_group", "name": "x"})[""].text.startswith("type: private")


def test_an_export_without_messages_is_read_as_json():
    chat = {"type": "private_group", "messages": [{"text": "hello world"}]}
    assert "hello world" in records(chat)[""].text


def test_contacts_and_places_are_read():
    more = (
        {"contact_information": {"first_name": "Max", "last_name": "", "phone_number": "+49 1"}},
        {"location_information": {}, "place_name": "Hut", "address": "Main St"},
    )
    messages = [{**CHAT["messages"][1], "text": "", **fields} for fields in more]
    (document,) = records({**CHAT, "messages": messages}).values()
    assert document.text == "Jane Roe: Max +49 1\n\nJane Roe: Hut\nMain St"
