"""Language models: the protocol `ChatModel`, and `ServerModel` for OpenAI-compatible servers.

`ServerModel` uses the chat completions API (https://platform.openai.com/docs/api-reference/chat)
and sends requests only to an address that the user named, directly or by a preset. Connections,
retries and errors are those of `network.json_client`. Knows no sources and no citations.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any, Protocol, TypeAlias

from ragkit.errors import ModelError, UsageError
from ragkit.network.json_client import JsonClient
from ragkit.records.answers import ToolCallPiece, Usage

Message: TypeAlias = Mapping[str, str]  # role (system, user or assistant) and content
# A message as the chat completions API has it, which may call tools or be the result of one.
ApiMessage: TypeAlias = Mapping[str, Any]


class FilteredError(ModelError):
    """A content filter of the language model's server ended an answer."""


# Base URL, context in tokens, environment variable of the key. Ollama uses a context of 4,096
# tokens unless it is configured otherwise, and silently drops the beginning of a longer prompt,
# which is where the rules are.
PRESETS = {
    "ollama": ("http://localhost:11434/v1", 4096, None),
    "llamacpp": ("http://localhost:8080/v1", 4096, None),
    "vllm": ("http://localhost:8000/v1", 8192, None),
    "openai": ("https://api.openai.com/v1", 32_768, "OPENAI_API_KEY"),
}
DEFAULT_CONTEXT_TOKENS = 4096  # of a server that is named by its address
_ANY_MODEL = "default"  # llama.cpp serves one model and accepts any name for it
_PATH = "/chat/completions"
_THINKING = ("<think>", "</think>")


class ChatModel(Protocol):
    """A language model. Implementations are safe to call from several threads."""

    @property
    def name(self) -> str:
        """The name of the model, as in `Answer.model`."""

    @property
    def context_tokens(self) -> int:
        """The maximum number of tokens of prompt and answer together."""

    def generate(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, Usage | None]:
        """Yield the answer to `messages` piece by piece; return its token counts, if known.

        Closing the generator ends the request. Raises ModelError if the model cannot be used.
        """


