"""Which texts are chats: by their lines, and by their names or authors."""

import pytest

from ragkit.documents.chat_lines import is_chat

LINE = "12/03/2024, 20:13 - Jane Roe: Hi\n"


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (LINE, "WhatsApp Chat with Jane.txt", True),
        (LINE, "a/_chat.txt", True),
        (LINE, "note.txt", False),
        (3 * LINE, "note.txt", True),
        (3 * "2024-03-12, 20:13:01 - INFO: started\n", "a.log", False),
        (3 * "2024-03-12 20:13 - worker: started\n", "a.log", False),
        ("A title\n" + 3 * LINE, "WhatsApp.txt", False),
        ("", "WhatsApp.txt", False),
    ],
)
def test_a_chat_is_recognised(head, name, expected):
    assert is_chat(head, name) is expected
