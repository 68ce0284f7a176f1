"""OpenAI's client for Python against `ragkit serve`."""

import base64
import struct

import openai
from checking import ANSWER, MODEL_URL, QUESTION, SEVERAL_URL, URL, check, raises, run
from pydantic import BaseModel

one = openai.OpenAI(base_url=URL, api_key="none", max_retries=0)
model = openai.OpenAI(base_url=MODEL_URL, api_key="none", max_retries=0)
several = openai.OpenAI(base_url=SEVERAL_URL, api_key="none", max_retries=0)
ASKED = [{"role": "user", "content": QUESTION}]
STORE = {"type": "file_search", "vector_store_ids": ["default"]}
BOTH = {"type": "file_search", "vector_store_ids": ["handbook", "recipes"]}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
FUNCTION = {"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": False}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
RESULTS = ["file_search_call.results"]


class Leave(BaseModel):
    duration: str
    weeks: int


def chat(messages=ASKED, client=one, **options):
    return client.chat.completions.create(model="default", messages=messages, **options)


def respond(asked=QUESTION, client=one, **options):
    return client.responses.create(model="default", input=asked, **options)


@check
def models_list():
    assert "default" in [item.id for item in one.models.list()]


@check
def models_retrieve():
    assert one.models.retrieve("default").object == "model"


@check
def unknown_model_is_404():
    raises(openai.NotFoundError, lambda: one.models.retrieve("other"), "does not exist")


@check
def unknown_model_in_chat_is_404():
    raises(openai.NotFoundError, lambda: one.chat.completions.create(model="other", messages=ASKED))


@check
def embeddings_of_one_text():
    result = one.embeddings.create(model="default", input="keys")
    assert len(result.data[0].embedding) == 384
    assert result.usage.prompt_tokens > 0


@check
def embeddings_of_a_list_in_order():
    result = one.embeddings.create(model="default", input=["keys", "soup", "keys"])
    assert [item.index for item in result.data] == [0, 1, 2]
    assert result.data[0].embedding == result.data[2].embedding


@check
def embeddings_as_base64():
    raw = one.embeddings.create(model="default", input="keys", encoding_format="base64")
    assert len(struct.unpack("<384f", base64.b64decode(raw.data[0].embedding))) == 384


@check
def embeddings_of_257_texts():
    assert len(one.embeddings.create(model="default", input=["x"] * 257).data) == 257


@check
def embeddings_of_2048_texts():
    assert len(one.embeddings.create(model="default", input=["x"] * 2048).data) == 2048


@check
def embeddings_of_2049_texts_are_refused():
    error = raises(
        openai.BadRequestError, lambda: one.embeddings.create(model="default", input=["x"] * 2049)
    )
    assert "2,049" in str(error)


@check
def embeddings_of_two_megabytes():
    assert len(one.embeddings.create(model="default", input=["word " * 2_000] * 200).data) == 200


@check
def token_arrays_are_refused_with_the_reason():
    raises(
        openai.BadRequestError,
        lambda: one.embeddings.create(model="default", input=[1, 2, 3]),
        "token arrays",
    )


@check
def embeddings_with_null_fields():
    one.embeddings.create(model="default", input="x", extra_body={"dimensions": None, "user": None})


@check
def embeddings_with_another_dimension_are_refused():
    raises(
        openai.BadRequestError,
        lambda: one.embeddings.create(model="default", input="x", dimensions=7),
    )


@check
def null_input_is_called_null():
    error = raises(
        openai.BadRequestError, lambda: one.embeddings.create(model="default", input=None)
    )
    assert "null" in str(error)
    assert "None" not in error.body["message"]


@check
def vector_stores_list():
    assert [store.id for store in several.vector_stores.list()] == ["handbook", "recipes"]


@check
def vector_stores_retrieve():
    assert one.vector_stores.retrieve("default").file_counts.completed == 4


@check
def vector_store_search():
    assert ANSWER in one.vector_stores.search("default", query=QUESTION).data[0].content[0].text


