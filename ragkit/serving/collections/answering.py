"""Answers for callers of a server: from one collection or several, as text or in a form they ask.

What leaves names no server and no key: warnings that do are replaced, and logged. Knows no HTTP.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ragkit.collection_group import CollectionGroup
from ragkit.errors import UsageError
from ragkit.network.json_client import RefusedError
from ragkit.serving.collections.library import ServedCollection

if TYPE_CHECKING:
    from ragkit.answers.model_output import OutputRequest
    from ragkit.answers.pipeline import AnswerSources
    from ragkit.records.answers import Event, Turn

_REFUSED = (400, 422)  # by the model's server, because of the caller's tools or schema


def has_language_model(served: ServedCollection) -> bool:
    """Whether the settings of this collection name a language model."""
    settings = served.collection.settings
    return settings.llm_preset is not None or settings.llm_base_url is not None


def answer_stream(
    selected: Sequence[ServedCollection],
    question: str,
    overrides: Mapping[str, Any],
    history: Sequence[Turn] = (),
    output: OutputRequest | None = None,
) -> Iterator[Event]:
    """Yield the events of an answer from these collections; their hits are ranked together.

    `overrides` are as in `Collection.answer_options`. The language model is that of the first
    collection. `output` asks it for more than text: see `answers.model_output`.

    Raises as `Collection.ask_stream` does, and UsageError for an `output` without a language model.
    """
    if len(selected) == 1 and output is None:
        return selected[0].ask_stream(question, history=history, **overrides)
    from ragkit.answers.pipeline import load_language_model, stream_answer
    from ragkit.retrieval.options import validate_query

    first = selected[0].collection
    if len(selected) == 1:
        sources: AnswerSources = first.answer_sources(first.answer_options(overrides))
    else:
        group = CollectionGroup({served.name: served.collection for served in selected})
        sources = group.answer_sources(overrides)
    llm = load_language_model(first.settings)
    question = validate_query(question)
    if output is None:
        return _redact(stream_answer(question, history, llm, sources), selected)
    if llm is None:
        raise UsageError("the settings name no language model")
    from ragkit.answers.model_output import stream_output

    return _redact(stream_output(question, history, llm, sources, output), selected)


def _redact(stream: Iterator[Event], selected: Sequence[ServedCollection]) -> Iterator[Event]:
    from ragkit.records.answers import Answer

    def redact(text: str) -> str:
        for served in selected:
            text = served.redact_warning(text)
        return text

    with contextlib.closing(cast("Generator[Event, None, None]", stream)) as events:
        try:
            for event in events:
                if isinstance(event, Answer) and event.warnings:
                    yield dataclasses.replace(event, warnings=tuple(map(redact, event.warnings)))
                else:
                    yield event
        except RefusedError as error:
            if error.status not in _REFUSED:
                raise
            detail = redact(error.detail)
            raise UsageError(f"the language model's server refused the request: {detail}") from None
