"""Chat completions, by OpenAI's own client."""

import re

import pytest

openai = pytest.importorskip("openai", reason="the client is not installed")

from ragkit.serving.api.openai_messages import MAX_HISTORY, parse_messages  # noqa: E402
from ragkit.serving.transport.json_http import ApiError  # noqa: E402

LEAVE = "Parents may stay at home for half a year."
MESSAGES = [{"role": "user", "content": "who may stay at home?"}]


def test_a_chat_completion_has_citations_and_sources(openai_client):
    response = openai_client.chat.completions.create(
        model="default", messages=MESSAGES, temperature=0
    )
    text = response.choices[0].message.content
    assert text.startswith(LEAVE)
    assert "[1] leave.txt#L1" in text
    assert response.choices[0].finish_reason == "stop"
    assert response.model_extra["ragkit"]["answerable"]


def test_a_streamed_chat_completion_has_the_same_text(openai_client):
    complete = openai_client.chat.completions.create(model="default", messages=MESSAGES)
    chunks = list(
        openai_client.chat.completions.create(
            model="default", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == complete.choices[0].message.content
    assert chunks[-1].usage == complete.usage
    with openai_client.chat.completions.stream(model="default", messages=MESSAGES) as stream:
        assert stream.get_final_completion().choices[0].message.content == text


def test_tokens_are_counted_without_a_language_model(openai_client):
    usage = openai_client.chat.completions.create(model="default", messages=MESSAGES).usage
    answer = openai_client.chat.completions.create(model="default", messages=MESSAGES)
    text = answer.choices[0].message.content.partition("\n\nSources:")[0]
    # The fake encoder counts words and punctuation marks.
    assert usage.prompt_tokens == len(re.findall(r"\w+|[^\w\s]", MESSAGES[0]["content"]))
    assert usage.completion_tokens == len(re.findall(r"\w+|[^\w\s]", text))
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_messages_of_an_agent_with_tools_are_accepted(openai_client):
    call = {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    messages = [
        *MESSAGES,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "noon"},
    ]
    response = openai_client.chat.completions.create(model="default", messages=messages)
    assert response.choices[0].message.content.startswith(LEAVE)


def test_of_a_long_conversation_the_oldest_messages_are_dropped(openai_client):
    turn = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "Hello."}]
    response = openai_client.chat.completions.create(
        model="default", messages=[*turn * 300, *MESSAGES]
    )
    assert response.choices[0].message.content.startswith(LEAVE)


def test_the_title_of_a_conversation_is_not_searched_for(openai_client, library, monkeypatch):
    monkeypatch.setattr(library["default"].collection, "ask_stream", None)
    prompt = (
        "Write a short title for this conversation.\n\nUser: who may stay at home?\nAI: Parents."
    )
    request = {"model": "default", "messages": [{"role": "user", "content": prompt}]}
    response = openai_client.chat.completions.create(**request)
    assert response.choices[0].message.content == "Who may stay at home"
    chunks = openai_client.chat.completions.create(**request, stream=True)
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["Who may stay at home"]


def test_earlier_messages_become_the_history(openai_client, library, monkeypatch):
    calls = []
    collection = library["default"].collection
    plain = collection.ask_stream

    def ask_stream(question, *, history, **how):
        calls.append((question, [(turn.question, turn.answer) for turn in history]))
        return plain(question, history=(), **how)

    monkeypatch.setattr(collection, "ask_stream", ask_stream)
    openai_client.chat.completions.create(
        model="default",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "who stays?"}]},
            {"role": "assistant", "content": "Parents. [1]\n\nSources:\n[1] leave.txt#L1"},
            {"role": "user", "content": "how long at home?"},
        ],
    )
    assert calls == [("how long at home?", [("who stays?", "Parents. [1]")])]


@pytest.mark.parametrize(
    "messages",
    [[{"role": "assistant", "content": "x"}], [{"role": "user", "content": " "}],
     [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]],
)  # fmt: skip
def test_a_chat_without_a_question_is_refused(openai_client, messages):
    with pytest.raises(openai.BadRequestError):
        openai_client.chat.completions.create(model="default", messages=messages)


def test_a_question_that_is_too_long_is_refused():
    with pytest.raises(ApiError, match="8,001 characters; expected 8,000 at most"):
        parse_messages([{"role": "user", "content": "x" * 8001}])


def test_only_the_last_turns_are_history():
    turns = [
        {"role": role, "content": f"{role} {number}"}
        for number in range(MAX_HISTORY + 5)
        for role in ("user", "assistant")
    ]
    question, history = parse_messages([*turns, {"role": "user", "content": "and now?"}])
    assert question == "and now?"
    assert (history[0].question, history[0].answer) == ("user 5", "assistant 5")
    assert len(history) == MAX_HISTORY