@check
def vector_store_search_of_several_queries():
    found = one.vector_stores.search("default", query=["parents", "signing keys"]).data
    assert {"leave.md", "keys.md"} <= {item.filename for item in found}


@check
def vector_store_search_at_most_one_result():
    assert len(one.vector_stores.search("default", query="x", max_num_results=1).data) == 1


@check
def vector_store_search_with_a_filter():
    same = {"type": "eq", "key": "path", "value": "keys.md"}
    found = one.vector_stores.search("default", query="x", filters=same).data
    assert {item.filename for item in found} == {"keys.md"}


@check
def vector_store_search_with_a_compound_filter():
    a = {"type": "eq", "key": "path", "value": "keys.md"}
    b = {"type": "eq", "key": "path", "value": "leave.md"}
    both = {"type": "or", "filters": [a, b]}
    found = one.vector_stores.search("default", query="x", filters=both).data
    assert {item.filename for item in found} == {"keys.md", "leave.md"}


@check
def vector_store_search_with_a_threshold():
    options = {"ranking_options": {"score_threshold": 0.99}}
    assert one.vector_stores.search("default", query="x", **options).data == []


@check
def vector_store_search_with_null_fields():
    fields = {"filters": None, "max_num_results": None, "ranking_options": None}
    assert one.vector_stores.search("default", query="x", extra_body=fields).data


@check
def attributes_have_the_type():
    attributes = one.vector_stores.search("default", query=QUESTION).data[0].attributes
    assert attributes["type"] == "text/markdown"


@check
def attributes_can_be_filtered():
    first = one.vector_stores.search("default", query=QUESTION).data[0]
    for name in ("path", "title", "type", "size", "mtime"):
        same = {"type": "eq", "key": name, "value": first.attributes[name]}
        found = one.vector_stores.search("default", query="x", filters=same).data
        assert first.filename in {item.filename for item in found}, name


@check
def an_unknown_store_is_404():
    raises(openai.NotFoundError, lambda: one.vector_stores.search("other", query="x"))


@check
def store_files_list_in_pages():
    files = list(one.vector_stores.files.list("default", limit=2))
    assert len(files) == 4


@check
def store_files_retrieve():
    file = next(iter(one.vector_stores.files.list("default")))
    assert one.vector_stores.files.retrieve(file.id, vector_store_id="default").id == file.id


@check
def store_files_content():
    first = one.vector_stores.search("default", query=QUESTION).data[0]
    page = one.vector_stores.files.content(first.file_id, vector_store_id="default")
    assert ANSWER in page.data[0].text


@check
def files_list():
    assert len(list(one.files.list())) == 4


@check
def files_list_in_pages():
    assert len(list(several.files.list(limit=1))) == 6


@check
def files_retrieve():
    first = one.vector_stores.search("default", query=QUESTION).data[0]
    assert one.files.retrieve(first.file_id).filename == "leave.md"


@check
def files_content():
    first = one.vector_stores.search("default", query=QUESTION).data[0]
    assert ANSWER in one.files.content(first.file_id).text


@check
def files_of_several_stores():
    found = several.vector_stores.search("recipes", query="dough").data[0]
    assert "Knead" in several.files.content(found.file_id).text


@check
def an_unknown_file_is_404():
    raises(openai.NotFoundError, lambda: one.files.retrieve("file-999"))


@check
def chat_answers_with_sources():
    text = chat().choices[0].message.content
    assert ANSWER in text
    assert "leave.md" in text


@check
def chat_finish_reason():
    assert chat().choices[0].finish_reason == "stop"


@check
def chat_usage_without_a_model():
    usage = chat().usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0


@check
def chat_usage_of_the_model():
    assert chat(client=model).usage.prompt_tokens == 321


@check
def chat_streams_the_same_text():
    parts = [chunk.choices[0].delta.content or "" for chunk in chat(stream=True) if chunk.choices]
    assert "".join(parts) == chat().choices[0].message.content


