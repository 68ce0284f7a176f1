"""Background tasks of chat clients, in the shapes in which clients send them."""

import json

import pytest

from ragkit.serving.api.client_tasks import answer_client_task, make_title

HISTORY = "<chat_history>\nUSER: how do I rotate the signing keys of the vault?\nASSISTANT: So.\n"


@pytest.mark.parametrize(
    ("messages", "answer"),
    [
        ([("user", "### Task:\nGenerate a concise title summarizing the chat history.\n"
                   '### Output:\nJSON: { "title": "..." }\n### Chat History:\n' + HISTORY)],
         '{"title": "How do I rotate the signing…"}'),
        ([("user", "Generate 1-3 broad tags for the chat history.\n"
                   'JSON: { "tags": ["a"] }\n' + HISTORY)], '{"tags": []}'),
        ([("user", "Suggest 3 relevant follow-up questions to this chat.\n" + HISTORY)],
         '{"follow_ups": []}'),
        ([("user", "Provide a concise title for the conversation. Only return the title.\n\n"
                   "Conversation:\nUser: leave rules\nAI: Half a year.")], "Leave rules"),
        ([("user", "who may stay at home?"), ("assistant", "Parents."),
          ("user", "Please write a short title for our conversation above.")],
         "Who may stay at home"),
    ],
)  # fmt: skip
def test_tasks_are_answered_from_the_conversation(messages, answer):
    assert answer_client_task(messages) == answer


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [("user", "what is the title of chapter 3?")],
        [("user", "how do I give a conversation a title?")],
        [("user", "create a table with a title column")],
        [
            ("user", "who may stay at home?"),
            ("assistant", "Parents."),
            ("user", "and for how long?"),
        ],
        [("user", "which tags does the chat server support?")],
    ],
)
def test_questions_are_not_tasks(messages):
    assert answer_client_task(messages) is None


def test_a_json_answer_is_json_whatever_the_question_contains():
    prompt = 'Generate a title for this chat. JSON: {"title": ""}\nUSER: what is "x" in C:\\temp?'
    assert json.loads(answer_client_task([("user", prompt)]))["title"] == 'What is "x" in C:\\temp'


def test_a_title_is_one_line_of_few_words():
    assert make_title("  how do\nwe  rotate keys?  ") == "How do we rotate keys"
    assert make_title("a b c d e f g") == "A b c d e f…"
