"""`ServerModel`: a language model behind any server with OpenAI's chat completions.

Contract: the seam `ChatModel`. Uses the network only as far as the user has named an address or a
preset: https://platform.openai.com/docs/api-reference/chat. What can go wrong on the way, and what
is tried again, is `endpoint`'s. Knows no sources and no citations.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

from ragkit.answers import Message
from ragkit.errors import ModelError, UsageError
from ragkit.network.json_client import JsonClient
from ragkit.records.answers import Usage

# Address, context in tokens, variable with the key. Ollama holds no more than 4,096 tokens unless
# it is told otherwise, and then silently drops the beginning, which is where the rules stand.
PRESETS = {
    "ollama": ("http://localhost:11434/v1", 4096, None),
    "llamacpp": ("http://localhost:8080/v1", 4096, None),
    "vllm": ("http://localhost:8000/v1", 8192, None),
    "openai": ("https://api.openai.com/v1", 32_768, "OPENAI_API_KEY"),
}
CONTEXT_TOKENS = 4096  # of a server of which nothing is known
_ANY_MODEL = "default"  # llama.cpp has one, whatever it is called
_PATH = "/chat/completions"
_THOUGHT = ("<think>", "</think>")


class ServerModel:
    """The model `name` of the server at `base_url`."""

    def __init__(
        self, base_url: str, name: str, api_key_env: str | None, context_tokens: int
    ) -> None:
        self.name = name
        self.context_tokens = context_tokens
        self._client = JsonClient(base_url, _PATH, api_key_env)
        own = "api.openai.com" in base_url  # its newest models take no other name, nor temperature
        self._limit = "max_completion_tokens" if own else "max_tokens"
        self._more: dict[str, Any] = {} if own else {"temperature": 0}

    def generate(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, Usage | None]:
        """See `ChatModel`. Thoughts that a model puts before its answer are left out."""
        content = {
            "model": self.name,
            "messages": [dict(message) for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            self._limit: max_tokens,
            **self._more,
        }
        usage: Usage | None = None
        reason = None
        thoughts = _Thoughts()
        with closing(self._client.stream(content)) as events:  # type: ignore[type-var]
            for event in events:
                if error := event.get("error"):
                    why = error.get("message") if isinstance(error, dict) else error
                    raise ModelError(f"{self._client.url} ended its response early: {why}")
                try:
                    usage = _usage(event) or usage
                    said, reason = _said(event, reason)
                except (AttributeError, TypeError, ValueError, OverflowError) as error:
                    raise ModelError(
                        f"{self._client.url} answers something else than a chat completion "
                        f"({error}). Is base_url that of an OpenAI-compatible server?"
                    ) from error
                if text := thoughts.without(said):
                    yield text
        if rest := thoughts.rest():
            yield rest
        if reason == "length":
            usage = Usage(
                usage.prompt_tokens if usage else 0,
                usage.completion_tokens if usage else max_tokens,
                cut_off=True,
            )
        return usage


def _said(event: dict[str, Any], reason: str | None) -> tuple[str, str | None]:
    """What an event says, and why the answer is at its end if it is."""
    said = ""
    for choice in event.get("choices") or ():
        reason = choice.get("finish_reason") or reason
        part = choice.get("delta") or choice.get("message") or {}
        said += part.get("content") or ""
    return said, reason


def _usage(event: dict[str, Any]) -> Usage | None:
    counted = event.get("usage")
    if not isinstance(counted, dict):
        return None
    return Usage(int(counted.get("prompt_tokens") or 0), int(counted.get("completion_tokens") or 0))


class _Thoughts:
    """Leaves out `<think>…</think>` at the beginning of an answer."""

    def __init__(self) -> None:
        self._held = ""
        self._passed = False

    def without(self, text: str) -> str:
        """What of the text so far is no thought, as far as that is known."""
        if self._passed:
            return text
        self._held = (self._held + text).lstrip()
        opening, closing_ = _THOUGHT
        if opening.startswith(self._held[: len(opening)]) and len(self._held) < len(opening):
            return ""
        if self._held.startswith(opening):
            _, found, after = self._held.partition(closing_)
            if not found:
                return ""
            self._held = after.lstrip()
        self._passed = True
        return self.rest()

    def rest(self) -> str:
        """What is held still."""
        held, self._held = self._held, ""
        return held if self._passed or not held.startswith(_THOUGHT[0]) else ""


def server_model(
    preset: str | None,
    base_url: str | None,
    model: str | None,
    api_key_env: str | None,
    context_tokens: int | None,
) -> ServerModel | None:
    """The model that the settings name, by preset or address; None where they name neither.

    Raises UsageError where no model is named, ModelError for an address that cannot be used.
    """
    if preset is None and base_url is None:
        return None
    address, context, key = PRESETS.get(preset or "", (None, CONTEXT_TOKENS, None))
    if base_url is not None:
        address, key = base_url, api_key_env  # a preset's key goes to the preset's address alone
    if model is None and preset == "llamacpp":
        model = _ANY_MODEL
    if model is None:
        raise UsageError(
            f"llm_model is not set; name the model that {address} is to answer with, "
            "as in RAGKIT_LLM_MODEL=llama3.2"
        )
    assert address is not None  # noqa: S101 (of a preset or named)
    return ServerModel(address, model, api_key_env or key, context_tokens or context)