@check
def chat_stream_with_usage():
    *_, last = chat(stream=True, stream_options={"include_usage": True})
    assert last.usage.total_tokens > 0


@check
def chat_stream_helper():
    with one.chat.completions.stream(model="default", messages=ASKED) as stream:
        assert ANSWER in stream.get_final_completion().choices[0].message.content


@check
def chat_stream_of_line_separators():
    asked = [{"role": "user", "content": "where does the printer print in colour?"}]
    parts = [chunk.choices[0].delta.content or "" for chunk in chat(asked, stream=True)]
    assert "printer" in "".join(parts)


@check
def chat_content_parts():
    chat([{"role": "user", "content": [{"type": "text", "text": QUESTION}]}])


@check
def chat_images_are_refused():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    raises(openai.BadRequestError, lambda: chat([{"role": "user", "content": [image]}]))


@check
def chat_assistant_content_null_with_tool_calls():
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "sunny"}
    chat([*ASKED, called, result, *ASKED])


@check
def chat_ends_with_the_result_of_a_tool():
    called = {"role": "assistant", "content": "I look.", "tool_calls": [CALL]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "sunny"}
    assert ANSWER in chat([*ASKED, called, result]).choices[0].message.content


@check
def chat_of_201_messages():
    turn = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    chat([*turn * 100, *ASKED])


@check
def chat_of_2001_messages():
    turn = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    chat([*turn * 1000, *ASKED])


@check
def chat_system_and_developer_messages():
    chat([{"role": "system", "content": "x"}, {"role": "developer", "content": "y"}, *ASKED])


@check
def chat_with_many_parameters():
    chat(temperature=0.2, top_p=0.9, max_tokens=50, seed=1, user="u", stop=["x"], n=1)


@check
def chat_with_null_parameters():
    names = ("stream", "tools", "response_format", "stream_options", "n", "tool_choice", "stop")
    chat(extra_body=dict.fromkeys(names))


@check
def chat_title_of_a_conversation():
    task = "### Task:\nGenerate a concise title for the chat history.\n### Chat History:\n" + (
        f"<chat_history>\nUSER: {QUESTION}\nASSISTANT: 26 weeks\n</chat_history>"
    )
    title = chat([{"role": "user", "content": task}]).choices[0].message.content
    assert "parents" in title.lower()
    assert len(title) < 80


@check
def chat_tools_are_ignored_without_a_model():
    assert ANSWER in chat(tools=[TOOL]).choices[0].message.content


@check
def chat_tools_that_must_be_called_are_refused_without_a_model():
    raises(
        openai.BadRequestError, lambda: chat(tools=[TOOL], tool_choice="required"), "language model"
    )


@check
def chat_tools_reach_the_model():
    choice = chat(tools=[TOOL], client=model).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls[0].function.name == "weather"


@check
def chat_tools_are_streamed():
    asked = {"model": "default", "messages": ASKED, "tools": [TOOL]}
    with model.chat.completions.stream(**asked) as stream:
        (call,) = stream.get_final_completion().choices[0].message.tool_calls
    assert call.function.arguments == '{"city": "26 weeks"}'


@check
def chat_results_of_tools_reach_the_model():
    first = chat(tools=[TOOL], client=model).choices[0].message
    result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "sunny"}
    again = [*ASKED, first.model_dump(exclude_none=True), result]
    assert ANSWER in chat(again, tools=[TOOL], client=model).choices[0].message.content


@check
def chat_structured_output():
    parsed = model.chat.completions.parse(model="default", messages=ASKED, response_format=Leave)
    assert parsed.choices[0].message.parsed == Leave(duration="26 weeks", weeks=26)


@check
def chat_structured_output_is_refused_without_a_model():
    raises(
        openai.BadRequestError,
        lambda: one.chat.completions.parse(model="default", messages=ASKED, response_format=Leave),
        "language model",
    )


