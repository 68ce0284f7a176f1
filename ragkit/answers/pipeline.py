"""From a question to a cited answer: the order in which the stages come.

Question (made whole from the history), sources (found, widened to paragraphs), text (of a language
model, or the sources' own sentences), citations (resolved and checked). What each stage does is
in `retrieval` and `answers`; this module alone knows both. Knows no rendering.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ragkit.answers import ChatModel, Lens, followups
from ragkit.answers.citation_check import checked
from ragkit.answers.extractive import extracted, question_sentences
from ragkit.answers.prompt import Prompt, abstains, prompt, to_make_whole
from ragkit.answers.rendering import Outgoing, begins_line, unmarked, visible
from ragkit.encoders.tokenization import estimate
from ragkit.errors import ModelError
from ragkit.records.answers import (
    EXTRACTIVE,
    Answer,
    Event,
    Piece,
    Retrieved,
    Turn,
    Usage,
    last_answer,
)
from ragkit.records.documents import Hit

if TYPE_CHECKING:
    from ragkit.retrieval.options import SearchOptions
    from ragkit.retrieval.pipeline import Retriever
    from ragkit.settings import Settings

SOURCES = 6  # passages that an answer is made from, where nobody says another number
NOTHING = "The documents do not answer this."
_QUESTION_TOKENS = 128  # of a question that is made whole
_LONGEST_QUESTION = 1000  # characters


@dataclass(frozen=True, slots=True)
class Sources:
    """Where answers come from: one collection, searched in one way."""

    retriever: Retriever
    options: SearchOptions

    def find(self, question: str) -> tuple[Hit, ...]:
        """What answers the question: whole paragraphs, best first, each once."""
        from ragkit.retrieval import paragraphs

        found = self.retriever.search([question], self.options)[0]
        with self.retriever.store.reading() as connection:
            return tuple(paragraphs.expand_to_paragraphs(connection, found))

    def tell(self, told: list[str], warning: str) -> None:
        """A warning to the user at once, and to the answer."""
        told.append(warning)
        self.retriever.notify(warning)

    def words(
        self, talk: Sequence[str] = ()
    ) -> tuple[Callable[[str], list[str]], Callable[[str], float]]:
        """The words of a text, and how rare a word is in the collection. Words are taken to be in
        the language of `talk`, where there is any: one alone does not tell its own."""
        from ragkit.analysis.analyzer import content_terms
        from ragkit.analysis.language import detect_language

        with self.retriever.store.reading() as connection:
            index = self.retriever.indexes.lexical(connection)
        terms = (
            partial(content_terms, language=detect_language("\n".join(talk)))
            if talk
            else content_terms
        )
        return terms, index.idf

    def lens(self, question: str) -> Lens:
        """How near texts are to the question."""
        encoder = self.retriever.encoders.load_encoder()
        terms, rarity = self.words()
        asked = [question, *question_sentences(question, terms)]
        vector, *parts = self.retriever.encoders.query_vectors(encoder, asked)
        return Lens(question, vector, encoder.encode_passages, terms, rarity, tuple(parts))


class Chat:
    """A conversation. `stream` of a collection answers; each question knows those before it."""

    def __init__(self, stream: Callable[..., Iterator[Event]]) -> None:
        """`stream` is called with a question and `history`, as `Collection.ask_stream` is."""
        self.history: list[Turn] = []
        self._stream = stream

    def ask(self, text: str) -> Answer:
        """The answer to what is said next."""
        return last_answer(self.stream(text))

    def stream(self, text: str) -> Iterator[Event]:
        """The same as it is made. One that is closed before its end leaves no trace."""
        for event in self._stream(text, history=tuple(self.history)):
            if isinstance(event, Answer):
                self.history.append(Turn(text, event.text))
            yield event


def language_model(settings: Settings) -> ChatModel | None:
    """The language model that the settings name; None where they name none."""
    if settings.llm_preset is None and settings.llm_base_url is None:
        return None
    from ragkit.answers.llm import server_model

    return server_model(
        settings.llm_preset,
        settings.llm_base_url,
        settings.llm_model,
        settings.llm_api_key_env,
        settings.llm_context_tokens,
    )


def stream(
    question: str, history: Sequence[Turn], llm: ChatModel | None, sources: Sources
) -> Iterator[Event]:
    """The events of one answer; see `Collection.ask_stream`."""
    told: list[str] = []  # warnings
    whole = question
    if history and llm is not None:
        whole, llm = _made_whole(question, history, llm, sources, told)
    if history and llm is None:
        talk = [question, *(turn.question for turn in history)]
        whole = followups.whole(question, history, *sources.words(talk))
    hits = sources.find(whole)
    yield Retrieved(hits, whole)
    if llm is not None and hits:
        try:
            yield from _generated(question, whole, history, llm, hits, sources, told)
            return
        except _NotBegunError as error:
            sources.tell(told, _without(llm, error))
    yield from _extracted(whole, hits, sources, told)


class _NotBegunError(ModelError):
    """The language model failed before its first word."""


def _without(llm: ChatModel, error: ModelError) -> str:
    return f"{llm.name} cannot be asked ({error}); the answer is made of the sources' own sentences"


def _made_whole(
    question: str,
    history: Sequence[Turn],
    llm: ChatModel,
    sources: Sources,
    told: list[str],
) -> tuple[str, ChatModel | None]:
    """The question as the model makes it whole, and the model; None where it cannot be asked."""
    try:
        with closing(llm.generate(to_make_whole(question, history), _QUESTION_TOKENS)) as pieces:
            said = visible("".join(pieces)).strip().strip('"')
    except ModelError as error:
        sources.tell(told, _without(llm, error))
        return question, None
    line = said.partition("\n")[0].removeprefix("Question:").strip()
    return (line if 0 < len(line) <= _LONGEST_QUESTION else question), llm


def _generated(
    question: str,
    whole: str,
    history: Sequence[Turn],
    llm: ChatModel,
    hits: tuple[Hit, ...],
    sources: Sources,
    told: list[str],
) -> Iterator[Event]:
    """The pieces and the answer of a language model. Raises _NotBegunError."""
    sent = prompt(question, hits, history, llm.context_tokens, estimate.count_tokens)
    if len(sent.sources) < len(hits):
        sources.tell(
            told,
            f"{len(hits) - len(sent.sources)} of {len(hits)} sources did not fit into the "
            f"{llm.context_tokens} tokens of llm_context_tokens",
        )
    cited = {hit.rank: hit for hit in sent.sources}
    out = Outgoing(cited)
    said: list[str] = []
    usage = None
    with closing(llm.generate(sent.messages, sent.answer_tokens)) as pieces:
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                usage = end.value
                break
            except ModelError as error:
                if not said:
                    raise _NotBegunError(str(error)) from error
                sources.tell(told, f"the answer breaks off: {error}")
                break
            if shown := out.feed(piece):
                said.append(shown)
                yield Piece(shown)
    if rest := out.end().rstrip():
        said.append(rest)
        yield Piece(rest)
    text = "".join(said)
    if not text.strip():
        raise _NotBegunError("it says nothing")
    for warning in _usage_warnings(usage, sent):
        sources.tell(told, warning)
    citations, unsupported = checked(text, cited, sources.lens(whole))
    answerable = bool(citations) or not abstains(text)
    if not answerable:
        unsupported = ()
    elif not citations:
        sources.tell(told, "the answer names no source")
    yield Answer(
        text, citations, answerable, hits, llm.name, unsupported, tuple(told), usage, whole
    )


def _usage_warnings(usage: Usage | None, sent: Prompt) -> list[str]:
    if usage is None:
        return []
    told = []
    fewest = sum(_fewest_tokens(message["content"]) for message in sent.messages)
    if 0 < usage.prompt_tokens < fewest:
        told.append(
            f"the server read {usage.prompt_tokens:,} tokens of a prompt that has {fewest:,} or "
            "more: it has cut it, and the rules in it with it. Give it a larger context, or set "
            "llm_context_tokens to what it holds"
        )
    if usage.cut_off:
        told.append(f"the answer ends at its limit of {sent.answer_tokens} tokens")
    return told


def _fewest_tokens(text: str) -> int:
    """What a text has at least, for the tokenizers of today: a token has six ASCII characters on
    average at the most, and two of other scripts."""
    plain = sum(character.isascii() for character in text)
    return plain // 6 + (len(text) - plain) // 2


def _extracted(
    question: str, hits: tuple[Hit, ...], sources: Sources, told: Sequence[str]
) -> Iterator[Event]:
    """The answer of the sources' own sentences, or that there is none."""
    said = extracted(sources.lens(question), hits) if hits else []
    if not said:
        yield Piece(NOTHING)
        yield Answer(NOTHING, (), False, hits, EXTRACTIVE, warnings=tuple(told), question=question)
        return
    out = Outgoing([cited.n for _, cited in said])
    shown = []
    for position, (words, cited) in enumerate(said):
        words = unmarked(words)  # noqa: PLW2901
        before = "\n" if begins_line(words) else " "
        if position and cited.citation != said[position - 1][1].citation:
            before = "\n\n"
        text = f"{before if position else ''}{words} [{cited.n}]"
        shown.append(out.feed(text))
        yield Piece(shown[-1])
    shown.append(out.end())
    yield Piece(shown[-1])
    citations = tuple(cited for _, cited in said)
    yield Answer(
        "".join(shown), citations, True, hits, EXTRACTIVE, (), tuple(told), question=question
    )
