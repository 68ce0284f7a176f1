"""Exports of ChatGPT and Claude: one document per conversation, only what was said."""

import json

from ragkit.documents.read import read_all


def _node(parent, role, text, **fields):
    message = {"author": {"role": role}, "content": {"parts": [text]}, **fields}
    return {"message": message, "parent": parent, "children": []}


CHATGPT = [
    {
        "title": "Starter",
        "create_time": 1714550000.12,
        "mapping": {
            "r": {"message": None, "parent": None},
            "s": _node("r", "system", "You are helpful"),
            "a": _node("s", "user", "When should I bake?"),
            "old": _node("a", "assistant", "A rejected answer"),
            "t": _node("a", "assistant", '{"query": 1}', recipient="browser"),
            "b": _node("t", "assistant", "At its peak.", recipient="all"),
        },
        "current_node": "b",
    }
]
CLAUDE = [
    {
        "uuid": "1",
        "name": "Lisbon",
        "created_at": "2024-05-01T10:00:00Z",
        "chat_messages": [
            {
                "text": "Three days?",
                "content": [{"type": "text", "text": "Three days?"}],
                "sender": "human",
                "attachments": [{"file_name": "a.txt", "extracted_content": "Budget 500"}],
            },
            {
                "text": "thinks aloud",
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "text", "text": "Day one."},
                ],
                "sender": "assistant",
            },
        ],
    },
    {"uuid": "2", "name": "", "created_at": None, "chat_messages": []},
]


def test_chatgpt_has_the_branch_that_was_shown_last():
    (record,) = read_all(json.dumps(CHATGPT).encode(), "conversations.json")
    assert (record.name, record.document.title) == ("1", "Starter")
    assert record.document.text == "user: When should I bake?\n\nassistant: At its peak."
    assert record.document.metadata == {"from": "user, assistant", "date": "2024-05-01T07:53:20Z"}


def test_claude_has_each_text_once_and_attached_text():
    first, second = read_all(json.dumps(CLAUDE, indent=1).encode(), "conversations.json")
    assert first.document.title == "Lisbon"
    assert first.document.text == ("user: Three days?\n\na.txt:\nBudget 500\n\nassistant: Day one.")
    assert (second.document.title, second.document.text) == (None, "")


def test_a_loop_of_parents_ends():
    looped = json.loads(json.dumps(CHATGPT))
    looped[0]["mapping"]["a"]["parent"] = "b"
    (record,) = read_all(json.dumps(looped).encode(), "conversations.json")
    assert record.document.text.endswith("assistant: At its peak.")


def test_other_json_with_such_a_key_stays_json():
    data = json.dumps([{"name": "index", "mapping": {"a": 1}}, {"name": "other"}]).encode()
    (record,) = read_all(data, "settings.json")
    assert record.document.media_type == "application/json"
    assert "other" in record.document.text