@check
def chat_json_object():
    chat(response_format={"type": "json_object"}, client=model)


@check
def chat_response_format_text():
    assert ANSWER in chat(response_format={"type": "text"}).choices[0].message.content


@check
def chat_with_a_language_model():
    text = chat(client=model).choices[0].message.content
    assert text.startswith("Parents may be absent for up to 26 weeks [1].")


@check
def responses_text():
    assert ANSWER in respond().output_text


@check
def responses_with_file_search():
    search, message = respond(tools=[STORE], include=RESULTS).output
    assert search.results[0].filename == "leave.md"
    assert message.content[0].annotations[0].type == "file_citation"


@check
def responses_cited_file_can_be_read():
    message = respond(tools=[STORE]).output[1]
    assert ANSWER in one.files.content(message.content[0].annotations[0].file_id).text


@check
def responses_results_have_the_type():
    search = respond(tools=[STORE], include=RESULTS).output[0]
    assert search.results[0].attributes["type"] == "text/markdown"


@check
def responses_of_several_stores():
    response = several.responses.create(
        model="handbook", input="how long does the dough rest?", tools=[BOTH], include=RESULTS
    )
    files = {result.filename for result in response.output[0].results}
    assert "bread.md" in files
    assert len(files) > 2


@check
def responses_of_several_stores_cite_files_that_can_be_read():
    asked = {"model": "handbook", "input": "how long does the dough rest?", "tools": [BOTH]}
    response = several.responses.create(**asked)
    cited = response.output[1].content[0].annotations[0]
    assert "Knead" in several.files.content(cited.file_id).text


@check
def responses_second_turn_with_the_output_items():
    first = respond(tools=[STORE])
    again = [*ASKED, *(item.model_dump() for item in first.output), *ASKED]
    assert respond(again, tools=[STORE]).status == "completed"


@check
def responses_function_tool_is_ignored():
    assert ANSWER in respond(tools=[FUNCTION]).output_text


@check
def responses_web_search_tool_is_ignored():
    assert ANSWER in respond(tools=[{"type": "web_search"}, STORE]).output_text


@check
def responses_function_call_of_the_model():
    response = respond(tools=[FUNCTION], client=model)
    assert [item.type for item in response.output] == ["function_call"]


@check
def responses_function_call_output():
    call = respond(tools=[FUNCTION], client=model).output[0]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    again = [*ASKED, call.model_dump(), result]
    assert ANSWER in respond(again, tools=[FUNCTION], client=model).output_text


@check
def responses_previous_response_is_refused_with_the_reason():
    raises(
        openai.BadRequestError,
        lambda: respond(previous_response_id="resp_1"),
        "send the conversation as input",
    )


@check
def responses_stream():
    with one.responses.stream(model="default", input=QUESTION) as stream:
        kinds = [event.type for event in stream]
        assert ANSWER in stream.get_final_response().output_text
    assert kinds[0] == "response.created"


@check
def responses_stream_of_a_function_call():
    asked = {"model": "default", "input": QUESTION, "tools": [FUNCTION]}
    with model.responses.stream(**asked) as stream:
        assert stream.get_final_response().output[0].arguments == '{"city": "26 weeks"}'


@check
def responses_structured_output():
    parsed = model.responses.parse(model="default", input=QUESTION, text_format=Leave)
    assert parsed.output_parsed == Leave(duration="26 weeks", weeks=26)


@check
def responses_usage():
    assert respond().usage.total_tokens > 0


@check
def responses_null_fields():
    names = ("tools", "include", "stream", "instructions", "text", "previous_response_id")
    respond(extra_body=dict.fromkeys(names))


@check
async def asynchronous_client():
    client = openai.AsyncOpenAI(base_url=URL, api_key="none", max_retries=0)
    result = await client.chat.completions.create(model="default", messages=ASKED)
    assert ANSWER in result.choices[0].message.content
    await client.close()


@check
def connections_are_kept():
    for _ in range(20):
        one.models.list()


run()
