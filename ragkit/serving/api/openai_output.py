"""Tools and output formats of a request, for the language model behind a collection.

Chat completions and responses say the same in different fields; both become one `OutputRequest`.
Tools that the provider itself would run (file_search, web_search) are no part of it. Without a
language model, tools that it need not call are ignored, and everything else is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragkit.serving.api.openai_messages import message_text, question_position
from ragkit.serving.collections.answering import has_language_model
from ragkit.serving.collections.library import ServedCollection
from ragkit.serving.transport.json_http import ApiError

if TYPE_CHECKING:
    from ragkit.answers.model_output import OutputRequest
    from ragkit.records.answers import ToolCallPiece

_ADVICE = (
    "This server has none for the collection {name}; name one in its settings (llm_preset or "
    "llm_base_url, and llm_model)"
)


def chat_output(
    body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], served: ServedCollection
) -> OutputRequest | None:
    """Return what a chat completion asks of the language model besides an answer; None if nothing.

    `messages`: those of the request. Raises ApiError 400 for what cannot be done.
    """
    return _build(
        body.get("tools") or (),
        body.get("tool_choice"),
        body.get("parallel_tool_calls"),
        body.get("response_format"),
        "",
        messages,
        served,
        format_param="response_format",
    )


def response_output(
    body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], served: ServedCollection
) -> OutputRequest | None:
    """Return what a response asks of the language model besides an answer; None if nothing.

    `messages`: its input as messages of a chat. Raises ApiError 400 for what cannot be done.
    """
    tools = []
    for tool in body.get("tools") or ():
        if tool["type"] == "function":
            names = ("name", "description", "parameters", "strict")
            function = {name: tool[name] for name in names if tool.get(name) is not None}
            tools.append({"type": "function", "function": function})
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "function":
        choice = {"type": "function", "function": {"name": choice.get("name")}}
    output_format = (body.get("text") or {}).get("format")
    if output_format and output_format.get("type") == "json_schema":
        names = ("name", "description", "schema", "strict")
        fields = {name: output_format[name] for name in names
                  if output_format.get(name) is not None}  # fmt: skip
        output_format = {"type": "json_schema", "json_schema": fields}
    return _build(
        tools,
        choice,
        body.get("parallel_tool_calls"),
        output_format,
        body.get("instructions") or "",
        messages,
        served,
        format_param="text.format",
    )


def _build(
    tools: Sequence[Mapping[str, Any]],
    choice: str | Mapping[str, Any] | None,
    is_parallel: bool | None,
    output_format: Mapping[str, Any] | None,
    instructions: str,
    messages: Sequence[Mapping[str, Any]],
    served: ServedCollection,
    *,
    format_param: str,
) -> OutputRequest | None:
    from ragkit.answers.model_output import OutputRequest

    functions = [_checked_function(tool) for tool in tools if tool.get("type") == "function"]
    functions, choice = _apply_choice(functions, choice)
    if output_format is not None and output_format.get("type") == "text":
        output_format = None
    if not has_language_model(served):
        advice = _ADVICE.format(name=served.name)
        if output_format is not None:
            raise ApiError(400, f"{format_param} needs a language model. {advice}",
                           "unsupported_value", format_param)  # fmt: skip
        if functions and choice not in (None, "auto"):
            raise ApiError(400, f"tool_choice requires the call of a tool, which needs a language "
                           f"model. {advice}", "unsupported_value", "tool_choice")  # fmt: skip
        return None
    if not functions and output_format is None:
        return None
    return OutputRequest(
        tools=tuple(functions),
        tool_choice=choice if functions else None,
        parallel_tool_calls=is_parallel if functions else None,
        response_format=output_format,
        instructions="\n\n".join(filter(None, [instructions, *_instructions(messages)])),
        messages=tuple(_after_question(messages)),
    )


def _checked_function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise ApiError(400, "a tool of the type function has no function.name", "invalid_value",
                       "tools")  # fmt: skip
    return tool


def _apply_choice(
    functions: list[Mapping[str, Any]], choice: str | Mapping[str, Any] | None
) -> tuple[list[Mapping[str, Any]], str | Mapping[str, Any] | None]:
    """The tools that a choice allows, and the choice as a chat completion has it.

    A choice of file_search is no choice for the language model: the search has taken place.
    """
    if choice == "none":
        return [], None
    if not isinstance(choice, dict):
        return functions, choice
    kind = choice.get("type")
    if kind == "allowed_tools":
        allowed = choice.get("allowed_tools") or choice
        names = {
            tool.get("name") or (tool.get("function") or {}).get("name")
            for tool in allowed.get("tools") or ()
            if isinstance(tool, dict)
        }
        kept = [tool for tool in functions if tool["function"]["name"] in names]
        return kept, allowed.get("mode") or "auto"
    if kind != "function":
        return functions, None
    name = (choice.get("function") or {}).get("name")
    if not any(tool["function"]["name"] == name for tool in functions):
        raise ApiError(400, f"tool_choice names {str(name)[:64]!r}, which is not among the tools",
                       "invalid_value", "tool_choice")  # fmt: skip
    return functions, choice


def _instructions(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """The texts of the system messages."""
    return [message_text(message.get("content")) for message in messages
            if message["role"] in ("system", "developer")]  # fmt: skip


def _after_question(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The calls of tools after the last question, and their results, as the model's server takes
    them."""
    forwarded = []
    for message in messages[question_position(messages) + 1 :]:
        fields: dict[str, Any] = {
            "role": message["role"], "content": message_text(message.get("content"))
        }  # fmt: skip
        for name in ("tool_calls", "tool_call_id", "name"):
            if message.get(name) is not None:
                fields[name] = message[name]
        if message["role"] in ("assistant", "tool", "function"):
            forwarded.append(fields)
    return forwarded


class ToolCalls:
    """The calls of one answer, from their pieces. A call without an id gets one."""

    def __init__(self) -> None:
        self.calls: dict[int, dict[str, str]] = {}  # index → id, name, arguments

    def add(self, piece: ToolCallPiece) -> tuple[dict[str, str], bool]:
        """Add a piece; return its call, and whether it is the first piece of it."""
        is_first = piece.index not in self.calls
        if is_first:
            self.calls[piece.index] = {
                "id": piece.id or f"call_{secrets.token_hex(12)}",
                "name": piece.name or "",
                "arguments": "",
            }
        call = self.calls[piece.index]
        call["name"] = call["name"] or piece.name or ""
        call["arguments"] += piece.arguments
        return call, is_first

    def chat_fields(self) -> list[dict[str, Any]]:
        """Return the calls as a message of a chat completion has them."""
        return [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"] or "{}"},
            }
            for _, call in sorted(self.calls.items())
        ]