class ServerModel:
    """The model `name` of the OpenAI-compatible server at `base_url`.

    `api_key_env` is the name of the environment variable with the key. Raises ModelError for an
    address that cannot be used.
    """

    def __init__(
        self, base_url: str, name: str, api_key_env: str | None, context_tokens: int
    ) -> None:
        self.name = name
        self.context_tokens = context_tokens
        self._client = JsonClient(base_url, _PATH, api_key_env)
        # OpenAI's newest models accept neither `max_tokens` nor a temperature.
        is_openai = "api.openai.com" in base_url
        self._limit_field = "max_completion_tokens" if is_openai else "max_tokens"
        self._parameters: dict[str, Any] = {} if is_openai else {"temperature": 0}

    def generate(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, Usage | None]:
        """See `ChatModel.generate`. `<think>…</think>` before the answer is left out."""
        with closing(self.generate_output(messages, max_tokens, {})) as outputs:
            while True:
                try:
                    output = next(outputs)
                except StopIteration as end:
                    usage: Usage | None = end.value
                    return usage
                if isinstance(output, str):
                    yield output

    def generate_output(
        self, messages: Sequence[ApiMessage], max_tokens: int, parameters: Mapping[str, Any]
    ) -> Generator[str | ToolCallPiece, None, Usage | None]:
        """Yield text and calls of tools piece by piece; return the token counts, if known.

        `parameters` are further parameters of the API, such as `tools` and `response_format`.
        Closing and errors are as in `generate`.
        """
        request = {
            "model": self.name,
            "messages": [dict(message) for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            self._limit_field: max_tokens,
            **self._parameters,
            **parameters,
        }
        usage: Usage | None = None
        finish_reason = None
        thinking = _ThinkingFilter()
        with closing(self._client.stream(request)) as events:
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    has_ended: bool = end.value
                    break
                if error := event.get("error"):
                    detail = error.get("message") if isinstance(error, dict) else error
                    raise ModelError(f"{self._client.url} ended its response early: {detail}")
                try:
                    usage = _parse_usage(event) or usage
                    content, calls, reason = _parse_choices(event)
                except (AttributeError, TypeError, ValueError, OverflowError) as error:
                    raise ModelError(
                        f"the response of {self._client.url} is not a chat completion ({error}). "
                        "Is base_url that of an OpenAI-compatible server?"
                    ) from error
                finish_reason = reason or finish_reason
                if text := thinking.feed(content):
                    yield text
                yield from calls
        if rest := thinking.end():
            yield rest
        if finish_reason is None and not has_ended:
            raise ModelError(
                f"{self._client.url} ended its response early: without finish_reason and [DONE]"
            )
        if finish_reason == "content_filter":
            raise FilteredError(
                f"{self._client.url} withheld the rest of its response (finish_reason "
                "content_filter)"
            )
        if finish_reason == "length":
            usage = Usage(
                usage.prompt_tokens if usage else 0,
                usage.completion_tokens if usage else max_tokens,
                cut_off=True,
            )
        return usage


def _parse_choices(event: dict[str, Any]) -> tuple[str, list[ToolCallPiece], str | None]:
    """Return the text and the pieces of tool calls of an event, and the reason why the answer is
    finished, if it is."""
    text, calls, finish_reason = "", [], None
    for choice in event.get("choices") or ():
        finish_reason = choice.get("finish_reason") or finish_reason
        message = choice.get("delta") or choice.get("message") or {}
        text += message.get("content") or ""
        for position, call in enumerate(message.get("tool_calls") or ()):
            function = call.get("function") or {}
            index = call.get("index")  # some servers send calls complete, without a number
            calls.append(
                ToolCallPiece(
                    index=position if index is None else int(index),
                    id=call.get("id") or None,
                    name=function.get("name") or None,
                    arguments=_parse_arguments(function.get("arguments")),
                )
            )
    return text, calls, finish_reason


def _parse_arguments(arguments: object) -> str:
    """The arguments of a call as JSON text; some servers send the object itself."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _parse_usage(event: dict[str, Any]) -> Usage | None:
    usage = event.get("usage")
    if not isinstance(usage, dict):
        return None
    return Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))


class _ThinkingFilter:
    """Removes `<think>…</think>` from the beginning of a streamed answer."""

    def __init__(self) -> None:
        self._pending = ""
        self._is_past = False  # whether the answer itself has begun

    def feed(self, text: str) -> str:
        """Take the next part of the stream and return what belongs to the answer; may be empty."""
        if self._is_past:
            return text
        self._pending = (self._pending + text).lstrip()
        opening, closing_tag = _THINKING
        is_partial_tag = len(self._pending) < len(opening) and opening.startswith(self._pending)
        if is_partial_tag:
            return ""
        if self._pending.startswith(opening):
            _, tag, after = self._pending.partition(closing_tag)
            if not tag:
                return ""
            self._pending = after.lstrip()
        self._is_past = True
        return self.end()

    def end(self) -> str:
        """Return the text that is still held back, except unfinished thinking."""
        pending, self._pending = self._pending, ""
        return pending if self._is_past or not pending.startswith(_THINKING[0]) else ""


def create_server_model(
    preset: str | None,
    base_url: str | None,
    model: str | None,
    api_key_env: str | None,
    context_tokens: int | None,
) -> ServerModel | None:
    """Return the model of a preset or of an address; None if neither is given.

    `base_url` replaces the preset's address and, with it, its key. Raises UsageError if no model is
    named, ModelError for an address that cannot be used.
    """
    if preset is None and base_url is None:
        return None
    address, context, key = PRESETS.get(preset or "", (None, DEFAULT_CONTEXT_TOKENS, None))
    if base_url is not None:
        address, key = base_url, api_key_env  # a preset's key is sent to the preset's address only
    if model is None and preset == "llamacpp":
        model = _ANY_MODEL
    if model is None:
        raise UsageError(
            f"llm_model is not set; name the model of {address} to use, "
            "as in RAGKIT_LLM_MODEL=llama3.2"
        )
    assert address is not None  # noqa: S101 (of a preset or given)
    return ServerModel(address, model, api_key_env or key, context_tokens or context)
